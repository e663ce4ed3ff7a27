//! `image make`: the process that loads the application and becomes the image, while another process
//! observes it.

mod maker;
mod outcome;
mod started;
mod taking;
mod trial;
mod warm_up;

use anyhow::{Context, Result, bail};

use exchange::MetaVariables;
use image::attempt::Files;
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use settings::cli::{ImageCommand, Make};
use settings::options::{CACHE_DIR, WARM_UP};

const NOT_FOR_PYTHON: &str = "bug in wsgi-cgi: this command needs no Python";

/// Makes the image.
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
    let ImageCommand::Make(Make {
        script,
        options,
        order,
    }) = command
    else {
        bail!(NOT_FOR_PYTHON);
    };
    let (Some(observer), Some(folder)) = (order.observed, options.0.path(&CACHE_DIR)) else {
        bail!(NOT_FOR_PYTHON);
    };
    let making = maker::Making {
        script: script.clone(),
        warm_up: options.0.words_of(&WARM_UP),
        unwarmed: order.unwarmed,
        learns: order.learns,
        options: order.started_with.clone(),
        files: Files::new(&folder, &order.started_with, script)?,
        attempt: order.attempt.unwrap_or(1),
        by_hand: order.unless_since.is_none(),
        observer: observer.cast_signed(),
        maker: std::process::id(),
        program: handed_on.program.clone(),
    };
    making.here(handed_on, environment).context("no image")
}
