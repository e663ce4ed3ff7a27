//! The process beside the one that loads an application for an image: it has the variables of the
//! request, starts that one with next to none of them, and observes it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use anyhow::Result;

use super::attempt::{self, Files};
use super::maker;
use crate::exchange::MetaVariables;
use crate::process::{descriptors, signals};
use crate::report::Exit;
use crate::snapshot::{freshness, observer};

/// Starts the same command again as the process that loads, and ends as it does.
pub(super) fn observe(
    files: &Files,
    unless_since: Option<u64>,
    environment: &MetaVariables,
    interface: Option<&OsStr>,
) -> Result<Exit> {
    // A server's pipes are nothing that an application waits for.
    descriptors::close_others();
    signals::ignore_file_limit();
    let Some(attempt) = attempt::begin(files, unless_since, environment)? else {
        return Ok(Exit::Success);
    };
    let mut variables = maker::outside(environment);
    if let Some(interface) = interface {
        variables.set("GATEWAY_INTERFACE", interface.as_bytes());
    }
    let mut ended = observer::observe(loading(files, &variables, attempt.number)?, &variables)?;
    // What loading makes once is there the next time: a folder, a cache of its own.
    if ended == maker::SETTLES && attempt.number == 1 {
        ended = observer::observe(loading(files, &variables, attempt.number)?, &variables)?;
    }
    std::process::exit(ended)
}

/// The process that loads.
fn loading(files: &Files, variables: &MetaVariables, attempt: u64) -> Result<Command> {
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(place) = words.iter().position(|word| word == "--here") {
        words[place] = format!("--observed={}", std::process::id()).into();
        words.insert(place, format!("--attempt={attempt}").into());
        // With other variables it might find another.
        if files.folder.is_absolute() && !words.iter().any(|word| word == "--cache-dir") {
            words.splice(
                place..place,
                ["--cache-dir".into(), files.folder.clone().into()],
            );
        }
    }
    let given = variables
        .iter()
        .filter(|(name, _)| freshness::is_given_unasked(name));
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(words)
        .env_clear()
        .envs(given.map(|(name, value)| (OsStr::from_bytes(name), OsStr::from_bytes(value))));
    Ok(command)
}
