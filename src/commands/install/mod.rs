//! `wsgi-cgi install`: the script for an application, and what a web server needs for it. A plan is made of
//! all changes (`plan`), then it is shown or carried out as a whole, with what only the administrator can do.
//! Nothing here starts or asks a server, and Python is not run.

mod application;
mod blocks;
mod callable;
mod change;
mod diff;
mod import;
mod installation;
mod mark;
mod marked;
mod name;
mod notes;
mod packages;
mod paths;
mod plan;
mod removal;
mod script;
mod target;

use std::io::Write;

use anyhow::{Result, anyhow};

use process::report::{self, Exit};
use settings::cli::Install;

use change::Change;
use plan::Plan;

use super::progress::Progress;

/// Installs or removes the script and its configuration.
pub(super) fn run(typed: &Install) -> Exit {
    match install(typed) {
        Ok(()) => Exit::Success,
        Err(error) => {
            report::log_error(&error);
            Exit::Failure
        }
    }
}

fn install(typed: &Install) -> Result<()> {
    let progress = Progress::begin();
    progress.at("reading the application and the existing files");
    let Plan { changes, notes } = if typed.manner.remove {
        removal::plan(typed)?
    } else {
        installation::plan(typed)?
    };
    if typed.manner.dry_run {
        let changes = changes.iter().filter(|change| !change.is_nothing());
        let shown = changes.map(
            |Change {
                 path,
                 before,
                 after,
                 ..
             }| { diff::unified(path, before.as_deref(), after.as_deref()) },
        );
        return print(&(shown.collect::<String>() + &notes));
    }
    progress.at("writing the files");
    carry_out(&changes)?;
    let done = changes.iter().map(|change| {
        let path = change.path.display().to_string();
        format!("{}: {}\n", change.said, report::one_line(&path))
    });
    print(&(done.collect::<String>() + &notes))
}

/// All of them, or none.
fn carry_out(changes: &[Change]) -> Result<()> {
    let mut made = Vec::new();
    for change in changes.iter().filter(|change| !change.is_nothing()) {
        if let Err(error) = change.make() {
            for change in made.into_iter().rev() {
                Change::undo(change)?;
            }
            return Err(error);
        }
        made.push(change);
    }
    Ok(())
}

fn print(text: &str) -> Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| anyhow!(error).context("cannot write to standard output"))
}
