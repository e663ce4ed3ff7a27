//! The process with Python: it forks a worker for each request it is handed, and never answers
//! one itself.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::super::executor::{Executor, Surroundings};
use super::worker::Worker;
use super::{Typed, decide, inspection, static_folders};
use crate::python::{self, Side};
use doors::server::Channel;
use exchange::MetaVariables;
use process::handed_on::HandedOn;
use process::report::Exit;
use process::{descriptors, limits, signals, stamp};
use settings::config::{Config, Source};

/// Forks workers until the listening process closes the channel, which is standard input.
pub(super) fn run(
    typed: &Typed,
    handed_on: &HandedOn,
    environment: &MetaVariables,
    open_files: u64,
) -> Result<Exit> {
    let private =
        descriptors::take_by_hand().context("the standard descriptors cannot be taken")?;
    let mut channel = Channel::from_other_end(private.stdin);
    drop(private.stdout);
    limits::set_open_files(open_files);
    let config = decide(typed, environment)?;
    let worker = Worker {
        config: &config,
        environment,
        folders: &static_folders(typed)?,
        is_discreet: typed.work.no_debug_page,
    };
    signals::install();
    stamp::begin();
    let mut executor = Executor::ready(
        &config,
        environment,
        &Surroundings::of(handed_on),
        inspection(),
    )?;
    // A worker that loads it once more shows why it failed.
    let loaded = executor.prepare(&config, typed.work.preload).is_ok();
    // Without it a worker only takes longer.
    _ = python::settle();
    let files = if typed.work.preload {
        files(&config)
    } else {
        Vec::new()
    };
    channel
        .tell_loaded(loaded.then_some(&files[..]))
        .context("the listening process has gone")?;

    signals::forget_children(true);
    loop {
        let next = channel.next_request();
        let Some(handover) = next.context("a request was lost")? else {
            executor.end();
            return Ok(Exit::Success);
        };
        if python::fork()? == Side::Child {
            signals::forget_children(false);
            drop(channel);
            return Ok(worker.answer(handover, |meta| {
                python::set_environment(meta)?;
                Ok(executor)
            }));
        }
    }
}

/// What the loaded application was made of.
fn files(config: &Config) -> Vec<PathBuf> {
    let mut files = python::loaded_files();
    if let Source::File(file) | Source::PasteDeploy { file, .. } = &config.app.source {
        files.push(file.clone());
    }
    files.sort();
    files.dedup();
    files
}
