//! The process with Python: it forks a worker for each request, and never answers one itself.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::super::executor::{Executor, StartInfo};
use super::worker::Worker;
use super::{Typed, decide, inspection, static_folders};
use crate::python::{self, Side};
use doors::server::Channel;
use exchange::MetaVariables;
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use process::{descriptors, limits, log_time, signals};
use settings::config::{Config, Source};

/// Forks workers until the listening process closes the channel, which is standard input.
pub(super) fn run(
    typed: &Typed,
    handed_on: &HandedOn,
    environment: &MetaVariables,
    open_files: u64,
) -> Result<Exit> {
    let private =
        descriptors::take_by_hand().context("cannot redirect standard input and output")?;
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
    signals::stop_silently(true);
    log_time::begin();
    let mut executor = Executor::ready(
        &config,
        environment,
        &StartInfo::of(handed_on),
        inspection(),
    )?;
    let loaded = match executor.prepare(&config, typed.work.preload) {
        Ok(()) => true,
        Err(failure) => {
            // In development a worker loads it again and shows why it failed. A web server's requests may go to
            // the nursery before this one, so the reason is logged here.
            if typed.behind.scgi.is_some() {
                let traceback = failure.traceback.as_deref().unwrap_or_default();
                report::log(format!("{}\n{traceback}", failure.summary).trim_end());
            }
            false
        }
    };
    // If this fails, workers only take longer.
    _ = python::prepare_for_copies();
    let mut files = if typed.work.preload {
        files(&config)
    } else {
        Vec::new()
    };
    let around = typed.env.env_files.iter().map(std::path::absolute);
    files.extend(around.filter_map(Result::ok));
    channel
        .tell_loaded(loaded.then_some(&files[..]))
        .context("the listening process has ended")?;

    signals::forget_children(true);
    loop {
        let next = channel.next_request();
        let Some(handover) = next.context("cannot receive a request from the listening process")?
        else {
            executor.end();
            return Ok(Exit::Success);
        };
        if python::fork()? == Side::Child {
            signals::forget_children(false);
            signals::stop_silently(false);
            drop(channel);
            return Ok(worker.answer(handover, |meta| {
                python::set_environment(meta)?;
                Ok(executor)
            }));
        }
    }
}

/// The files that the application was loaded from.
fn files(config: &Config) -> Vec<PathBuf> {
    let mut files = python::loaded_files();
    if let Source::File(file) | Source::PasteDeploy { file, .. } = &config.app.source {
        files.push(file.clone());
    }
    files.sort_unstable();
    files.dedup();
    files
}
