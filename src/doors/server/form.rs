//! The protocol of an answer, as far as the process that answers has to know it. One encoder and
//! one decoder, for the channel.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::SocketWriter;
use super::framing::Framing;
use crate::http::Version;
use exchange::{ResponseHead, ResponseWriter};

/// The protocol of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// HTTP in this version.
    Http {
        /// Which.
        version: Version,
        /// Whether the client keeps the connection open.
        keep_alive: bool,
    },
    /// A CGI response (RFC 3875, section 6), for a web server; the connection ends after it.
    Cgi,
}

/// The byte that stands for CGI; those of HTTP are below.
const CGI: u8 = 4;

impl Form {
    /// The same for a connection that ends after the answer.
    #[must_use]
    pub fn closing(self) -> Self {
        match self {
            Self::Http { version, .. } => Self::Http {
                version,
                keep_alive: false,
            },
            Self::Cgi => Self::Cgi,
        }
    }

    /// The head of a response after which the connection ends.
    #[must_use]
    pub fn head(self, method: &[u8], head: &ResponseHead) -> Vec<u8> {
        Framing::new(self.closing(), method, head).head(head)
    }

    /// A whole response after which the connection ends.
    #[must_use]
    pub fn whole(self, method: &[u8], head: &ResponseHead, content: &[u8]) -> Vec<u8> {
        let framing = Framing::new(self.closing(), method, head);
        let mut response = framing.head(head);
        if framing.has_content() {
            response.extend_from_slice(content);
        }
        response
    }

    /// What writes the response to the connection, and tells `report` how it went.
    #[must_use]
    pub fn writer(
        self,
        connection: OwnedFd,
        report: Arc<OwnedFd>,
        method: &[u8],
    ) -> Box<dyn ResponseWriter> {
        Box::new(SocketWriter::new(connection, report, self, method))
    }

    /// As a byte.
    pub(super) fn encoded(self) -> u8 {
        match self {
            Self::Http {
                version,
                keep_alive,
            } => u8::from(version == Version::Http11) | u8::from(keep_alive) << 1,
            Self::Cgi => CGI,
        }
    }

    /// Decodes that byte; `None` if it comes from another version.
    pub(super) fn decoded(byte: u8) -> Option<Self> {
        if byte == CGI {
            return Some(Self::Cgi);
        }
        (byte < CGI).then_some(Self::Http {
            version: if byte & 1 == 0 {
                Version::Http10
            } else {
                Version::Http11
            },
            keep_alive: byte & 2 != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_survives_encoding() {
        for version in [Version::Http10, Version::Http11] {
            for keep_alive in [false, true] {
                let form = Form::Http {
                    version,
                    keep_alive,
                };
                assert_eq!(Form::decoded(form.encoded()), Some(form));
            }
        }
        assert_eq!(Form::decoded(Form::Cgi.encoded()), Some(Form::Cgi));
        assert_eq!(Form::decoded(CGI + 1), None);
    }
}
