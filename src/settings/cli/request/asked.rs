//! What is asked, by the names that curl has for it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::pieces::{CONTENT, Pieces};

/// What a request that was kept has already.
pub(super) const KEPT: [&str; 20] = [
    "url",
    "method",
    "url_option",
    "headers",
    CONTENT,
    "upload",
    "get",
    "url_query",
    "user",
    "oauth2_bearer",
    "cookie",
    "cookie_jar",
    "junk_session_cookies",
    "user_agent",
    "referer",
    "range",
    "head",
    "globoff",
    "path_as_is",
    "http10",
];

/// What is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "The request")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Asked {
    /// The method [default: GET, with content POST, with -T PUT]
    #[arg(short = 'X', long = "request", value_name = "METHOD", value_parser = parse_method)]
    pub method: Option<String>,

    /// The URL, instead of the word after APP
    #[arg(long = "url", value_name = "URL", conflicts_with = "url")]
    pub url_option: Option<String>,

    /// A header `Name: value`; `Name:` leaves a usual one out, `Name;` is empty
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub headers: Vec<OsString>,

    #[command(flatten)]
    pub pieces: Pieces,

    /// Send this file, by PUT; of standard input with -
    #[arg(short = 'T', long = "upload-file", value_name = "FILE", conflicts_with = CONTENT)]
    pub upload: Option<OsString>,

    /// Put what -d and its kind give into the query, and ask with GET
    #[arg(short = 'G', long)]
    pub get: bool,

    /// Add this to the query, encoded as with --data-urlencode
    #[arg(long, value_name = "DATA")]
    pub url_query: Vec<OsString>,

    /// Log in (Basic authentication); without a password it is asked for
    #[arg(short, long, value_name = "USER[:PASSWORD]")]
    pub user: Option<OsString>,

    /// Log in with this token (`Authorization: Bearer`)
    #[arg(long, value_name = "TOKEN", conflicts_with = "user")]
    pub oauth2_bearer: Option<OsString>,

    /// Cookies, `a=1; b=2`, or a file with them
    #[arg(short = 'b', long, value_name = "COOKIES|FILE")]
    pub cookie: Vec<OsString>,

    /// Write the cookies to this file afterwards, for -b; to standard output with -
    #[arg(short = 'c', long, value_name = "FILE")]
    pub cookie_jar: Option<PathBuf>,

    /// Leave out the cookies of the file that end with a browser's session
    #[arg(short, long)]
    pub junk_session_cookies: bool,

    /// The User-Agent; an empty one is not sent
    #[arg(short = 'A', long, value_name = "NAME")]
    pub user_agent: Option<OsString>,

    /// The Referer; with `;auto` at its end each redirect names where it came from
    #[arg(short = 'e', long, value_name = "URL")]
    pub referer: Option<OsString>,

    /// Ask for these bytes, such as 0-99
    #[arg(short, long, value_name = "RANGE")]
    pub range: Option<OsString>,

    /// Ask for a compressed answer (deflate, gzip), and show it decompressed
    #[arg(long)]
    pub compressed: bool,

    /// Ask for the head alone, and show it
    #[arg(short = 'I', long)]
    pub head: bool,

    /// Take backslashes before brackets and braces in the URL as they are
    #[arg(short, long)]
    pub globoff: bool,

    /// Leave `/../` and `/./` in the URL
    #[arg(long)]
    pub path_as_is: bool,

    /// Say that it is HTTP/1.0
    #[arg(short = '0', long = "http1.0")]
    pub http10: bool,

    /// End with exit status 28 if it takes longer, redirects included
    #[arg(short, long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub max_time: Option<Duration>,
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

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (0.0..=1e9).contains(seconds));
    let seconds = seconds.ok_or("a number of seconds, such as 2.5, is expected")?;
    Ok(Duration::from_secs_f64(seconds))
}
