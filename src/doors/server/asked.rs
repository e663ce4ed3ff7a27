//! A request as the listener knows it, whichever protocol it came by: a reader makes it (`intake`),
//! a writer answers it (`form`).

use std::borrow::Cow;

use super::form::Form;
use exchange::MetaVariables;

/// A request that was read to its end, but for its content.
#[derive(Debug)]
pub struct Asked {
    /// What is known of it.
    pub meta: MetaVariables,
    /// The protocol of the answer.
    pub form: Form,
    /// Whether the client is a person at this machine.
    pub is_local: bool,
    /// Whether it is for the health path, which the listener answers itself.
    pub asks_health: bool,
    /// For the access log.
    pub line: Line,
}

/// A request that the listener has refused.
#[derive(Debug)]
pub struct Refused {
    /// The whole response.
    pub response: Vec<u8>,
    /// Its status.
    pub status: u16,
    /// How many bytes of content it has.
    pub sent: u64,
    /// One line that says what is wrong.
    pub reason: Cow<'static, str>,
    /// For the access log; none where not even the first line was understood.
    pub line: Option<Line>,
}

/// What the access log has of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The method.
    pub method: Vec<u8>,
    /// What was asked for.
    pub target: Vec<u8>,
    /// The protocol and its version.
    pub protocol: &'static str,
    /// The page that led here, if it was named.
    pub referer: Vec<u8>,
    /// The client's program, if it was named.
    pub agent: Vec<u8>,
    /// The client's address, where a web server says it.
    pub client: Option<Vec<u8>>,
}

impl Line {
    /// The method and the path, for an entry of the error log.
    pub(super) fn request(&self) -> String {
        let end = memchr::memchr(b'?', &self.target).unwrap_or(self.target.len());
        let (method, path) = (
            self.method.escape_ascii(),
            self.target[..end].escape_ascii(),
        );
        format!("{method} {path}")
    }

    /// For a request that could not be parsed.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            method: b"-".to_vec(),
            target: b"-".to_vec(),
            protocol: "-",
            referer: Vec::new(),
            agent: Vec::new(),
            client: None,
        }
    }
}
