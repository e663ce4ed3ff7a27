//! Whether a request that comes from this machine was made by a person at it: not by a server that
//! passes on what strangers ask, and not by somebody else's page in that person's browser. Only such
//! a person sees what failed. A server that hides what it does cannot be told from a browser, which
//! is what `--no-debug-page` is for.

use std::net::IpAddr;

use crate::transport::http::{Form, RequestHead, Version};

/// Fields that only servers add, by how their names begin.
const ADDED: [&str; 14] = [
    "cf-",
    "client-ip",
    "fastly-",
    "forwarded",
    "true-client-ip",
    "via",
    "x-amz",
    "x-client-",
    "x-cluster-client-ip",
    "x-envoy-",
    "x-forwarded",
    "x-original-",
    "x-proxy",
    "x-real-",
];

/// Whether nothing in the head says that it was made elsewhere.
pub(super) fn asks_here(head: &RequestHead) -> bool {
    names_this_machine(head) && !is_passed_on(head) && !is_from_elsewhere(head)
}

/// Else the name is one that a stranger's server gave this machine's address (DNS rebinding), or that
/// a server passed on.
fn names_this_machine(head: &RequestHead) -> bool {
    let in_target = match &head.line.target.form {
        Form::Absolute { authority } => is_here(authority),
        Form::Origin | Form::Asterisk => true,
    };
    let host = head.fields.all("host").next().unwrap_or_default();
    in_target && is_here(host)
}

fn is_passed_on(head: &RequestHead) -> bool {
    let is_added = |name: &[u8]| {
        let name = name.to_ascii_lowercase();
        ADDED.iter().any(|start| name.starts_with(start.as_bytes()))
    };
    // nginx's proxy, with none of its settings changed, speaks HTTP/1.0 and says what is understood.
    let is_nginx = head.line.version == Version::Http10
        && head.fields.all("connection").any(|value| value == b"close");
    is_nginx || head.fields.iter().any(|(name, _)| is_added(name))
}

/// Whether a page of another site sent it (Fetch, section 3.2; W3C Fetch Metadata): it gets an answer
/// as everybody does. A link from there that is followed shows what it leads to.
fn is_from_elsewhere(head: &RequestHead) -> bool {
    let is_own = |origin: &[u8]| {
        let authority = origin
            .strip_prefix(b"http://")
            .or_else(|| origin.strip_prefix(b"https://"));
        authority.is_some_and(is_here)
    };
    let says = |name, value: &[u8]| head.fields.all(name).any(|said| said == value);
    let is_followed = head.line.method == b"GET" && says("sec-fetch-dest", b"document");
    !head.fields.all("origin").all(is_own) || says("sec-fetch-site", b"cross-site") && !is_followed
}

/// Whether a host, with a port or without, is a name of this machine's own.
fn is_here(authority: &[u8]) -> bool {
    let name = match authority.iter().rposition(|&byte| byte == b':') {
        Some(colon) if !authority.ends_with(b"]") => &authority[..colon],
        _ => authority,
    };
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    name == "localhost"
        || name.ends_with(".localhost")
        || address
            .unwrap_or(&name)
            .parse()
            .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::http::{Event, Limits, RequestReader};

    fn asks(request: &str) -> bool {
        let mut reader = RequestReader::new(Limits::default());
        reader.feed(format!("{request}\r\n\r\n").as_bytes());
        match reader.next_event() {
            Event::Head(head) => asks_here(&head),
            other => panic!("{request}: {other:?}"),
        }
    }

    fn asks_with(field: &str) -> bool {
        asks(&format!(
            "GET / HTTP/1.1\r\nHost: localhost:8000\r\n{field}"
        ))
    }

    #[test]
    fn the_host_is_a_name_of_this_machine() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost:8000", true),
            ("shop.localhost:8000", true),
            ("127.0.0.1:8000", true),
            ("127.1.2.3", true),
            ("[::1]:8000", true),
            ("[::ffff:127.0.0.1]", true),
            ("", false),
            ("intranet", false),
            ("192.0.2.1:8000", false),
            ("0.0.0.0", false),
            ("localhost.example.org", false),
            ("[2001:db8::1]", false),
        ] {
            let request = format!("GET / HTTP/1.1\r\nHost: {host}");
            assert_eq!(asks(&request), expected, "{host}");
        }
        assert!(!asks("GET / HTTP/1.0"), "a client that says nothing");
        assert!(asks("GET http://localhost/ HTTP/1.1\r\nHost: localhost"));
        assert!(!asks(
            "GET http://shop.example/ HTTP/1.1\r\nHost: localhost"
        ));
        assert!(!asks(
            "GET http://localhost/ HTTP/1.1\r\nHost: shop.example"
        ));
    }

    #[test]
    fn what_a_server_adds_says_that_there_is_one() {
        for field in [
            "X-Real-IP: 192.0.2.1",
            "X-Forwarded-For: 127.0.0.1",
            "x-forwarded-proto: https",
            "X-Forwarded-Host: shop.example",
            "Forwarded: for=192.0.2.1",
            "Via: 1.1 proxy",
            "X-Client-IP: 192.0.2.1",
            "CF-Connecting-IP: 192.0.2.1",
            "True-Client-IP: 192.0.2.1",
        ] {
            assert!(!asks_with(field), "{field}");
        }
        // As nginx has it with `proxy_pass` alone.
        assert!(!asks(
            "GET / HTTP/1.0\r\nHost: 127.0.0.1:8000\r\nConnection: close"
        ));
        assert!(asks_with("Connection: close"));
        assert!(asks("GET / HTTP/1.0\r\nHost: 127.0.0.1:8000"));
    }

    #[test]
    fn a_page_of_another_site_is_no_person() {
        for (method, fields, expected) in [
            ("POST", "Origin: http://localhost:8000", true),
            ("POST", "Origin: http://127.0.0.1:3000", true),
            ("POST", "Origin: http://evil.example", false),
            ("POST", "Origin: null", false),
            ("GET", "Origin: https://evil.example", false),
            ("POST", "Sec-Fetch-Site: same-origin", true),
            ("POST", "Sec-Fetch-Site: none", true),
            ("POST", "Sec-Fetch-Site: cross-site", false),
            (
                "POST",
                "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document",
                false,
            ),
            (
                "GET",
                "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: iframe",
                false,
            ),
            (
                "GET",
                "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document",
                true,
            ),
        ] {
            let request = format!("{method} / HTTP/1.1\r\nHost: localhost:8000\r\n{fields}");
            assert_eq!(asks(&request), expected, "{method} {fields}");
        }
    }
}
