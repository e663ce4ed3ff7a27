//! The options for showing the answer, named as in curl.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::passed_on::passed_on;

/// The options for showing the answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "The answer")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct ShownOptions {
    /// Show the head of the response too
    #[arg(short, long, alias = "show-headers")]
    pub include: bool,

    /// Write the answer to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write the answer to a file named like the last part of the URL
    #[arg(short = 'O', long, conflicts_with = "output")]
    pub remote_name: bool,

    /// Write the head of each response to this file; - is standard output
    #[arg(short = 'D', long, value_name = "FILE")]
    pub dump_header: Option<PathBuf>,

    /// Follow redirects, each as another single request, and keep cookies
    #[arg(short = 'L', long, alias = "location-trusted")]
    pub location: bool,

    /// Follow at most N redirects
    #[arg(
        long,
        value_name = "N",
        default_value_t = 50,
        allow_negative_numbers = true
    )]
    pub max_redirs: i64,

    /// Exit with 22 and do not show the content if the status is 400 or above
    #[arg(short, long)]
    pub fail: bool,

    /// Exit with 22 if the status is 400 or above, and show the content
    #[arg(long, conflicts_with = "fail")]
    pub fail_with_body: bool,

    /// Print this text at the end, with values in the place of %{http_code}, %{time_total} and so on;
    /// @FILE: the text in that file
    #[arg(short = 'w', long, value_name = "FORMAT", allow_hyphen_values = true)]
    pub write_out: Option<OsString>,
}

passed_on!(struct ShownOptions {
    include, output, remote_name, dump_header, location, max_redirs, fail, fail_with_body, write_out,
});
