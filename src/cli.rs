//! What was typed: the command line as clap sees it. No I/O and no decisions.

use std::path::PathBuf;

use clap::{Args, Parser};

/// Answer a CGI request with a Python WSGI application.
///
/// A web server starts this program for one request, usually through the first line of a script:
///
///     #!/usr/local/bin/wsgi-cgi
///     def application(environ, start_response): ...
#[derive(Debug, Parser)]
#[command(name = "wsgi-cgi", version, max_term_width = 80, verbatim_doc_comment)]
pub struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,

    /// The application: FILE[:CALLABLE], MODULE[:CALLABLE] or config:FILE.ini[#NAME]
    #[arg(value_name = "APP")]
    pub(crate) app: Option<std::ffi::OsString>,
}

/// The options that every way to run an application shares.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
    /// Use the packages of this virtual environment
    #[arg(long, value_name = "DIR")]
    pub(crate) venv: Option<PathBuf>,

    /// Look for modules here too, after the application's own folder (repeatable)
    #[arg(long = "python-path", value_name = "DIR")]
    pub(crate) python_path: Vec<PathBuf>,

    /// Change to this folder before the application is loaded
    #[arg(long, value_name = "DIR")]
    pub(crate) chdir: Option<PathBuf>,

    /// Say that the application is mounted at this path (SCRIPT_NAME)
    #[arg(long = "script-name", value_name = "PATH")]
    pub(crate) script_name: Option<String>,

    /// End a request that takes longer, and log where it was
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) timeout: Option<f64>,

    /// Show the traceback in the error page
    #[arg(long)]
    pub(crate) debug: bool,

    /// Append the error log to this file instead of the server's
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    /// Write a whole HTTP response (non-parsed header script)
    #[arg(long)]
    pub(crate) nph: bool,
}

/// A positive number of seconds.
pub(crate) fn parse_seconds(text: &str) -> Result<f64, String> {
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
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn seconds_are_positive_numbers() {
        assert_eq!(parse_seconds("0.5"), Ok(0.5));
        for bad in ["0", "-1", "NaN", "inf", "soon", ""] {
            assert!(parse_seconds(bad).is_err(), "{bad}");
        }
    }
}
