//! `--scgi`: where web servers connect, and which of them may.

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueHint};

use super::network::Network;
use crate::passed_on::{PassedOn, Words, passed_on};

/// Where SCGI is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScgiPlace {
    /// A Unix socket at this path.
    Path(PathBuf),
    /// An address and a port; port 0 is any free one.
    Address(SocketAddr),
    /// The sockets that systemd passes.
    Systemd,
}

/// How web servers reach it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Behind a web server")]
pub struct ScgiOptions {
    /// Speak SCGI, for nginx, Apache or lighttpd: at a Unix socket's PATH, at ADDRESS:PORT, or `systemd`
    #[arg(
        long,
        value_name = "PATH|ADDRESS",
        value_hint = ValueHint::AnyPath,
        value_parser = OsStringValueParser::new().try_map(|text| parse(&text)),
        conflicts_with_all = ["bind", "port", "unix", "open", "inetd", "no_debug_page"]
    )]
    pub scgi: Option<ScgiPlace>,

    /// Let this group connect to the Unix socket, usually the group of the web server's user
    #[arg(long, value_name = "NAME", requires = "scgi")]
    pub group: Option<String>,

    /// Let these machines connect, with --public (repeatable): an address, or a network such as 10.0.0.0/8
    #[arg(long, value_name = "ADDRESS", requires = "scgi", requires = "public")]
    pub allow: Vec<Network>,

    /// Accept this variable from the web server too, in addition to those of CGI (repeatable)
    #[arg(long, value_name = "NAME", requires = "scgi")]
    pub variable: Vec<String>,

    /// Answer this path with 200 while requests are answered, else with 503: for monitoring
    #[arg(long, value_name = "PATH", requires = "scgi", value_parser = parse_health)]
    pub health: Option<OsString>,
}

fn parse(text: &OsStr) -> Result<ScgiPlace, String> {
    if text.as_bytes().contains(&b'/') {
        return Ok(ScgiPlace::Path(text.into()));
    }
    let expected = || {
        "a path with a `/` such as ./app.socket, an address with a port such as 127.0.0.1:9000, or \
         `systemd` is expected"
            .to_owned()
    };
    let text = text.to_str().ok_or_else(expected)?;
    if text == "systemd" {
        return Ok(ScgiPlace::Systemd);
    }
    if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse() {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        return Ok(ScgiPlace::Address(SocketAddr::new(here, port)));
    }
    text.parse().map(ScgiPlace::Address).map_err(|_| expected())
}

fn parse_health(text: &str) -> Result<OsString, String> {
    if text.starts_with('/') {
        Ok(text.into())
    } else {
        Err("a path such as /health is expected".into())
    }
}

impl PassedOn for ScgiPlace {
    fn put(&self, words: &mut Vec<OsString>) {
        match self {
            Self::Path(path) => {
                words.push("path".into());
                path.put(words);
            }
            Self::Address(address) => {
                words.push("address".into());
                address.put(words);
            }
            Self::Systemd => words.push("systemd".into()),
        }
    }

    fn take(words: &mut Words) -> Option<Self> {
        match words.next()?.to_str()? {
            "path" => PassedOn::take(words).map(Self::Path),
            "address" => PassedOn::take(words).map(Self::Address),
            "systemd" => Some(Self::Systemd),
            _ => None,
        }
    }
}

passed_on!(struct ScgiOptions { scgi, group, allow, variable, health });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_or_an_address() {
        let address = |text: &str| ScgiPlace::Address(text.parse().expect("an address"));
        for (text, expected) in [
            ("/run/app.socket", ScgiPlace::Path("/run/app.socket".into())),
            ("./s", ScgiPlace::Path("./s".into())),
            ("127.0.0.1:9000", address("127.0.0.1:9000")),
            ("[::1]:9000", address("[::1]:9000")),
            ("9000", address("127.0.0.1:9000")),
            ("systemd", ScgiPlace::Systemd),
        ] {
            assert_eq!(parse(text.as_ref()), Ok(expected), "{text}");
        }
        for text in ["", "app.socket", "localhost:9000", "127.0.0.1", "99999"] {
            assert!(parse(text.as_ref()).is_err(), "{text}");
        }
    }
}
