//! `wsgi-cgi serve`: where it listens, what it serves and how much of it.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum, ValueHint};

use super::ServeOptions;
use super::env_file::EnvOptions;
use super::scgi::ScgiOptions;
use crate::config::{App, Config, find_application};
use crate::passed_on::passed_on;
use exchange::MetaVariables;

const AFTER: &str = "\
Each request has a process of its own, as in cgi-bin: an edit shows at the next
request, and nothing stays behind. An exception shows a page with the traceback
to a browser on this machine.

    wsgi-cgi serve app.py
    wsgi-cgi serve --preload --static /static=./static mysite.wsgi
    wsgi-cgi serve --scgi /run/shop.socket --group www-data --image shop.py

Ctrl-C lets running requests finish, a second Ctrl-C ends them. This server is
for development, and for a small intranet behind a proxy: then use
--no-debug-page, as requests that come through a proxy may look as if they came
from this machine. With --scgi only a web server connects, and it is fit for
production: requests are answered from images with --image, or from a loaded
application with --preload.";

/// Serve an application over HTTP, for development
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Serve {
    /// The application: FILE[:CALLABLE], MODULE[:CALLABLE] or config:FILE.ini[#NAME]
    /// [default: app.py, wsgi.py, application.py or the project of manage.py]
    #[arg(value_name = "APP", value_hint = ValueHint::FilePath)]
    pub app: Option<OsString>,

    #[command(flatten)]
    pub place: PlaceOptions,

    #[command(flatten)]
    pub behind: ScgiOptions,

    #[command(flatten)]
    pub work: WorkOptions,

    #[command(flatten, next_help_heading = "The application")]
    pub env: EnvOptions,

    #[command(flatten, next_help_heading = "The application")]
    pub options: ServeOptions,
}

/// Where requests come in.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where")]
pub struct PlaceOptions {
    /// Listen at this address [default: 127.0.0.1; with --public: all addresses]
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<IpAddr>,

    /// Listen at this port; 0 is any free one
    #[arg(short, long, default_value_t = 8000)]
    pub port: u16,

    /// Listen at this Unix socket instead
    #[arg(long, value_name = "PATH", conflicts_with_all = ["bind", "port", "open"])]
    pub unix: Option<PathBuf>,

    /// Answer one request on standard input and output, then exit
    #[arg(long, conflicts_with_all = ["bind", "port", "unix", "open", "preload", "jobs"])]
    pub inetd: bool,

    /// Allow an address that other machines can reach
    #[arg(long)]
    pub public: bool,

    /// Open the application in the browser
    #[arg(long)]
    pub open: bool,
}

/// What is served, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "How")]
pub struct WorkOptions {
    /// Load the application once, and again when one of its files changes
    #[arg(long)]
    pub preload: bool,

    /// Answer up to N requests at once, the rest wait [default: 4 for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,

    /// Refuse longer request bodies; with K, M or G such as 10M
    #[arg(long = "max-body", value_name = "BYTES", default_value = "1G", value_parser = parse_size)]
    pub max_body: u64,

    /// Send the files of a folder for the paths below a URL (repeatable)
    #[arg(long = "static", value_name = "URL=DIR", value_parser = parse_static)]
    pub static_folders: Vec<StaticOption>,

    /// Never show what failed in the page: for a server behind a proxy
    #[arg(long = "no-debug-page", conflicts_with = "debug")]
    pub no_debug_page: bool,

    /// Format of the access log: short, combined or json (json applies to the error log too)
    #[arg(
        long = "log-format",
        value_name = "FORMAT",
        default_value = "short",
        value_enum,
        hide_possible_values = true
    )]
    pub log_format: LogFormat,

    /// Be the nursery, the process with Python; the programs it starts may open N files
    #[arg(long, value_name = "N", hide = true)]
    pub nursery: Option<u64>,
}

/// How the access log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people: `200 GET /path 1.2 kB 14 ms`, coloured on a terminal
    Short,
    /// As Apache's `combined`
    Combined,
    /// One JSON object a line
    Json,
}

/// A folder and the URL that its files are below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticOption {
    pub url: String,
    pub folder: PathBuf,
}

fn parse_static(text: &str) -> Result<StaticOption, String> {
    text.split_once('=')
        .filter(|(url, folder)| url.starts_with('/') && !folder.is_empty())
        .map(|(url, folder)| StaticOption {
            url: url.into(),
            folder: folder.into(),
        })
        .ok_or_else(|| "a path and a folder, such as /static=./static, are expected".into())
}

fn parse_size(text: &str) -> Result<u64, String> {
    let unit = |letter: char| text.strip_suffix([letter, letter.to_ascii_lowercase()]);
    let (number, unit) = [('K', 1 << 10), ('M', 1 << 20), ('G', 1 << 30)]
        .into_iter()
        .find_map(|(letter, bytes)| Some((unit(letter)?, bytes)))
        .unwrap_or((text, 1));
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "a number of bytes, such as 10M, is expected".into())
}

impl Serve {
    /// The application that was given, or the one found in the working directory.
    ///
    /// # Errors
    /// If none was given, and the working directory has none or more than one.
    pub fn named(&self) -> Result<OsString> {
        match &self.app {
            Some(app) => Ok(app.clone()),
            None => find_application(
                &std::env::current_dir().context("cannot determine the working directory")?,
            ),
        }
    }

    /// The settings that were typed.
    ///
    /// # Errors
    /// Where a value is invalid.
    pub fn decide(&self, environment: &MetaVariables) -> Result<Config> {
        let app = App::parse(&self.named()?)?;
        let config = Config::decide(self.options.clone(), environment, app)?;
        Ok(Config {
            // No need here: whoever has the application at hand can repeat the request.
            record: None,
            ..config
        })
    }
}

passed_on!(struct Serve { app, place, behind, work, env, options });

passed_on!(struct PlaceOptions { bind, port, unix, inetd, public, open });

passed_on!(struct WorkOptions {
    preload, jobs, max_body, static_folders, no_debug_page, log_format, nursery,
});

passed_on!(struct StaticOption { url, folder });

passed_on!(
    enum LogFormat {
        Short,
        Combined,
        Json,
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_folder_has_a_path() {
        assert!(parse_static("/s=./dir").is_ok());
        for bad in ["static=/tmp", "/static", "/static="] {
            assert!(parse_static(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("12"), Ok(12));
        assert_eq!(parse_size("2k"), Ok(2048));
        assert_eq!(parse_size("3M"), Ok(3 << 20));
        assert_eq!(parse_size("1G"), Ok(1 << 30));
        for bad in ["", "G", "-1", "1.5M", "99999999999G", "1GB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
