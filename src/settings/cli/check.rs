//! `wsgi-cgi check`: is this a correct WSGI application, and does this gateway treat it rightly?

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::Options;

const AFTER: &str = "\
The application is called again and again in one process, with a series of
requests for each URL: GET, HEAD and OPTIONS, conditions and ranges, forms, a
large body, paths and methods that it does not know. POST may change something:
with --safe there is none. --timeout is 10 seconds where nothing is said.

    wsgi-cgi check app.py / /login '/search?q=x'

Exit status: 0 when nothing or notes alone were found, 1 for an error or a
warning, 2 for a wrong command line or an application that cannot be loaded.";

/// Find out whether an application is correct WSGI
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Check {
    /// The application: FILE[:CALLABLE], MODULE[:CALLABLE] or config:FILE.ini[#NAME]
    #[arg(value_name = "APP", required_unless_present = "rules", value_hint = ValueHint::FilePath)]
    pub app: Option<OsString>,

    /// Paths with their queries, or whole URLs [default: /]
    #[arg(value_name = "URL")]
    pub urls: Vec<String>,

    #[command(flatten)]
    pub asked: CheckAsked,

    #[command(flatten)]
    pub told: CheckTold,

    #[command(flatten, next_help_heading = "The application")]
    pub options: Options,
}

/// What is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "The requests")]
pub struct CheckAsked {
    /// Ask for what an OpenAPI file describes too (JSON, or YAML with PyYAML)
    #[arg(long, value_name = "FILE")]
    pub openapi: Option<PathBuf>,

    /// Make a request again that --record has kept (repeatable)
    #[arg(long, value_name = "FILE")]
    pub replay: Vec<PathBuf>,

    /// Make no request that may change something: GET, HEAD and OPTIONS alone
    #[arg(long)]
    pub safe: bool,
}

/// How it is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "The findings")]
pub struct CheckTold {
    /// Leave out findings of this rule (repeatable, or separated by commas)
    #[arg(long, value_name = "RULE")]
    pub ignore: Vec<String>,

    /// As JSON
    #[arg(long)]
    pub json: bool,

    /// List the rules, and check nothing
    #[arg(long)]
    pub rules: bool,
}
