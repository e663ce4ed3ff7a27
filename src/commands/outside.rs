//! Started by a person: help, the version, or a word on what the program is for.

use std::ffi::OsString;

use clap::Parser;

use crate::cli::Cli;
use crate::report::{self, Exit};

/// Answers what can be answered without a request.
pub(super) fn run(arguments: Vec<OsString>) -> Exit {
    let command_line = [OsString::from("wsgi-cgi")].into_iter().chain(arguments);
    let cli = match Cli::try_parse_from(command_line) {
        Ok(cli) => cli,
        Err(answer) => {
            _ = answer.print();
            return if answer.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
        }
    };
    let app = cli
        .app
        .map_or("APP".into(), |app| app.display().to_string());
    report::log(&format!(
        "there is no request: a web server starts this program for one and describes it in the \
         environment (GATEWAY_INTERFACE, REQUEST_METHOD). To see what `{app}` answers, be the \
         server: `REQUEST_METHOD=GET PATH_INFO=/ wsgi-cgi {app}`. `wsgi-cgi --help` says more."
    ));
    Exit::Usage
}
