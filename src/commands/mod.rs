//! The program's stories, one file each, and the choice between them.

mod cgi;
mod executor;
mod help;
mod incident;
mod outside;
mod precompile;
mod record;
mod request;
mod serve;
mod snapshot;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

use crate::exchange::MetaVariables;

/// Runs the program. Whether this is a CGI request is decided before any argument is parsed: in
/// one, arguments may be the client's words.
#[must_use]
pub fn run() -> ExitCode {
    let start = Instant::now();
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let environment = MetaVariables::from_environment();
    if environment.are_of_cgi() {
        cgi::run(arguments, environment).into()
    } else {
        outside::run(&arguments, environment, start).into()
    }
}
