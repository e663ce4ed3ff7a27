//! The process beside the one that loads an application for an image: it has the variables of the
//! request, starts that one with next to none of them, and observes it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use anyhow::Result;

use super::maker;
use crate::exchange::MetaVariables;
use crate::report::Exit;
use crate::snapshot::{freshness, observer};

/// Starts the same command again as the process that loads, and ends as it does.
pub(super) fn observe(environment: &MetaVariables, interface: Option<&OsStr>) -> Result<Exit> {
    let mut variables = maker::outside(environment);
    if let Some(interface) = interface {
        variables.set("GATEWAY_INTERFACE", interface.as_bytes());
    }
    let given = variables
        .iter()
        .filter(|(name, _)| freshness::is_given_unasked(name));
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(mark) = words.iter_mut().find(|word| *word == "--here") {
        *mark = format!("--observed={}", std::process::id()).into();
    }
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(words)
        .env_clear()
        .envs(given.map(|(name, value)| (OsStr::from_bytes(name), OsStr::from_bytes(value))));
    std::process::exit(observer::observe(command, &variables)?)
}
