//! The process beside the one that loads an application for an image: it has the variables of the
//! request, starts that one with next to none of them, and observes it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::becoming::Becoming;
use crate::commands::handed_on;
use crate::restoring::started::Started;
use exchange::MetaVariables;
use image::attempt::{self, Ended, Files};
use image::{freshness, observer};
use process::environment::PRELOAD;
use process::report::Exit;
use process::{descriptors, signals};
use settings::decided;

/// What is to be made.
pub(crate) struct Order<'a> {
    pub(crate) folder: &'a Path,
    /// How the script is started.
    pub(crate) options: &'a [OsString],
    pub(crate) script: &'a Path,
    /// Only if the image there is was made before.
    pub(crate) unless_since: Option<u64>,
    /// GATEWAY_INTERFACE of the request, with which this would be one.
    pub(crate) interface: Option<&'a OsStr>,
}

/// Starts the process that loads, and ends as it does.
pub(crate) fn observe(order: &Order, started: &Started) -> Result<Exit> {
    // A server's pipes are nothing that an application waits for.
    descriptors::close_others();
    signals::ignore_file_limit();
    let files = Files::new(order.folder, order.options, order.script)?;
    let Some(attempt) = attempt::begin(&files, order.unless_since, &started.meta)? else {
        return Ok(Exit::Success);
    };
    let mut variables = freshness::outside(&started.meta);
    if let Some(interface) = order.interface {
        variables.set("GATEWAY_INTERFACE", interface.as_bytes());
    }
    let loading = || loading(order, started, &variables, attempt.number);
    let mut ended = observer::observe(loading()?, &variables)?;
    // What loading makes once is there the next time: a folder, a cache of its own.
    if Ended::of(ended) == Some(Ended::Settles) && attempt.number == 1 {
        ended = observer::observe(loading()?, &variables)?;
    }
    std::process::exit(ended)
}

/// The process that loads: the same command once more, as a Python.
fn loading(
    order: &Order,
    started: &Started,
    variables: &MetaVariables,
    attempt: u64,
) -> Result<Command> {
    let mut handed_on = handed_on(started);
    let words = &mut handed_on.arguments;
    if let Some(place) = words.iter().position(|word| word == "--here") {
        words[place] = format!("--observed={}", std::process::id()).into();
        words.insert(place, format!("--attempt={attempt}").into());
        // With other variables it might find another.
        if !words.iter().any(|word| word == "--cache-dir") {
            words.splice(
                place..place,
                ["--cache-dir".into(), order.folder.to_owned().into()],
            );
        }
    }
    let around = freshness::outside(variables);
    let config = decided::of_script(order.options.to_vec(), &around, order.script)?;
    let python = Becoming::of(&config, &around, &handed_on)?;
    let given = variables
        .iter()
        .filter(|(name, _)| freshness::is_given_unasked(name));
    let mut command = python.command(&handed_on);
    command
        .env_clear()
        .envs(given.map(|(name, value)| (OsStr::from_bytes(name), OsStr::from_bytes(value))));
    python.preload(&mut command, variables.get(PRELOAD));
    Ok(command)
}
