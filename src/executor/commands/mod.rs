//! The commands of a process with Python, one file each, and the choice between them.

mod cgi;
mod check;
mod executor;
mod image;
mod on_failure;
mod precompile;
mod request;
pub(crate) mod running_python;
mod serve;

use std::ffi::OsString;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;

use crate::interposed;
use exchange::MetaVariables;
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use process::{claim, environment, program, runtime_setup};
use settings::cli::{Command, Program};

/// Runs the command that the program passed on. Whether this is a CGI request is decided before any
/// argument is parsed: in one, arguments may be the client's words.
pub(crate) fn run(handed_on: &HandedOn) -> Exit {
    let now = Instant::now();
    let start = now.checked_sub(handed_on.age()).unwrap_or(now);
    if let Some(page) = handed_on.claim
        && let Err(error) = claim::adopt(page)
    {
        report::log(&format!(
            "cannot set up the memory that this process shares with the process that waits for it to answer: \
             {error}"
        ));
        return Exit::NoGood;
    }
    program::set_path(handed_on.program.clone());
    runtime_setup::name_as(&handed_on.executed);
    let mut environment = MetaVariables::from_environment();
    if !handed_on.has_language {
        environment.remove(environment::LANGUAGE);
    }
    interposed::take_preloaded(&mut environment);
    if environment.is_cgi_request() {
        cgi::run(handed_on, environment)
    } else {
        by_hand(handed_on, environment, start).unwrap_or_else(|error| {
            report::log_error(&error);
            Exit::Usage
        })
    }
}

/// Runs a command typed by a person; the program has parsed it already, so this cannot fail for a typo.
fn by_hand(handed_on: &HandedOn, environment: MetaVariables, start: Instant) -> Result<Exit> {
    let name = [OsString::from("wsgi-cgi")];
    let words = name.iter().chain(&handed_on.arguments);
    let typed = Program::try_parse_from(words)?.command;
    let typed = typed.context("bug in wsgi-cgi: no command was passed on")?;
    Ok(match typed {
        Command::Request(typed) => request::run(&typed, handed_on, environment, start),
        Command::Check(typed) => check::run(&typed, handed_on, &environment),
        Command::Serve(typed) => serve::run(&typed, handed_on, &environment),
        Command::Image(typed) => image::run(&typed.command, handed_on, &environment),
        Command::Precompile(typed) => precompile::run(&typed, handed_on, &environment),
        Command::Doctor(_) | Command::Install(_) | Command::Help(_) | Command::Completions(_) => {
            anyhow::bail!("bug in wsgi-cgi: this command needs no Python")
        }
    })
}
