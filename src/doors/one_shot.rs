//! The request of a command line: method, URL, headers and content become the meta-variables and
//! the message-body that a server would have made of them.
//!
//! `url` and `content` parse what was typed, `server` makes the meta-variables of a given server;
//! `cookies` and `redirect` hold what a client keeps from one request to the next.

pub mod content;
pub mod cookies;
pub mod data;
pub mod form;
pub mod redirect;
pub mod server;
pub mod url;
pub mod written;

use std::ffi::OsString;
use std::fmt;

use anyhow::{Result, bail};

use exchange::MetaVariables;

use content::Content;
use server::{Described, Server};
use url::Url;

/// Names and values, in order.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Errors for which curl has its own exit statuses.
#[derive(Debug)]
pub enum Refused {
    /// The URL is not valid, with the reason.
    Url(String),
    /// A file that cannot be read.
    Unreadable(OsString),
    /// A file that cannot be written.
    Unwritable(OsString),
    /// With -O, the URL has no file name.
    Nameless,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => f.write_str(why),
            Self::Unreadable(name) if name == "-" => f.write_str("cannot read standard input"),
            Self::Unreadable(name) => write!(f, "cannot read `{}`", name.display()),
            Self::Nameless => {
                f.write_str("-O: the URL does not end in a file name: use -o FILE instead")
            }
            Self::Unwritable(name) => write!(f, "cannot write `{}`", name.display()),
        }
    }
}

impl std::error::Error for Refused {}

/// A request that was typed.
#[derive(Debug)]
pub struct Typed {
    /// The method.
    pub method: String,
    /// Where to, below `mount`.
    pub url: Url,
    /// The path of the script in the URL, decoded: SCRIPT_NAME.
    pub mount: Vec<u8>,
    /// The header fields, those that a client adds by itself included.
    pub headers: Fields,
    /// The content, if any.
    pub content: Option<Content>,
    /// The script as the server would name it.
    pub script: std::path::PathBuf,
}

impl Typed {
    /// The meta-variables that `server` would give.
    ///
    /// # Errors
    /// For a request that this server would not or could not pass on.
    pub fn meta(&self, server: Server) -> Result<MetaVariables> {
        for (name, value) in &self.headers {
            check_field(name, value)?;
        }
        let path = url::decode(self.url.path());
        if path.contains(&0) {
            bail!(Refused::Url(format!(
                "`{}`: the path contains a NUL byte, which no server passes on",
                self.url
            )));
        }
        let Some(path_info) = self.url.below(&self.mount) else {
            bail!(
                "`{}` is not below `{}`",
                self.url,
                self.mount.escape_ascii()
            );
        };
        server.meta_variables(&Described {
            typed: self,
            path_info,
        })
    }
}

/// RFC 9110, sections 5.1 and 5.5: a name is a token, a value has no line end.
fn check_field(name: &[u8], value: &[u8]) -> Result<()> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if name.is_empty() || !name.iter().all(is_token) {
        bail!("header `{}`: this is not a valid name", name.escape_ascii());
    }
    if value.iter().any(|byte| b"\r\n\0".contains(byte)) {
        bail!(
            "header `{}`: the value must be one line: `{}`",
            name.escape_ascii(),
            value.escape_ascii()
        );
    }
    Ok(())
}
