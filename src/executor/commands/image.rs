//! Make the image of a loaded application: the process that loads it, which another one observes.

mod maker;
mod started;
mod taking;
mod trial;

use anyhow::{Context, Result, bail};

use exchange::MetaVariables;
use image::attempt::Files;
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use settings::cli::ImageCommand;

/// Does what was asked.
pub(super) fn run(
    command: &ImageCommand,
    handed_on: &HandedOn,
    environment: &MetaVariables,
) -> Exit {
    made(command, handed_on, environment).unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Failure
    })
}

fn made(command: &ImageCommand, handed_on: &HandedOn, environment: &MetaVariables) -> Result<Exit> {
    let ImageCommand::Make {
        script,
        warm_up,
        cache_dir: Some(folder),
        options,
        observed: Some(observer),
        attempt,
        unless_since,
        ..
    } = command
    else {
        bail!("a command was handed on that needs no Python");
    };
    let making = maker::Making {
        script: script.clone(),
        warm_up: warm_up.clone(),
        options: options.clone(),
        files: Files::new(folder, options, script)?,
        attempt: *attempt,
        by_hand: unless_since.is_none(),
        observer: *observer,
        maker: std::process::id(),
        program: handed_on.program.clone(),
    };
    making.here(handed_on, environment).context("no image")
}
