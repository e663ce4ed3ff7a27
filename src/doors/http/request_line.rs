//! `method SP request-target SP HTTP-version` (RFC 9112, section 3), read as soon as it is whole:
//! a client that speaks something else is told at once.

use super::grammar::is_tchar;
use super::target::Target;
use super::{Refusal, limits};

/// The version the connection is served with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: no chunked coding, and the connection closes unless asked otherwise.
    Http10,
    /// HTTP/1.1, or a later minor version, which is served as 1.1 (RFC 9110, section 2.5).
    Http11,
}

/// A request line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// The method, case-sensitive (RFC 9110, section 9.1).
    pub method: Vec<u8>,
    /// What is asked for.
    pub target: Target,
    /// The version to answer with.
    pub version: Version,
}

impl RequestLine {
    /// Reads a line without its end.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Refusal> {
        // Section 3: one space between the parts and none elsewhere. A parser may be lenient
        // here; two lenient ones need not agree.
        let mut parts = line.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::bad(
                "the request line is not a method, a target and a version",
            ));
        };
        if method.is_empty() || !method.iter().copied().all(is_tchar) {
            return Err(Refusal::bad(
                "the request method has a character that is not allowed",
            ));
        }
        let version = Version::parse(version)?;
        // RFC 9110, section 9.1: what is not implemented gets 501. Every registered method is in
        // capitals; `get` would pass for GET in an application that folds case.
        if method.len() > limits::METHOD || method.iter().any(u8::is_ascii_lowercase) {
            return Err(Refusal::new(501, "the method is not known"));
        }
        // RFC 9110, section 9.3.6: no origin server needs to be a tunnel.
        if method == b"CONNECT" {
            return Err(Refusal::new(501, "CONNECT is for proxies"));
        }
        Ok(Self {
            method: method.to_vec(),
            target: Target::parse(target, method)?,
            version,
        })
    }
}

impl Version {
    /// `HTTP-name "/" DIGIT "." DIGIT`, the name in capitals (RFC 9112, section 2.3).
    fn parse(text: &[u8]) -> Result<Self, Refusal> {
        match text {
            b"HTTP/1.0" => Ok(Self::Http10),
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Ok(Self::Http11),
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Err(Refusal::new(
                505,
                "only HTTP/1.0 and HTTP/1.1 are supported",
            )),
            _ => Err(Refusal::bad("the version is malformed")),
        }
    }

    /// As SERVER_PROTOCOL has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}
