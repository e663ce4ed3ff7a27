//! Make, list and remove images of loaded applications.

mod list;
mod maker;

use anyhow::{Context, Result};

use crate::cli::SnapshotCommand;
use crate::exchange::MetaVariables;
use crate::report::{self, Exit};
use crate::snapshot::place;

/// Does what was asked.
pub(super) fn run(command: &SnapshotCommand, environment: MetaVariables) -> Exit {
    let done = match command {
        SnapshotCommand::Make {
            script,
            warm_up,
            argument,
            here,
            unless_since,
        } => {
            let making = maker::Making {
                script,
                warm_up: warm_up.as_deref(),
                argument: argument.as_deref(),
                unless_since: *unless_since,
            };
            if *here {
                making.here(environment)
            } else {
                making.elsewhere(&environment)
            }
        }
        SnapshotCommand::Status => list::status(),
        SnapshotCommand::Drop { script } => list::remove(script.as_deref()),
    };
    done.unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Failure
    })
}

fn folder() -> Result<std::path::PathBuf> {
    place::folder(|name| std::env::var_os(name))
        .context("no folder for images: set WSGI_CGI_CACHE_DIR to one of this user's own")
}
