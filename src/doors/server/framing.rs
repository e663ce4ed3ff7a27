//! How a response is delimited on a connection: by HTTP's rules, or for CGI, where it ends with the
//! output.

use std::time::SystemTime;

use super::Form;
use crate::http::ResponseFraming;
use crate::wire;
use exchange::ResponseHead;

/// The framing of one response.
#[derive(Clone, Copy, Debug)]
pub(super) enum Framing {
    Http(ResponseFraming),
    Cgi {
        /// Whether content follows the head.
        has_content: bool,
    },
}

impl Framing {
    pub(super) fn new(form: Form, method: &[u8], head: &ResponseHead) -> Self {
        match form {
            Form::Http {
                version,
                keep_alive,
            } => Self::Http(ResponseFraming::new(version, method, keep_alive, head)),
            // RFC 3875, section 4.3.3: a HEAD request is answered without content.
            Form::Cgi => Self::Cgi {
                has_content: method != b"HEAD" && head.status.has_content(),
            },
        }
    }

    pub(super) fn head(&self, head: &ResponseHead) -> Vec<u8> {
        match self {
            Self::Http(framing) => framing.head(head, SystemTime::now()),
            Self::Cgi { .. } => wire::head(head, wire::Form::Cgi),
        }
    }

    /// Whether content follows the head.
    pub(super) fn has_content(&self) -> bool {
        match self {
            Self::Http(framing) => framing.has_content(),
            Self::Cgi { has_content } => *has_content,
        }
    }

    /// Whether content is sent as it is.
    pub(super) fn is_plain(&self) -> bool {
        match self {
            Self::Http(framing) => framing.is_plain(),
            Self::Cgi { .. } => true,
        }
    }

    pub(super) fn before_block(&self, length: u64) -> Vec<u8> {
        match self {
            Self::Http(framing) => framing.before_block(length),
            Self::Cgi { .. } => Vec::new(),
        }
    }

    pub(super) fn after_block(&self) -> &'static [u8] {
        match self {
            Self::Http(framing) => framing.after_block(),
            Self::Cgi { .. } => b"",
        }
    }

    pub(super) fn end(&self) -> &'static [u8] {
        match self {
            Self::Http(framing) => framing.end(),
            Self::Cgi { .. } => b"",
        }
    }

    /// Whether another request may follow on the connection after so many bytes of content.
    pub(super) fn keeps_alive(&self, sent: u64) -> bool {
        match self {
            Self::Http(framing) => framing.keeps_alive(sent),
            Self::Cgi { .. } => false,
        }
    }
}
