//! `wsgi-cgi request`: the options of curl where curl has them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::Options;
use super::env_file::EnvOptions;

const AFTER: &str = "\
The request is made as a web server would: one Python, one call, the same
environ and the same checks. What the application prints, and all errors, go to
standard error.

    wsgi-cgi request app.py /login -d user=me -i -v

Exit status: 0 for an answer, 1 when the application failed or answered 500
itself, 2 for a wrong command line, 22 with -f for a status of 400 or above.";

/// Make one request here and show the answer
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
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
    pub shown: ShownOptions,

    #[command(flatten)]
    pub closer: Closer,

    #[command(flatten, next_help_heading = "The application")]
    pub env: EnvOptions,

    #[command(flatten, next_help_heading = "The application")]
    pub options: Options,
}

/// The request to make.
#[derive(Debug, Args)]
#[command(next_help_heading = "The request")]
pub struct Asked {
    /// The method [default: GET, with content POST]
    #[arg(short = 'X', long = "request", value_name = "METHOD", value_parser = parse_method)]
    pub method: Option<String>,

    /// A header `Name: value`; `Name:` leaves out a default one, `Name;` sends an empty one
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub headers: Vec<OsString>,

    /// Send this as form data; @FILE sends a file, @- standard input
    #[arg(short, long, value_name = "DATA", allow_hyphen_values = true)]
    pub data: Vec<OsString>,

    /// Send this as JSON; also @FILE and @-
    #[arg(long, value_name = "DATA", allow_hyphen_values = true, conflicts_with_all = ["data", "form"])]
    pub json: Option<OsString>,

    /// Send a form with files: NAME=TEXT, NAME=@FILE[;type=TYPE][;filename=NAME]
    #[arg(short = 'F', long, value_name = "NAME=VALUE", conflicts_with = "data")]
    pub form: Vec<OsString>,

    /// Log in (Basic authentication)
    #[arg(short, long, value_name = "USER:PASSWORD")]
    pub user: Option<OsString>,

    /// Cookies: `a=1; b=2`
    #[arg(short = 'b', long, value_name = "COOKIES")]
    pub cookie: Vec<OsString>,

    /// Make a HEAD request, and show the head of the response
    #[arg(short = 'I', long, conflicts_with_all = ["method", "data", "json", "form"])]
    pub head: bool,

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

    /// Repeat a request that --record kept
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "url", "method", "headers", "data", "json", "form", "user", "cookie", "head", "server",
        "location",
    ])]
    pub replay: Option<PathBuf>,
}

/// How the answer is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "The answer")]
pub struct ShownOptions {
    /// Show the head of the response too
    #[arg(short, long)]
    pub include: bool,

    /// Write the answer to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Follow redirects, each as a further single request, and keep cookies
    #[arg(short = 'L', long)]
    pub location: bool,

    /// Exit with 22 if the status is 400 or above
    #[arg(short, long)]
    pub fail: bool,
}

/// What is shown besides the answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "A closer look")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Closer {
    /// Show each step, with times in milliseconds
    #[arg(short, long)]
    pub verbose: bool,

    /// Show where the time went, and the slowest imports
    #[arg(long)]
    pub timing: bool,

    /// Draw where the time of imports and of the call went, as a flame graph
    #[arg(long, value_name = "FILE.svg", conflicts_with_all = ["location", "env"])]
    pub profile: Option<PathBuf>,

    /// Look into an exception with pdb, at the terminal
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

/// RFC 9110, section 9.1: a method is a token, and its case counts.
fn parse_method(text: &str) -> Result<String, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_token) {
        Ok(text.to_owned())
    } else {
        Err("a method is one word, such as PUT".into())
    }
}
