//! `wsgi-cgi image`: the images that requests are answered from.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

const AFTER: &str = "\
A script whose first line is `#!/usr/local/bin/wsgi-cgi --image` is answered
from the image of its loaded application. The first request makes it; so does
`make`, for the user that the web server runs scripts as.";

/// Make, list or remove the images of loaded applications
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Image {
    #[command(subcommand)]
    pub command: ImageCommand,
}

/// What is to be done with them.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Make the image of a script's application, or make it anew
    Make {
        /// The script
        #[arg(value_name = "SCRIPT")]
        script: PathBuf,

        /// Send a GET for this path through the application before, for what it
        /// loads only then
        #[arg(long = "warm-up", value_name = "PATH")]
        warm_up: Option<String>,

        /// Keep it in this folder, which is nobody else's
        #[arg(long = "cache-dir", value_name = "DIR", value_parser = super::parse_absolute)]
        cache_dir: Option<PathBuf>,

        /// One word of how the script is started
        #[arg(
            long = "option",
            value_name = "WORD",
            hide = true,
            allow_hyphen_values = true
        )]
        options: Vec<OsString>,

        /// Observe the process that is written to the image
        #[arg(long, hide = true)]
        here: bool,

        /// Be that process, observed by the one of this number
        #[arg(long, value_name = "PID", hide = true)]
        observed: Option<i32>,

        /// How often it was tried, this time counted in
        #[arg(long, value_name = "NUMBER", hide = true, default_value_t = 1)]
        attempt: u64,

        /// This variable of the request, with which this would be one
        #[arg(long, value_name = "VALUE", hide = true)]
        gateway_interface: Option<OsString>,

        /// Only if the image there is was made before, in seconds since 1970
        #[arg(long, value_name = "SECONDS", hide = true)]
        unless_since: Option<u64>,
    },
    /// List the images of this user: application, size and age, or why there is none
    Status {
        /// Of this script alone
        #[arg(value_name = "SCRIPT")]
        script: Option<PathBuf>,

        /// Print each step of a restore too
        #[arg(long)]
        explain: bool,

        /// The folder that they are in
        #[arg(long = "cache-dir", value_name = "DIR", value_parser = super::parse_absolute)]
        cache_dir: Option<PathBuf>,
    },
    /// Remove the image of a script's application, or all of this user's
    Drop {
        /// The script
        #[arg(value_name = "SCRIPT")]
        script: Option<PathBuf>,

        /// The folder that it is in
        #[arg(long = "cache-dir", value_name = "DIR", value_parser = super::parse_absolute)]
        cache_dir: Option<PathBuf>,
    },
}
