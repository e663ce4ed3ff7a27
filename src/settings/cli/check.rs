//! `wsgi-cgi check`: is this a correct WSGI application, and does this gateway pass on what it
//! answers?

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::Options;
use crate::passed_on::passed_on;

const AFTER: &str = "\
The application is called again and again in one process, with a series of
requests for each URL: GET, HEAD and OPTIONS, conditions and ranges, forms, a
large body, unknown paths and methods. POST may change something: --safe leaves
it out. The default of --timeout is 10 seconds.

    wsgi-cgi check app.py / /login '/search?q=x'

Exit status: 0 for no findings or only notes, 1 for an error or a warning, 2
for a wrong command line or an application that cannot be loaded.";

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

/// Which requests are made.
#[derive(Debug, Args)]
#[command(next_help_heading = "The requests")]
pub struct CheckAsked {
    /// Also make the requests that an OpenAPI file describes (JSON, or YAML with PyYAML)
    #[arg(long, value_name = "FILE")]
    pub openapi: Option<PathBuf>,

    /// Also repeat a request that --record kept (repeatable)
    #[arg(long, value_name = "FILE")]
    pub replay: Vec<PathBuf>,

    /// Make only requests that change nothing: GET, HEAD and OPTIONS
    #[arg(long)]
    pub safe: bool,
}

/// How the findings are shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "The findings")]
pub struct CheckTold {
    /// Leave out findings of this rule (repeatable, or separated by commas)
    #[arg(long, value_name = "RULE")]
    pub ignore: Vec<String>,

    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,

    /// List the rules and check nothing
    #[arg(long)]
    pub rules: bool,
}

passed_on!(struct Check { app, urls, asked, told, options });

passed_on!(struct CheckAsked { openapi, replay, safe });

passed_on!(struct CheckTold { ignore, json, rules });
