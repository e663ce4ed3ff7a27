//! A request that is not answered by the application. What follows it on the connection cannot be
//! told apart from its remains, so the connection is closed after the answer (RFC 9112, section
//! 9.6).

use std::borrow::Cow;
use std::time::SystemTime;

use super::{RequestLine, ResponseFraming, Version};
use exchange::{ResponseHead, plain_page};

/// Why a request is refused, and with which status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    reason: &'static str,
    /// The most bytes of content, where it has more.
    most: Option<u64>,
}

impl Refusal {
    /// The request did not arrive in time (RFC 9110, section 15.5.9), as the owner of the
    /// connection decides.
    pub const TIMEOUT: Self = Self::new(408, "the request took too long to arrive");

    /// There is no room to store the content until it is complete (RFC 4918, section 11.5).
    pub const NO_ROOM: Self = Self::new(507, "the content cannot be stored");

    pub(super) const fn new(status: u16, reason: &'static str) -> Self {
        Self {
            status,
            reason,
            most: None,
        }
    }

    /// 413: the content has more bytes than this (RFC 9110, section 15.5.14).
    pub(super) const fn too_large(most: u64) -> Self {
        Self {
            most: Some(most),
            ..Self::new(413, "")
        }
    }

    /// 400: the request is malformed.
    pub(super) const fn bad(reason: &'static str) -> Self {
        Self::new(400, reason)
    }

    /// The status code of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// One line that says what is wrong, for the client and the log.
    #[must_use]
    pub fn reason(&self) -> Cow<'static, str> {
        match self.most {
            Some(most) => too_large(most).into(),
            None => self.reason.into(),
        }
    }

    /// The whole answer, head and content, for a connection that is closed after it.
    #[must_use]
    pub fn response(&self, asked: Option<&RequestLine>, now: SystemTime) -> Vec<u8> {
        let (head, content) = self.page();
        let method = asked.map_or(&b"GET"[..], |asked| &asked.method);
        let framing = ResponseFraming::new(Version::Http11, method, false, &head);
        let content = if framing.has_content() {
            content
        } else {
            Vec::new()
        };
        [framing.head(&head, now), content].concat()
    }

    /// How many bytes of content the answer has.
    #[must_use]
    pub fn sent(&self, asked: Option<&RequestLine>) -> u64 {
        match asked {
            Some(asked) if asked.method == b"HEAD" => 0,
            _ => self.page().1.len() as u64,
        }
    }

    fn page(&self) -> (ResponseHead, Vec<u8>) {
        plain_page(self.status, &format!("{}: {}", self.status, self.reason()))
    }
}

/// Why content is refused that has more bytes than this.
#[must_use]
pub fn too_large(most: u64) -> String {
    format!("the content is longer than {most} bytes (--max-body)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_whole_and_closes_the_connection() {
        let wire = Refusal::new(414, "too long").response(None, SystemTime::UNIX_EPOCH);
        let text = String::from_utf8(wire).expect("UTF-8");
        assert_eq!(
            text,
            "HTTP/1.1 414 URI Too Long\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: 14\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: wsgi-cgi\r\n\
             Connection: close\r\n\r\n414: too long\n"
        );
    }
}
