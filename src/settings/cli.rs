//! What was typed: the command line as clap sees it. No I/O and no decisions.
//!
//! [`Cgi`] is all that a server or a `#!` line may say: in a CGI request there are no subcommands,
//! what follows the options is a script or nothing. [`Program`] is what a person may say.

#![allow(
    missing_docs,
    reason = "a comment at what is flattened would become a part of the help"
)]

mod image;
mod precompile;
mod request;
mod serve;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

pub use image::{Image, ImageCommand};
pub use precompile::Precompile;
pub use request::Closer;
pub use request::{As, Request};
pub use serve::{LogFormat, Serve};

/// What a server or a `#!` line may say.
#[derive(Debug, Parser)]
#[command(name = "wsgi-cgi")]
pub struct Cgi {
    #[command(flatten)]
    pub options: CgiOptions,

    /// The application: FILE[:CALLABLE], MODULE[:CALLABLE] or config:FILE.ini[#NAME]
    #[arg(value_name = "APP")]
    pub app: Option<OsString>,
}

const ABOUT: &str = "\
Answer a CGI request with a Python WSGI application

A web server starts this program for one request, usually through the first line
of a script, which may carry options too:

    #!/usr/local/bin/wsgi-cgi
    def application(environ, start_response): ...

By hand, `wsgi-cgi request APP` makes a request and shows the answer, and
`wsgi-cgi serve APP` shows the application to a browser.";

/// What a person may say.
#[derive(Debug, Parser)]
#[command(
    name = "wsgi-cgi",
    about = ABOUT,
    long_about = None,
    version,
    max_term_width = 80,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Program {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub cgi: Cgi,
}

/// What a person may want of it.
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "a comment here would hide those of the structures from clap"
)]
pub enum Command {
    Request(Box<Request>),
    Serve(Box<Serve>),
    Image(Box<Image>),
    Precompile(Box<Precompile>),
    Help(Help),
    Completions(Completions),
}

/// Show the help of the program or of a command
#[derive(Debug, Args)]
pub struct Help {
    /// As a manual page: `wsgi-cgi help --man | man -l -`
    #[arg(long)]
    pub man: bool,

    /// The command, such as request
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}

/// Print what makes a shell complete the options: `source <(wsgi-cgi completions bash)`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell: bash, zsh or fish
    #[arg(value_parser = PossibleValuesParser::new(["bash", "zsh", "fish"]), hide_possible_values = true)]
    pub shell: String,
}

/// The options that every way to run an application shares.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
    /// Use this Python and its packages
    #[arg(long, value_name = "FILE")]
    pub python: Option<PathBuf>,

    /// Use the packages of this virtual environment
    #[arg(long, value_name = "DIR")]
    pub venv: Option<PathBuf>,

    /// Look for modules here too, after the application's own folder (repeatable)
    #[arg(long = "python-path", value_name = "DIR")]
    pub python_path: Vec<PathBuf>,

    /// Change to this folder before the application is loaded
    #[arg(long, value_name = "DIR")]
    pub chdir: Option<PathBuf>,

    /// Say that the application is mounted at this path (SCRIPT_NAME); auto: as the URL has it
    #[arg(long = "script-name", value_name = "PATH")]
    pub script_name: Option<String>,

    /// End a request that takes longer, and log where it was
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub timeout: Option<f64>,

    /// Show what failed in the error page, for developers only
    #[arg(long)]
    pub debug: bool,

    /// Append the error log to this file instead of the server's
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// The options of a CGI request.
#[derive(Clone, Debug, Default, Args)]
pub struct CgiOptions {
    #[command(flatten)]
    pub shared: Options,

    /// Write a whole HTTP response (non-parsed header script)
    #[arg(long)]
    pub nph: bool,

    /// Keep each request that ends in a 5xx in this folder, for `request --replay`
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,

    /// Keep the newest N of them [default: 20]
    #[arg(long = "record-files", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub record_files: Option<u32>,

    /// Cut each at N bytes [default: 1048576]
    #[arg(long = "record-bytes", value_name = "N")]
    pub record_bytes: Option<u64>,

    /// Keep passwords, cookies and other secrets of a request too
    #[arg(long = "record-secrets")]
    pub record_secrets: bool,

    #[command(flatten)]
    pub images: ImageOptions,
}

/// The options about images.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Images")]
pub struct ImageOptions {
    /// Answer from the image of the loaded application, which is made when there is none
    #[arg(long)]
    pub image: bool,

    /// Keep images in this folder, which is nobody else's
    #[arg(long = "cache-dir", value_name = "DIR", value_parser = parse_absolute)]
    pub cache_dir: Option<PathBuf>,

    /// Make an image anew once it is so old [default: 86400]
    #[arg(long = "max-age", value_name = "SECONDS")]
    pub max_age: Option<u64>,

    /// Make an image anew once it has answered N requests
    #[arg(long = "max-restores", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_restores: Option<u64>,

    /// Send a GET for this path through the application before an image is made
    #[arg(long = "warm-up", value_name = "PATH")]
    pub warm_up: Option<String>,

    /// Make an image anew once this file has changed too; repeatable
    #[arg(long = "watch", value_name = "FILE", value_parser = parse_absolute)]
    pub watch: Vec<PathBuf>,
}

/// An image is looked for before it is known which working directory an option is relative to.
pub fn parse_absolute(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err("an absolute path is expected".into())
    }
}

impl From<Options> for CgiOptions {
    fn from(shared: Options) -> Self {
        Self {
            shared,
            ..Self::default()
        }
    }
}

/// A positive number of seconds.
pub fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 1e9 => Ok(seconds),
        _ => Err("a positive number of seconds, such as 30, is expected".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_hold_together() {
        Cgi::command().debug_assert();
        Program::command().debug_assert();
    }

    #[test]
    fn a_server_can_name_no_subcommand() {
        let cgi = Cgi::try_parse_from(["wsgi-cgi", "request"]).expect("a script of that name");
        assert_eq!(cgi.app, Some("request".into()));
        assert!(Cgi::try_parse_from(["wsgi-cgi", "request", "app.py"]).is_err());
    }

    #[test]
    fn every_help_fits_into_80_columns() {
        let mut program = Program::command().term_width(80);
        program.build();
        let names: Vec<String> = program
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        let mut texts = vec![
            program.render_help().to_string(),
            program.render_long_help().to_string(),
        ];
        for name in names {
            let command = program.find_subcommand_mut(&name).expect("named above");
            texts.push(command.render_help().to_string());
            texts.push(command.render_long_help().to_string());
        }
        for line in texts.iter().flat_map(|text| text.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn seconds_are_positive_numbers() {
        assert_eq!(parse_seconds("0.5"), Ok(0.5));
        for bad in ["0", "-1", "NaN", "inf", "soon", ""] {
            assert!(parse_seconds(bad).is_err(), "{bad}");
        }
    }
}
