//! Started by a person: one of the commands, or a word on what the program is for.

use std::ffi::OsString;
use std::time::Instant;

use clap::Parser;

use super::{help, precompile, request, serve, snapshot};
use crate::cli::{Command, Program};
use crate::exchange::MetaVariables;
use crate::report::{self, Exit};

/// Does what was typed; `start` is when the program began.
pub(super) fn run(arguments: &[OsString], environment: MetaVariables, start: Instant) -> Exit {
    let name = [OsString::from("wsgi-cgi")];
    let command_line = name.iter().chain(arguments);
    let program = match Program::try_parse_from(command_line) {
        Ok(program) => program,
        Err(answer) => {
            _ = answer.print();
            return if answer.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
        }
    };
    match program.command {
        Some(Command::Request(typed)) => request::run(&typed, environment, start),
        Some(Command::Serve(typed)) => serve::run(&typed, arguments, &environment),
        Some(Command::Snapshot(typed)) => snapshot::run(&typed.command, &environment),
        Some(Command::Precompile(typed)) => precompile::run(&typed, &environment),
        Some(Command::Help(typed)) => help::help(&typed),
        Some(Command::Completions(typed)) => help::completions(&typed),
        None => {
            let app = program.cgi.app;
            let app = app.map_or("APP".into(), |app| app.display().to_string());
            report::log(&format!(
                "there is no request: a web server starts this program for one and describes it in \
                 the environment (GATEWAY_INTERFACE, REQUEST_METHOD). To see what `{app}` answers: \
                 `wsgi-cgi request {app}`. `wsgi-cgi --help` says more."
            ));
            Exit::Usage
        }
    }
}
