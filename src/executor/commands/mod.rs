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

use std::time::Instant;

use anyhow::Result;

use crate::interposed;
use exchange::MetaVariables;
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use process::{claim, environment, program, runtime_setup};
use settings::cli::ForPython;

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

/// Runs a command typed by a person, as the program has understood it.
fn by_hand(handed_on: &HandedOn, environment: MetaVariables, start: Instant) -> Result<Exit> {
    Ok(match ForPython::from_words(handed_on.arguments.clone())? {
        ForPython::Request(typed, command_line) => {
            request::run(&typed, command_line, handed_on, environment, start)
        }
        ForPython::Check(typed) => check::run(&typed, handed_on, &environment),
        ForPython::Serve(typed) => serve::run(&typed, handed_on, &environment),
        ForPython::Load(loading) => image::run(&loading, handed_on, &environment),
        ForPython::Precompile(typed) => precompile::run(&typed, handed_on, &environment),
    })
}
