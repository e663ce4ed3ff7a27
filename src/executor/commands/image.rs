//! `image make`: the process that loads the application and becomes the image, while another process
//! observes it.

mod maker;
mod outcome;
mod started;
mod taking;
mod trial;
mod warm_up;

use anyhow::{Context, Result};

use exchange::MetaVariables;
use image::attempt::Files;
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use settings::cli::{Loading, Placement};

/// Makes the image.
pub(super) fn run(loading: &Loading, handed_on: &HandedOn, environment: &MetaVariables) -> Exit {
    made(loading, handed_on, environment).unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Failure
    })
}

fn made(loading: &Loading, handed_on: &HandedOn, environment: &MetaVariables) -> Result<Exit> {
    let making = maker::Making {
        script: loading.script.clone(),
        warm_up: loading.warm_up.clone(),
        unwarmed: loading.unwarmed,
        learns: loading.placement == Placement::Learns,
        flags: loading.flags.clone(),
        files: Files::new(&loading.folder, &loading.started_with, &loading.script)?,
        attempt: loading.attempt,
        by_hand: loading.by_hand,
        observer: loading.observer.cast_signed(),
        maker: std::process::id(),
        program: handed_on.program.clone(),
    };
    making.here(handed_on, environment).context("no image")
}
