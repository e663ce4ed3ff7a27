//! `wsgi-cgi precompile`: compiled modules, ahead of the first request.

use std::ffi::OsString;

use clap::{Args, ValueHint};

use super::CgiOptions;
use crate::passed_on::passed_on;

const AFTER: &str = "\
The application is loaded, not called. Run it as the user that the web server
runs scripts as: what that user cannot keep beside the source is kept in the
user's own cache.";

/// Compile the modules of an application ahead of its first request
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Precompile {
    /// The application: FILE[:CALLABLE], MODULE[:CALLABLE] or config:FILE.ini[#NAME]
    #[arg(value_name = "APP", value_hint = ValueHint::FilePath)]
    pub app: OsString,

    #[command(flatten)]
    pub options: CgiOptions,
}

passed_on!(struct Precompile { app, options });
