//! Make, list and remove images of loaded applications.

mod apart;
mod attempt;
mod list;
mod maker;
mod observing;
mod started;
mod store;
mod sweep;
mod taking;
mod trial;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cli::SnapshotCommand;
use crate::exchange::MetaVariables;
use crate::report::{self, Exit};
use crate::snapshot::place;

/// Does what was asked.
pub(super) fn run(command: &SnapshotCommand, environment: &MetaVariables) -> Exit {
    let done = match command {
        SnapshotCommand::Make {
            script,
            warm_up,
            cache_dir,
            options,
            here,
            observed,
            attempt,
            gateway_interface,
            unless_since,
        } => {
            if *here {
                folder(cache_dir.clone(), options).and_then(|folder| {
                    let files = attempt::Files::new(&folder, options, script)?;
                    let interface = gateway_interface.as_deref();
                    observing::observe(&files, *unless_since, environment, interface)
                })
            } else if let Some(observer) = *observed {
                folder(cache_dir.clone(), options).and_then(|folder| {
                    maker::Making {
                        script: script.clone(),
                        warm_up: warm_up.clone(),
                        options: options.clone(),
                        files: attempt::Files::new(&folder, options, script)?,
                        attempt: *attempt,
                        by_hand: unless_since.is_none(),
                        observer,
                    }
                    .here(environment)
                })
            } else {
                apart::make(
                    script,
                    warm_up.as_deref(),
                    cache_dir.as_deref(),
                    environment,
                )
            }
        }
        SnapshotCommand::Status {
            script,
            explain,
            cache_dir,
        } => folder(cache_dir.clone(), &[])
            .and_then(|folder| list::status(&folder, script.as_deref(), *explain)),
        SnapshotCommand::Drop { script, cache_dir } => {
            list::remove(script.as_deref(), cache_dir.clone())
        }
    };
    done.unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Failure
    })
}

/// The folder that was named, else the one that the launcher would take.
fn folder(named: Option<PathBuf>, options: &[OsString]) -> Result<PathBuf> {
    named
        .or_else(|| place::folder(options, |name| std::env::var_os(name)))
        .context("no folder for images: name one of this user's own with --cache-dir")
}
