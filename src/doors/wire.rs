//! A response head as bytes: the CGI form (RFC 3875, section 6) or, for NPH, the HTTP one.

use std::time::SystemTime;

use exchange::ResponseHead;
use process::report;

/// Apache refuses a longer head line; of the limits of common servers it is the smallest that a
/// sensible response may reach.
const LONGEST_LINE: usize = 8190;

/// Which form the server expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `Status: 200 OK`; the server makes the HTTP head (section 6.2).
    Cgi,
    /// `HTTP/1.1 200 OK`; the server passes everything on as it is (section 5).
    Nph,
}

/// The head in wire form, the empty line included.
#[must_use]
pub fn head(head: &ResponseHead, form: Form) -> Vec<u8> {
    let mut wire = Vec::with_capacity(512);
    // A Status line is always written: a bare `Location` would be a redirect inside the server
    // (section 6.2.2).
    wire.extend_from_slice(match form {
        Form::Cgi => b"Status: ",
        Form::Nph => b"HTTP/1.1 ",
    });
    wire.extend_from_slice(head.status.line());
    wire.extend_from_slice(b"\r\n");
    for (name, value) in head.headers.iter() {
        // Section 6.2: a document response has no Location. Apache turns a 200 with one into a
        // redirect of its own, and drops the content.
        if form == Form::Cgi && head.status.code() == 200 && name.eq_ignore_ascii_case(b"location")
        {
            report::log(
                "`Location` was left out of a `200 OK`, as the server would redirect and drop the content: \
                 use another header, or a status such as 303",
            );
            continue;
        }
        if name.len() + value.len() > LONGEST_LINE {
            let name = String::from_utf8_lossy(name);
            report::log(&format!(
                "header `{name}` is {} bytes long, and servers may refuse more than {LONGEST_LINE}",
                name.len() + value.len()
            ));
        }
        line(&mut wire, name, value);
    }
    if form == Form::Nph {
        if head.headers.get("date").is_none() {
            let now = httpdate::fmt_http_date(SystemTime::now());
            line(&mut wire, b"Date", now.as_bytes());
        }
        // The response ends where the connection does (RFC 9112, section 6.3).
        line(&mut wire, b"Connection", b"close");
    }
    wire.extend_from_slice(b"\r\n");
    wire
}

/// A field is one line, with no folding and no space before the colon (RFC 3875, section 6.3; RFC 9112, section 5).
pub(crate) fn line(wire: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        wire.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exchange::{Headers, Status};

    fn response(code: u16, fields: &[(&str, &str)]) -> ResponseHead {
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

    fn wire(code: u16, fields: &[(&str, &str)], form: Form) -> String {
        String::from_utf8(head(&response(code, fields), form)).expect("UTF-8")
    }

    #[test]
    fn a_status_line_is_always_written() {
        assert_eq!(
            wire(302, &[("Location", "/x")], Form::Cgi),
            "Status: 302 Found\r\nLocation: /x\r\n\r\n"
        );
        assert_eq!(wire(200, &[], Form::Cgi), "Status: 200 OK\r\n\r\n");
    }

    #[test]
    fn a_200_with_a_location_stays_a_200() {
        let fields = [("Location", "/x"), ("X-A", "")];
        assert_eq!(
            wire(200, &fields, Form::Cgi),
            "Status: 200 OK\r\nX-A: \r\n\r\n"
        );
        assert!(wire(200, &fields, Form::Nph).contains("Location: /x\r\n"));
        assert!(wire(201, &fields, Form::Cgi).contains("Location: /x\r\n"));
    }

    #[test]
    fn an_nph_head_is_a_whole_http_head() {
        let head = wire(404, &[("Date", "Thu, 01 Jan 1970 00:00:00 GMT")], Form::Nph);
        assert_eq!(
            head,
            "HTTP/1.1 404 Not Found\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: close\r\n\r\n"
        );
        assert!(wire(200, &[], Form::Nph).contains("\r\nDate: "));
    }
}
