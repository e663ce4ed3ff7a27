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

use anyhow::{Result, anyhow};

use crate::cli::SnapshotCommand;
use crate::exchange::MetaVariables;
use crate::report::{self, Exit};
use crate::snapshot::common::{self, Found};
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
                made(cache_dir.clone(), options, environment).and_then(|folder| {
                    let files = attempt::Files::new(&folder, options, script)?;
                    let interface = gateway_interface.as_deref();
                    observing::observe(&files, *unless_since, environment, interface)
                })
            } else if let Some(observer) = *observed {
                made(cache_dir.clone(), options, environment).and_then(|folder| {
                    maker::Making {
                        script: script.clone(),
                        warm_up: warm_up.clone(),
                        options: options.clone(),
                        files: attempt::Files::new(&folder, options, script)?,
                        attempt: *attempt,
                        by_hand: unless_since.is_none(),
                        observer,
                        maker: std::process::id(),
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

/// The folder that was named, else the one that the launcher would look in.
fn folder(named: Option<PathBuf>, options: &[OsString]) -> Result<PathBuf> {
    match named {
        Some(folder) => Ok(folder),
        None => Ok(find(options, &MetaVariables::default())?.folder),
    }
}

/// The same for an image that is to be made.
fn made(named: Option<PathBuf>, options: &[OsString], around: &MetaVariables) -> Result<PathBuf> {
    match named {
        Some(folder) => Ok(folder),
        None => find(options, around)?
            .make()
            .map_err(|why| anyhow!("no image can be made: {why}")),
    }
}

fn find(options: &[OsString], around: &MetaVariables) -> Result<Found> {
    let roots = place::ROOTS.map(|name| around.value(name));
    common::find(options, |name| std::env::var_os(name), &roots).map_err(|why| anyhow!(why))
}
