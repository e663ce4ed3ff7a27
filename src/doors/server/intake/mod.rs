//! The requests of one connection, each collected to its end, head and content; no socket. One file for
//! each protocol.

mod http;
mod scgi;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use super::{Asked, Form, Line, Peer, Refused, Spool};
use crate::http::Limits;
use process::report;

use self::scgi::ScgiIntake;
pub use http::HttpIntake;

/// The protocol of a listener's connections.
#[derive(Clone, Debug)]
pub enum Protocol {
    /// By browsers.
    Http(Limits),
    /// By web servers.
    Scgi(Arc<Terms>),
}

/// The settings for all requests of web servers.
#[derive(Debug)]
pub struct Terms {
    /// How much a request may send.
    pub limits: Limits,
    /// Where the application is mounted, if that was set.
    pub mount: Option<Vec<u8>>,
    /// The health path.
    pub health: Option<Vec<u8>>,
    /// Variables that this process was started with: no request may change them.
    pub own: BTreeSet<Vec<u8>>,
    /// Variables that requests may set besides the usual ones.
    pub variables: BTreeSet<Vec<u8>>,
}

/// Collects requests.
#[derive(Debug)]
pub(super) enum Intake {
    /// Of HTTP.
    Http(Box<HttpIntake>),
    /// Of SCGI.
    Scgi(ScgiIntake),
}

/// How far the next request is.
#[derive(Debug)]
pub enum Step {
    /// More is needed.
    NeedMore {
        /// What to send to the client first: mostly nothing.
        say: &'static [u8],
    },
    /// It is complete.
    Request(Box<Asked>, Spool),
    /// It is refused, and the connection has to end.
    Refused(Refused),
    /// The connection has ended without a further request.
    Closed,
}

/// How much may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadLimit {
    /// At most so many bytes.
    AtMost(usize),
    /// One byte, which is left unread: a connection that is closed with unread data is reset, so
    /// that half an answer is not taken for a whole one.
    PeekOne,
}

impl Intake {
    /// At the start of a connection.
    pub(super) fn new(protocol: &Protocol, peer: Peer) -> Self {
        match protocol {
            Protocol::Http(limits) => Self::Http(Box::new(HttpIntake::new(*limits, peer))),
            Protocol::Scgi(terms) => Self::Scgi(ScgiIntake::new(Arc::clone(terms))),
        }
    }

    /// How much may be read next.
    pub(super) fn read_limit(&self) -> ReadLimit {
        match self {
            Self::Http(_) => ReadLimit::AtMost(usize::MAX),
            Self::Scgi(intake) => intake.read_limit(),
        }
    }

    /// Takes what has arrived; an empty slice is the end of the input.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        match self {
            Self::Http(intake) => intake.feed(bytes),
            Self::Scgi(intake) => intake.feed(bytes),
        }
    }

    /// Whether a request's head is complete, and its content is not.
    pub(super) fn is_in_content(&self) -> bool {
        match self {
            Self::Http(intake) => intake.is_in_content(),
            Self::Scgi(intake) => intake.is_in_content(),
        }
    }

    /// Whether no request has begun.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::Http(intake) => intake.is_idle(),
            Self::Scgi(intake) => intake.is_idle(),
        }
    }

    /// Whether a connection may stay silent: between two requests.
    pub(super) fn may_be_silent(&self) -> bool {
        matches!(self, Self::Http(_)) && self.is_idle()
    }

    /// The request did not arrive in time.
    pub(super) fn timed_out(&self) -> Refused {
        match self {
            Self::Http(intake) => intake.timed_out(),
            Self::Scgi(intake) => intake.timed_out(),
        }
    }

    /// The protocol of an error page.
    pub(super) fn form(&self) -> Form {
        match self {
            Self::Http(intake) => intake.form(),
            Self::Scgi(_) => Form::Cgi,
        }
    }

    /// Goes on with what was fed.
    pub(super) fn step(&mut self) -> Step {
        match self {
            Self::Http(intake) => intake.step(),
            Self::Scgi(intake) => intake.step(),
        }
    }
}

/// Logs that the content of a request cannot be stored.
fn log_no_room(line: Option<&Line>, error: &io::Error) {
    let request = line.map_or_else(|| "a request".to_owned(), Line::request);
    report::log(&format!(
        "{request}: cannot store the content in `{}`: {error}: set TMPDIR to a folder with more room",
        std::env::temp_dir().display()
    ));
}
