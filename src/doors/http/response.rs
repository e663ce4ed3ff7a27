//! How a response is delimited on the wire (RFC 9112, section 6.3), decided once from the request
//! and the head; then bytes for the head, each block and the end.

use std::time::SystemTime;

use super::Version;
use crate::wire::line;
use exchange::ResponseHead;

/// What a client that expects it waits for before it sends its content (RFC 9110, section 15.2.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The framing of one response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFraming {
    version: Version,
    delimited: Delimited,
    keep_alive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delimited {
    /// The request or the status allows no content.
    NoContent,
    /// By the Content-Length in the head.
    Length(u64),
    Chunked,
    /// By the end of the connection.
    Close,
}

impl ResponseFraming {
    /// Decides for the answer `head` to a request; `keep_alive` is what the request asked for and
    /// the server agrees to.
    #[must_use]
    pub fn new(version: Version, method: &[u8], keep_alive: bool, head: &ResponseHead) -> Self {
        let delimited = if method == b"HEAD" || !head.status.has_content() {
            Delimited::NoContent
        } else if let Some(length) = head.headers.content_length() {
            Delimited::Length(length)
        } else if version >= Version::Http11 {
            Delimited::Chunked
        } else {
            // RFC 9112, section 6.1: no transfer coding for HTTP/1.0.
            Delimited::Close
        };
        Self {
            version,
            delimited,
            keep_alive: keep_alive && delimited != Delimited::Close,
        }
    }

    /// The head, the empty line included.
    #[must_use]
    pub fn head(&self, head: &ResponseHead, now: SystemTime) -> Vec<u8> {
        let mut wire = Vec::with_capacity(512);
        // RFC 9110, section 2.5: the server's own version, whatever the client's minor one.
        wire.extend_from_slice(b"HTTP/1.1 ");
        wire.extend_from_slice(head.status.line());
        wire.extend_from_slice(b"\r\n");
        for (name, value) in head.headers.iter() {
            if !name.eq_ignore_ascii_case(b"content-length") {
                line(&mut wire, name, value);
            }
        }
        // Once, however often the application says it.
        if let Some(length) = head.headers.content_length() {
            line(&mut wire, b"Content-Length", length.to_string().as_bytes());
        }
        if self.delimited == Delimited::Chunked {
            line(&mut wire, b"Transfer-Encoding", b"chunked");
        }
        // RFC 9110, section 6.6.1: an origin server with a clock sends it.
        if head.headers.get("date").is_none() {
            line(&mut wire, b"Date", httpdate::fmt_http_date(now).as_bytes());
        }
        // RFC 9110, section 10.2.4: no more detail than needed.
        if head.headers.get("server").is_none() {
            line(&mut wire, b"Server", b"wsgi-cgi");
        }
        // RFC 9112, section 9.3 and 9.6: what is not the default of the client's version.
        match (self.keep_alive, self.version) {
            (false, _) => line(&mut wire, b"Connection", b"close"),
            (true, Version::Http10) => line(&mut wire, b"Connection", b"keep-alive"),
            (true, Version::Http11) => {}
        }
        wire.extend_from_slice(b"\r\n");
        wire
    }

    /// What goes before a block of `length` bytes of content. An empty block must not be sent: it
    /// would end the response.
    #[must_use]
    pub fn before_block(&self, length: u64) -> Vec<u8> {
        debug_assert!(length > 0, "an empty chunk is the last one");
        match self.delimited {
            Delimited::Chunked => format!("{length:x}\r\n").into_bytes(),
            _ => Vec::new(),
        }
    }

    /// What goes after each block.
    #[must_use]
    pub fn after_block(&self) -> &'static [u8] {
        match self.delimited {
            Delimited::Chunked => b"\r\n",
            _ => b"",
        }
    }

    /// What goes after the last block of a response that is complete. Left out of one that is not,
    /// it shows the client that something is missing (RFC 9112, section 8).
    #[must_use]
    pub fn end(&self) -> &'static [u8] {
        match self.delimited {
            Delimited::Chunked => b"0\r\n\r\n",
            _ => b"",
        }
    }

    /// Whether the bytes of content go out as they are.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.delimited != Delimited::Chunked
    }

    /// Whether content may be sent at all.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.delimited != Delimited::NoContent
    }

    /// Whether another request may be read from the connection after a complete response with
    /// `sent` bytes of content; fewer than announced cannot be told from a slow server.
    #[must_use]
    pub fn keeps_alive(&self, sent: u64) -> bool {
        match self.delimited {
            Delimited::Length(length) => self.keep_alive && sent == length,
            _ => self.keep_alive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exchange::{Headers, Status};

    fn answer(code: u16, fields: &[(&str, &str)]) -> ResponseHead {
        let mut headers = Headers::default();
        for (name, value) in fields {
            headers
                .push(name.as_bytes(), value.as_bytes())
                .expect("a good field");
        }
        ResponseHead {
            status: Status::of(code),
            headers,
        }
    }

    const DATE: (&str, &str) = ("Date", "Thu, 01 Jan 1970 00:00:00 GMT");
    const SERVER: (&str, &str) = ("Server", "s");

    /// The lines that framing adds to a head that has everything else.
    fn added(
        version: Version,
        method: &str,
        keep: bool,
        code: u16,
        length: Option<&str>,
    ) -> String {
        let mut fields = vec![DATE, SERVER];
        fields.extend(length.map(|length| ("Content-Length", length)));
        let head = answer(code, &fields);
        let framing = ResponseFraming::new(version, method.as_bytes(), keep, &head);
        let wire = framing.head(&head, SystemTime::UNIX_EPOCH);
        let text = String::from_utf8(wire).expect("UTF-8");
        let lines: Vec<&str> = text
            .strip_suffix("\r\n\r\n")
            .expect("an end")
            .split("\r\n")
            .collect();
        lines[3..].join(" | ")
    }

    #[test]
    fn a_head_is_complete() {
        let head = answer(200, &[("X-A", "b")]);
        let framing = ResponseFraming::new(Version::Http11, b"GET", true, &head);
        assert_eq!(
            String::from_utf8(framing.head(&head, SystemTime::UNIX_EPOCH)).expect("UTF-8"),
            "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\
             Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: wsgi-cgi\r\n\r\n"
        );
    }

    #[test]
    fn framing_follows_version_method_status_and_length() {
        use Version::{Http10, Http11};
        for (version, method, keep, code, length, expected) in [
            (Http11, "GET", true, 200, Some("3"), "Content-Length: 3"),
            (Http11, "GET", true, 200, None, "Transfer-Encoding: chunked"),
            (
                Http11,
                "GET",
                false,
                200,
                Some("3"),
                "Content-Length: 3 | Connection: close",
            ),
            (
                Http11,
                "GET",
                false,
                200,
                None,
                "Transfer-Encoding: chunked | Connection: close",
            ),
            (
                Http10,
                "GET",
                true,
                200,
                Some("3"),
                "Content-Length: 3 | Connection: keep-alive",
            ),
            (Http10, "GET", true, 200, None, "Connection: close"),
            (
                Http10,
                "GET",
                false,
                200,
                Some("3"),
                "Content-Length: 3 | Connection: close",
            ),
            (Http11, "HEAD", true, 200, Some("3"), "Content-Length: 3"),
            (Http11, "HEAD", true, 200, None, ""),
            (Http10, "HEAD", true, 200, None, "Connection: keep-alive"),
            (Http11, "GET", true, 204, None, ""),
            (Http11, "GET", true, 304, Some("3"), "Content-Length: 3"),
            (Http11, "GET", true, 304, None, ""),
            (Http11, "GET", true, 205, Some("0"), "Content-Length: 0"),
            (
                Http11,
                "head",
                true,
                200,
                None,
                "Transfer-Encoding: chunked",
            ),
        ] {
            let case = format!("{version:?} {method} {keep} {code} {length:?}");
            assert_eq!(
                added(version, method, keep, code, length),
                expected,
                "{case}"
            );
        }
    }

    #[test]
    fn a_length_given_twice_is_sent_once() {
        let head = answer(
            200,
            &[
                DATE,
                SERVER,
                ("Content-Length", "3"),
                ("content-length", "3"),
            ],
        );
        let framing = ResponseFraming::new(Version::Http11, b"GET", true, &head);
        let wire = String::from_utf8(framing.head(&head, SystemTime::now())).expect("UTF-8");
        assert_eq!(wire.to_lowercase().matches("content-length").count(), 1);
    }

    #[test]
    fn blocks_are_chunks_where_the_length_is_unknown() {
        let chunked = ResponseFraming::new(Version::Http11, b"GET", true, &answer(200, &[]));
        assert_eq!(chunked.before_block(255), b"ff\r\n");
        assert_eq!(chunked.after_block(), b"\r\n");
        assert_eq!(chunked.end(), b"0\r\n\r\n");
        let plain = ResponseFraming::new(Version::Http10, b"GET", true, &answer(200, &[]));
        assert_eq!(plain.before_block(255), b"");
        assert_eq!((plain.after_block(), plain.end()), (&b""[..], &b""[..]));
    }

    #[test]
    fn a_shortfall_closes_the_connection() {
        let head = answer(200, &[("Content-Length", "3")]);
        let framing = ResponseFraming::new(Version::Http11, b"GET", true, &head);
        assert!(framing.keeps_alive(3));
        assert!(!framing.keeps_alive(2));
        let framing = ResponseFraming::new(Version::Http11, b"HEAD", true, &head);
        assert!(!framing.has_content() && framing.keeps_alive(0));
        let framing = ResponseFraming::new(Version::Http10, b"GET", true, &answer(200, &[]));
        assert!(framing.has_content() && !framing.keeps_alive(3));
    }
}
