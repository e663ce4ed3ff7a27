//! The options for the request, named as in curl.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::pieces::{CONTENT, Pieces};
use crate::passed_on::passed_on;

/// The options that conflict with --replay, as the recorded request has these values.
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

/// The options for the request.
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

    /// A header `Name: value`; `Name:` removes a default one, `Name;` sends an empty one
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub headers: Vec<OsString>,

    #[command(flatten)]
    pub pieces: Pieces,

    /// Send this file with PUT; - is standard input
    #[arg(short = 'T', long = "upload-file", value_name = "FILE", conflicts_with = CONTENT)]
    pub upload: Option<OsString>,

    /// Put the data of -d and similar options into the query, and send GET
    #[arg(short = 'G', long)]
    pub get: bool,

    /// Add this to the query, encoded as with --data-urlencode
    #[arg(long, value_name = "DATA")]
    pub url_query: Vec<OsString>,

    /// Log in (Basic authentication); asks for the password if it is not given
    #[arg(short, long, value_name = "USER[:PASSWORD]")]
    pub user: Option<OsString>,

    /// Log in with this token (`Authorization: Bearer`)
    #[arg(long, value_name = "TOKEN", conflicts_with = "user")]
    pub oauth2_bearer: Option<OsString>,

    /// Send cookies: `a=1; b=2`, or a file with cookies
    #[arg(short = 'b', long, value_name = "COOKIES|FILE")]
    pub cookie: Vec<OsString>,

    /// Write all cookies to this file at the end, for -b; - is standard output
    #[arg(short = 'c', long, value_name = "FILE")]
    pub cookie_jar: Option<PathBuf>,

    /// Ignore the session cookies in the file of -b
    #[arg(short, long)]
    pub junk_session_cookies: bool,

    /// The User-Agent; if empty, none is sent
    #[arg(short = 'A', long, value_name = "NAME")]
    pub user_agent: Option<OsString>,

    /// The Referer; with `;auto` at the end, redirects send the previous URL
    #[arg(short = 'e', long, value_name = "URL")]
    pub referer: Option<OsString>,

    /// Request only these bytes, such as 0-99
    #[arg(short, long, value_name = "RANGE")]
    pub range: Option<OsString>,

    /// Request a compressed answer (deflate, gzip), and show it decompressed
    #[arg(long)]
    pub compressed: bool,

    /// Request only the head (HEAD), and show it
    #[arg(short = 'I', long)]
    pub head: bool,

    /// Send the URL with its backslashes; without -g, those before brackets and braces are left out
    #[arg(short, long)]
    pub globoff: bool,

    /// Keep `/../` and `/./` in the URL
    #[arg(long)]
    pub path_as_is: bool,

    /// Make the request an HTTP/1.0 request
    #[arg(short = '0', long = "http1.0")]
    pub http10: bool,

    /// Stop with exit status 28 after this time, redirects included
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
    let seconds = seconds.ok_or("expected a number of seconds, such as 2.5")?;
    Ok(Duration::from_secs_f64(seconds))
}

passed_on!(struct Asked {
    method, url_option, headers, pieces, upload, get, url_query, user, oauth2_bearer, cookie, cookie_jar,
    junk_session_cookies, user_agent, referer, range, compressed, head, globoff, path_as_is, http10, max_time,
});
