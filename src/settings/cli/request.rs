//! `wsgi-cgi request`: its options, named as in curl. `asked` has the options for the request, `pieces` those
//! for its content, `shown` those for the answer; `accepted` has options of curl that have no effect here.

mod accepted;
mod asked;
mod pieces;
mod shown;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::Options;
use super::env_file::EnvOptions;
use crate::passed_on::passed_on;
use accepted::Accepted;
use asked::KEPT;

pub use asked::Asked;
pub use pieces::{Kind, Piece};
pub(super) use shown::ShownOptions;

const AFTER: &str = "\
The request runs as under a web server: a new Python, one call, the same environ
and the same checks. What the application prints, and all errors, go to standard
error.

    wsgi-cgi request app.py /login -d user=me -i -v

A browser's \"Copy as cURL\" works too: replace `curl` with
`wsgi-cgi request APP`. curl's options for the network, TLS and the progress
meter (-k, -s, --http1.1, --connect-timeout, --proxy ...) have no effect.

Exit status: 0 for an answer, 1 when the application failed or answered 500,
2 for a wrong command line, and as in curl: 3 for a bad URL, 22 with -f for a
status of 400 or above, 23 or 26 for a file that cannot be written or read, 28
when --max-time is over, 47 for too many redirects, 61 for content that cannot
be decompressed.";

/// Make one request here and show the answer
#[derive(Debug, Args)]
#[command(after_help = AFTER, args_override_self = true)]
pub struct Request {
    /// The application: FILE[:CALLABLE], MODULE[:CALLABLE] or config:FILE.ini[#NAME]
    #[arg(value_name = "APP", value_hint = ValueHint::FilePath)]
    pub app: OsString,

    /// A path with its query, or a whole URL [default: the application's root]
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    #[command(flatten)]
    pub asked: Asked,

    #[command(flatten)]
    pub stead: Stead,

    #[command(flatten)]
    pub shown: ShownOptions,

    #[command(flatten)]
    pub closer: CloserLook,

    #[command(flatten)]
    pub accepted: Accepted,

    #[command(flatten, next_help_heading = "The application")]
    pub env: EnvOptions,

    #[command(flatten, next_help_heading = "The application")]
    pub options: Options,
}

impl Request {
    /// The URL: the word after APP, or the value of --url.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref().or(self.asked.url_option.as_deref())
    }
}

/// The server that the request comes from.
#[derive(Debug, Args)]
#[command(next_help_heading = "The server")]
pub struct Stead {
    /// A meta-variable that the server would set, such as REMOTE_USER=me (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<OsString>,

    /// Set the meta-variables as this server does, and no other variables in the
    /// environment: apache, lighttpd, fcgiwrap, busybox, or minimal (the least
    /// that RFC 3875 allows)
    #[arg(
        long = "as",
        value_name = "SERVER",
        value_enum,
        hide_possible_values = true
    )]
    pub server: Option<As>,

    /// Repeat a request from a file that --record has saved
    #[arg(long, value_name = "FILE", conflicts_with_all = KEPT, conflicts_with_all = [
        "server", "location", "remote_name", "write_out",
    ])]
    pub replay: Option<PathBuf>,
}

/// What to show in addition to the answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "A closer look")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct CloserLook {
    /// Show each step, with times in milliseconds
    #[arg(short, long)]
    pub verbose: bool,

    /// Show where the time went, and the slowest imports
    #[arg(long)]
    pub timing: bool,

    /// Write a flame graph of the imports and the call
    #[arg(long, value_name = "FILE.svg", conflicts_with_all = ["location", "env"])]
    pub profile: Option<PathBuf>,

    /// Debug an exception with pdb, in the terminal
    #[arg(long)]
    pub pdb: bool,

    /// Check the application with wsgiref.validate
    #[arg(long)]
    pub validate: bool,

    /// Print the environ, sorted, and do not call the application
    #[arg(long)]
    pub env: bool,
}

/// The servers that `--as` imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum As {
    /// Apache with mod_cgid or mod_cgi
    Apache,
    /// lighttpd with mod_cgi
    Lighttpd,
    /// nginx and fcgiwrap
    Fcgiwrap,
    /// busybox httpd
    Busybox,
    /// The least that RFC 3875 allows
    Minimal,
}

passed_on!(struct Request { app, url, asked, stead, shown, closer, accepted, env, options });

passed_on!(struct Stead { set, server, replay });

passed_on!(struct CloserLook { verbose, timing, profile, pdb, validate, env });

passed_on!(
    enum As {
        Apache,
        Lighttpd,
        Fcgiwrap,
        Busybox,
        Minimal,
    }
);
