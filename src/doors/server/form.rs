//! How a client wants to be answered: the protocol of its connection, as far as the process that answers is
//! to know it. One encoder and one decoder, for the channel.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::SystemTime;

use super::HttpWriter;
use crate::http::{ResponseFraming, Version};
use exchange::{ResponseHead, ResponseWriter};

/// The protocol of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// HTTP in this version.
    Http {
        /// Which.
        version: Version,
        /// Whether the client wants to go on after this.
        keep_alive: bool,
    },
}

impl Form {
    /// The same for a connection that ends after the answer.
    #[must_use]
    pub fn closing(self) -> Self {
        match self {
            Self::Http { version, .. } => Self::Http {
                version,
                keep_alive: false,
            },
        }
    }

    /// The head of a response after which the connection ends.
    #[must_use]
    pub fn head(self, method: &[u8], head: &ResponseHead) -> Vec<u8> {
        match self {
            Self::Http { version, .. } => {
                ResponseFraming::new(version, method, false, head).head(head, SystemTime::now())
            }
        }
    }

    /// A whole response after which the connection ends.
    #[must_use]
    pub fn whole(self, method: &[u8], head: &ResponseHead, content: &[u8]) -> Vec<u8> {
        let mut response = self.head(method, head);
        let has_content = match self {
            Self::Http { version, .. } => {
                ResponseFraming::new(version, method, false, head).has_content()
            }
        };
        if has_content {
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
        match self {
            Self::Http {
                version,
                keep_alive,
            } => Box::new(HttpWriter::new(
                connection, report, version, method, keep_alive,
            )),
        }
    }

    /// As a byte.
    pub(super) fn encoded(self) -> u8 {
        match self {
            Self::Http {
                version,
                keep_alive,
            } => u8::from(version == Version::Http11) | u8::from(keep_alive) << 1,
        }
    }

    /// What that byte says; none where it is another version's.
    pub(super) fn decoded(byte: u8) -> Option<Self> {
        (byte < 4).then_some(Self::Http {
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
    fn each_arrives() {
        for version in [Version::Http10, Version::Http11] {
            for keep_alive in [false, true] {
                let form = Form::Http {
                    version,
                    keep_alive,
                };
                assert_eq!(Form::decoded(form.encoded()), Some(form));
            }
        }
        assert_eq!(Form::decoded(4), None);
    }
}
