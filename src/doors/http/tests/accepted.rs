//! Requests that must be accepted, with what is understood: the request URI, the content, and
//! whether the connection is kept.

use super::{Seen, read, read_whole};
use crate::http::{BodyFraming, Limits, RequestHead, Version};

/// Heads and contents of complete requests; fails when there is anything else.
#[track_caller]
fn requests(wire: &str) -> Vec<(RequestHead, String)> {
    let mut found = Vec::new();
    let mut current = None;
    for seen in read_whole(wire.as_bytes()) {
        match (seen, &mut current) {
            (Seen::Head(head), None) => current = Some((*head, String::new())),
            (Seen::Body(bytes), Some((_, body))) => {
                *body = String::from_utf8(bytes).expect("UTF-8");
            }
            (Seen::End, Some(_)) => found.extend(current.take()),
            (Seen::Closed, None) => {}
            (seen, _) => panic!("{wire:?}: {seen:?}"),
        }
    }
    assert!(
        current.is_none() && !found.is_empty(),
        "{wire:?} is not complete"
    );
    found
}

#[track_caller]
fn one(wire: &str) -> (RequestHead, String) {
    let mut found = requests(wire);
    assert_eq!(found.len(), 1, "{wire:?}");
    found.remove(0)
}

#[test]
fn request_lines() {
    for (line, uri, path) in [
        ("GET / HTTP/1.1", "/", "/"),
        ("GET / HTTP/1.0", "/", "/"),
        ("HEAD /a/b HTTP/1.1", "/a/b", "/a/b"),
        ("DELETE /a?b HTTP/1.1", "/a?b", "/a"),
        ("OPTIONS * HTTP/1.1", "*", ""),
        ("OPTIONS /x HTTP/1.1", "/x", "/x"),
        ("OPTIONS http://h HTTP/1.1", "*", ""),
        ("PROPFIND /dav/ HTTP/1.1", "/dav/", "/dav/"),
        ("M-SEARCH /x HTTP/1.1", "/x", "/x"),
        ("VERSION-CONTROL /x HTTP/1.1", "/x", "/x"),
        ("X!#$%&'*+-.^_`|~9 / HTTP/1.1", "/", "/"),
        ("GET /a//b///c HTTP/1.1", "/a//b///c", "/a//b///c"),
        ("GET //h/x HTTP/1.1", "//h/x", "//h/x"),
        ("GET /a/../b/./c HTTP/1.1", "/a/../b/./c", "/a/../b/./c"),
        ("GET /a;p=1,2/b HTTP/1.1", "/a;p=1,2/b", "/a;p=1,2/b"),
        ("GET /a%20b%2Fc HTTP/1.1", "/a%20b%2Fc", "/a b/c"),
        ("GET /%25%32%35 HTTP/1.1", "/%25%32%35", "/%25"),
        ("GET /%e2%82%ac HTTP/1.1", "/%e2%82%ac", "/\u{20ac}"),
        ("GET /%0d%0a HTTP/1.1", "/%0d%0a", "/\r\n"),
        ("GET /? HTTP/1.1", "/?", "/"),
        ("GET /?? HTTP/1.1", "/??", "/"),
        ("GET /?a=%zz&b=100% HTTP/1.1", "/?a=%zz&b=100%", "/"),
        (
            "GET /?a[0]=x|y&{z}=\"^`\\ HTTP/1.1",
            "/?a[0]=x|y&{z}=\"^`\\",
            "/",
        ),
        ("GET /\"a\"/<b> HTTP/1.1", "/\"a\"/<b>", "/\"a\"/<b>"),
        (
            "GET /http://other/ HTTP/1.1",
            "/http://other/",
            "/http://other/",
        ),
        ("GET /a:b@c HTTP/1.1", "/a:b@c", "/a:b@c"),
        ("GET /~user/-._ HTTP/1.1", "/~user/-._", "/~user/-._"),
        ("GET http://other/a?b HTTP/1.1", "/a?b", "/a"),
        ("GET http://other HTTP/1.1", "/", "/"),
        ("GET HTTP://other:8080?q HTTP/1.1", "/?q", "/"),
        ("GET http://[::1]:80/x HTTP/1.1", "/x", "/x"),
        ("GET http://127.0.0.1/ HTTP/1.1", "/", "/"),
        ("GET http://other:/ HTTP/1.0", "/", "/"),
    ] {
        let (head, body) = one(&format!("{line}\r\nHost: h\r\n\r\n"));
        assert_eq!(head.line.target.request_uri(), uri.as_bytes(), "{line}");
        assert_eq!(head.line.target.decoded_path, path.as_bytes(), "{line}");
        let method = line.split(' ').next().expect("a method");
        assert_eq!(head.line.method, method.as_bytes(), "{line}");
        assert_eq!(body, "");
    }
}

/// RFC 9110, section 2.5: a later minor version is served as the latest one known.
#[test]
fn versions() {
    for (version, expected) in [
        ("HTTP/1.0", Version::Http10),
        ("HTTP/1.1", Version::Http11),
        ("HTTP/1.2", Version::Http11),
        ("HTTP/1.9", Version::Http11),
    ] {
        let (head, _) = one(&format!("GET / {version}\r\nHost: h\r\n\r\n"));
        assert_eq!(head.line.version, expected, "{version}");
    }
}

#[test]
fn field_lines() {
    for (line, name, value) in [
        ("X: y", "x", "y"),
        ("X:y", "x", "y"),
        ("X:", "x", ""),
        ("X: ", "x", ""),
        ("X: \t y \t ", "x", "y"),
        ("X:\ty", "x", "y"),
        ("x-lower: y", "X-Lower", "y"),
        ("X: a  b\tc", "x", "a  b\tc"),
        ("X: a:b::c", "x", "a:b::c"),
        ("X: \"a, b\"; c=(d)", "x", "\"a, b\"; c=(d)"),
        ("X: caf\u{e9}", "x", "caf\u{e9}"),
        ("X: \u{20ac}", "x", "\u{20ac}"),
        ("!#$%&'*+-.^`|~0aZ: y", "!#$%&'*+-.^`|~0aZ", "y"),
        ("1: y", "1", "y"),
        ("X: %0d%0a", "x", "%0d%0a"),
        ("Upgrade: h2c", "upgrade", "h2c"),
        ("TE: trailers", "te", "trailers"),
        ("Trailer: X", "trailer", "X"),
        ("Expect: 100-continue", "expect", "100-continue"),
        ("Expect: 100-CONTINUE", "expect", "100-CONTINUE"),
        ("Expect:", "expect", ""),
    ] {
        let (head, _) = one(&format!("GET / HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n"));
        let values: Vec<&[u8]> = head.fields.all(name).collect();
        assert_eq!(values, [value.as_bytes()], "{line:?}");
        assert!(!head.expects_continue, "nobody waits without content");
    }
}

#[test]
fn fields_with_an_underscore_are_dropped() {
    let (head, body) = one(
        "POST / HTTP/1.1\r\nHost: h\r\nX_Y: forged\r\nTransfer_Encoding: chunked\r\n\
         Content_Length: 9\r\nContent-Length: 2\r\nHost_: x\r\n\r\nok",
    );
    let names: Vec<&[u8]> = head.fields.iter().map(|(name, _)| name).collect();
    assert_eq!(names, [&b"Host"[..], b"Content-Length"]);
    assert_eq!(body, "ok");
}

#[test]
fn hosts() {
    for host in [
        "",
        "h",
        "h:80",
        "h:",
        "127.0.0.1:8000",
        "[::1]",
        "[::1]:8000",
        "a_b.example",
        "xn--caf-dma.example",
        "0.0.0.0=5000",
        "%41",
    ] {
        let (head, _) = one(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(head.fields.all("host").next(), Some(host.as_bytes()));
    }
    one("GET / HTTP/1.0\r\n\r\n");
}

#[test]
fn content() {
    for (fields, body, framing, content) in [
        ("", "", BodyFraming::None, ""),
        ("Content-Length: 0", "", BodyFraming::Length(0), ""),
        (
            "Content-Length: 5",
            "hello",
            BodyFraming::Length(5),
            "hello",
        ),
        ("content-length:5", "hello", BodyFraming::Length(5), "hello"),
        (
            "CONTENT-LENGTH: \t005 ",
            "hello",
            BodyFraming::Length(5),
            "hello",
        ),
        (
            "Content-Length: 6",
            "\r\n\r\n\r\n",
            BodyFraming::Length(6),
            "\r\n\r\n\r\n",
        ),
        (
            "Transfer-Encoding: chunked",
            "0\r\n\r\n",
            BodyFraming::Chunked,
            "",
        ),
        (
            "transfer-encoding:CHUNKED",
            "0\r\n\r\n",
            BodyFraming::Chunked,
            "",
        ),
        (
            "Transfer-Encoding:\tChunked \t",
            "0\r\n\r\n",
            BodyFraming::Chunked,
            "",
        ),
    ] {
        for method in ["POST", "GET", "PUT", "DELETE"] {
            let wire = format!("{method} / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n{body}");
            let wire = wire.replace("Host: h\r\n\r\n\r\n", "Host: h\r\n\r\n");
            let (head, found) = one(&wire);
            assert_eq!(
                (head.framing, found.as_str()),
                (framing, content),
                "{wire:?}"
            );
        }
    }
}

#[test]
fn chunked_bodies() {
    for (body, content) in [
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("0005\r\nhello\r\n000\r\n\r\n", "hello"),
        (
            "00000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
            "hello",
        ),
        ("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
        ("3\r\n0\r\n\r\n0\r\n\r\n", "0\r\n"),
        ("5;a\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5;a=b;c=d\r\nhello\r\n0;last\r\n\r\n", "hello"),
        ("5 ; a = b\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5;a=\"b c;\td\"\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5;a=\"\\\"\\\\\"\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5;a=\"\"\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\r\nhello\r\n0\r\nX: y\r\n\r\n", "hello"),
        (
            "5\r\nhello\r\n0\r\nX: y\r\nContent-Type: z\r\nEmpty:\r\n\r\n",
            "hello",
        ),
        ("0\r\nX_Y: z\r\n\r\n", ""),
    ] {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (head, found) = one(&format!("{head}{body}"));
        assert_eq!(found, content, "{body:?}");
        assert_eq!(head.framing, BodyFraming::Chunked);
        // Trailers are not among the header fields.
        assert_eq!(head.fields.all("x").count(), 0);
    }
}

#[test]
fn keep_alive() {
    for (version, fields, keep) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "connection: CLOSE\r\n", false),
        ("1.1", "Connection: upgrade, close\r\n", false),
        ("1.1", "Connection: upgrade\r\nConnection: close\r\n", false),
        ("1.1", "Connection: ,, close ,\r\n", false),
        ("1.1", "Connection: keep-alive\r\n", true),
        ("1.1", "Connection: keep-alive, close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.1", "Connection: \"close\"\r\n", true),
        ("1.1", "Connection:\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
        (
            "1.0",
            "Connection: Keep-Alive\r\nKeep-Alive: timeout=5\r\n",
            true,
        ),
        ("1.0", "Connection: keep-alive, close\r\n", false),
        ("1.0", "Keep-Alive: timeout=5\r\n", false),
    ] {
        let wire = format!("GET / HTTP/{version}\r\nHost: h\r\n{fields}\r\n");
        assert_eq!(one(&wire).0.keep_alive, keep, "{wire:?}");
        // What follows is read if and only if the connection is kept.
        let count = requests(&format!("{wire}GET /2 HTTP/1.1\r\nHost: h\r\n\r\n")).len();
        assert_eq!(count, if keep { 2 } else { 1 }, "{wire:?}");
    }
}

#[test]
fn expectations() {
    for (version, fields, expects) in [
        ("1.1", "Expect: 100-continue\r\nContent-Length: 1\r\n", true),
        ("1.1", "expect: 100-Continue\r\nContent-Length: 1\r\n", true),
        ("1.1", "Content-Length: 1\r\n", false),
        // RFC 9110, section 10.1.1: ignored.
        (
            "1.0",
            "Expect: 100-continue\r\nContent-Length: 1\r\n",
            false,
        ),
    ] {
        let wire = format!("POST / HTTP/{version}\r\nHost: h\r\n{fields}\r\nx");
        assert_eq!(one(&wire).0.expects_continue, expects, "{wire:?}");
    }
}

#[test]
fn pipelined_requests_are_read_in_order() {
    let found = requests(
        "\r\nPOST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok\
         \r\nPOST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n\
         GET /3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n\
         GET /4 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n\
         GET /never HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    let found: Vec<(Vec<u8>, &str)> = found
        .iter()
        .map(|(head, body)| (head.line.target.path.clone(), body.as_str()))
        .collect();
    let expected = [("/1", "ok"), ("/2", "a"), ("/3", ""), ("/4", "")];
    assert_eq!(found, expected.map(|(path, body)| (path.into(), body)));
}

/// Exactly at each limit; one byte more is in `refused.rs`.
#[test]
fn limits() {
    one(&format!(
        "GET /{} HTTP/1.1\r\nHost: h\r\n\r\n",
        "a".repeat(8192 - 14)
    ));
    let start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    one(&format!(
        "{start}{}\r\n\r\n",
        "a".repeat(65536 - start.len() - 4)
    ));
    one(&format!("{start}\r\n{}\r\n", "X: y\r\n".repeat(98)));

    let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    one(&format!("{chunked}{}\r\n\r\n", "0".repeat(1024)));
    let chunk = format!("1;{}\r\na\r\n", "a".repeat(1022));
    one(&format!("{chunked}{}0\r\n\r\n", chunk.repeat(16)));
    one(&format!("{chunked}0\r\n{}\r\n", "X: y\r\n".repeat(100)));
    one(&format!(
        "{chunked}0\r\nX: {}\r\n\r\n",
        "y".repeat(8192 - 7)
    ));
}

#[test]
fn a_connection_that_ends_between_requests_was_just_closed() {
    for wire in ["", "\r\n"] {
        assert_eq!(
            read([wire.as_bytes()], Limits::default(), true),
            [Seen::Closed]
        );
    }
    let seen = read(
        [&b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"[..]],
        Limits::default(),
        true,
    );
    assert_eq!(seen[1..], [Seen::End, Seen::Closed]);
}
