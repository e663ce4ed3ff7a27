//! Requests that must be refused, each with the status it gets, in groups that share everything
//! but the part in question. In every case nothing of the connection is read after the refusal.

use super::{Seen, read, read_whole};
use crate::http::Limits;

#[track_caller]
fn assert_refused(wire: &[u8], status: u16) {
    let seen = read_whole(wire);
    let count = seen.len();
    assert!(
        count >= 2 && seen[count - 2..] == [Seen::Refused(status), Seen::Closed],
        "{status} is due for {}, but: {:?}",
        wire.escape_ascii(),
        seen.last()
    );
}

#[test]
fn request_lines() {
    for (line, status) in [
        // Three parts with one space between them.
        ("GET", 400),
        ("GET /", 400),
        ("GET HTTP/1.1", 400),
        ("/ HTTP/1.1", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET /  HTTP/1.1", 400),
        (" GET / HTTP/1.1", 400),
        ("GET / HTTP/1.1 ", 400),
        ("GET / a HTTP/1.1", 400),
        ("GET\t/\tHTTP/1.1", 400),
        ("GET /\tHTTP/1.1", 400),
        ("Host: h", 400),
        // The method.
        ("G<T / HTTP/1.1", 400),
        ("GET: / HTTP/1.1", 400),
        ("G/T / HTTP/1.1", 400),
        ("\"GET\" / HTTP/1.1", 400),
        ("G\u{c9}T / HTTP/1.1", 400),
        ("G\0T / HTTP/1.1", 400),
        ("\u{16}\u{3}\u{1} / HTTP/1.1", 400),
        ("get / HTTP/1.1", 501),
        ("Post / HTTP/1.1", 501),
        ("GETGETGETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1", 501),
        ("CONNECT h:443 HTTP/1.1", 501),
        ("CONNECT / HTTP/1.1", 501),
        // The target.
        ("GET path HTTP/1.1", 400),
        ("GET ?query HTTP/1.1", 400),
        ("GET h:80 HTTP/1.1", 400),
        ("GET h HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("OPTIONS *a HTTP/1.1", 400),
        ("OPTIONS ** HTTP/1.1", 400),
        ("GET /a#b HTTP/1.1", 400),
        ("GET /caf\u{e9} HTTP/1.1", 400),
        ("GET /?\u{e9} HTTP/1.1", 400),
        ("GET /\0 HTTP/1.1", 400),
        ("GET /\u{7f} HTTP/1.1", 400),
        ("GET /\u{1b}[1m HTTP/1.1", 400),
        ("GET /% HTTP/1.1", 400),
        ("GET /%4 HTTP/1.1", 400),
        ("GET /%zz HTTP/1.1", 400),
        ("GET /%u0041 HTTP/1.1", 400),
        ("GET /a%00b HTTP/1.1", 400),
        ("GET http:/// HTTP/1.1", 400),
        ("GET http:// HTTP/1.1", 400),
        ("GET http://:80/ HTTP/1.1", 400),
        ("GET http:/h/ HTTP/1.1", 400),
        ("GET http://u:p@h/ HTTP/1.1", 400),
        ("GET http://h:99999/ HTTP/1.1", 400),
        ("GET http://h:p/ HTTP/1.1", 400),
        ("GET http://[::1/ HTTP/1.1", 400),
        ("GET http://a|b/ HTTP/1.1", 400),
        ("GET http://h/%00 HTTP/1.1", 400),
        ("GET ftp://h/ HTTP/1.1", 400),
        ("GET file:///etc/passwd HTTP/1.1", 400),
        ("GET //h HTTP/0.9", 505),
        ("GET https://h/ HTTP/1.1", 421),
        // The version.
        ("GET / HTTP", 400),
        ("GET / HTTP/", 400),
        ("GET / HTTP/1", 400),
        ("GET / HTTP/1.", 400),
        ("GET / HTTP/1.1.1", 400),
        ("GET / HTTP/1.10", 400),
        ("GET / HTTP/11.1", 400),
        ("GET / HTTP/01.1", 400),
        ("GET / HTTP/1,1", 400),
        ("GET / HTTP/+1.1", 400),
        ("GET / HTTP/a.b", 400),
        ("GET / http/1.1", 400),
        ("GET / Http/1.1", 400),
        ("GET / HTTPS/1.1", 400),
        ("GET / XHTTP/1.1", 400),
        ("GET / RTSP/1.0", 400),
        ("GET / HTTP /1.1", 400),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/3.1", 505),
        ("GET / HTTP/0.9", 505),
        ("GET / HTTP/9.9", 505),
        // The preface of HTTP/2 (RFC 9113, section 3.4).
        ("PRI * HTTP/2.0", 505),
    ] {
        assert_refused(format!("{line}\r\n").as_bytes(), status);
        assert_refused(format!("{line}\r\nHost: h\r\n\r\n").as_bytes(), status);
    }
}

#[test]
fn lines_that_end_otherwise() {
    for wire in [
        &b"GET / HTTP/1.1\nHost: h\n\n"[..],
        b"GET / HTTP/1.1\r\nHost: h\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n\n",
        b"GET / HTTP/1.1\rHost: h\r\r",
        b"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n\rX: y\r\n\r\n",
        b"GET / HTTP/1.1\r\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\r\n\r\n",
        b"GET / HTTP/1.1\n\rHost: h\r\n\r\n",
        b"GET /\n HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /\r HTTP/1.1\r\nHost: h\r\n\r\n",
        // One empty line before a request is ignored, no more, and nothing but an empty line.
        b"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\rGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b" \r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\xef\xbb\xbfGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        assert_refused(wire, 400);
    }
}

#[test]
fn field_lines() {
    for (line, status) in [
        // White space where there is none.
        (" X: y", 400),
        ("\tX: y", 400),
        ("X : y", 400),
        ("X\t: y", 400),
        ("X Y: z", 400),
        ("Content-Length : 0", 400),
        ("Transfer-Encoding : chunked", 400),
        ("X: y\r\n folded", 400),
        ("X: y\r\n\tfolded", 400),
        ("X:\r\n y", 400),
        ("X: y\r\n ", 400),
        ("X: y\r\n \r\nZ: z", 400),
        // Names.
        ("X", 400),
        (":", 400),
        (": y", 400),
        ("X@Y: z", 400),
        ("X(Y): z", 400),
        ("X/Y: z", 400),
        ("X[0]: z", 400),
        ("X=Y", 400),
        ("\"X\": y", 400),
        ("X,Y: z", 400),
        ("X\0: y", 400),
        ("X\u{1}: y", 400),
        ("X\u{7f}: y", 400),
        ("X\u{e9}: y", 400),
        ("GET / HTTP/1.1", 400),
        ("Content\rLength: 0", 400),
        // Values.
        ("X: a\0b", 400),
        ("X: \u{1}", 400),
        ("X: a\u{8}b", 400),
        ("X: a\u{b}b", 400),
        ("X: a\u{c}b", 400),
        ("X: \u{1b}[31m", 400),
        ("X: a\u{7f}", 400),
        ("X: a\rb", 400),
        ("X: a\nb", 400),
        ("X:\nContent-Length: 5", 400),
        ("X:\rContent-Length: 5", 400),
        // Singletons.
        ("Content-Type: a/b\r\nContent-Type: c/d", 400),
        ("Host: h", 400),
        ("hOST: other", 400),
        // Expectations.
        ("Expect: nothing", 417),
        ("Expect: 100-continue, and-more", 417),
        ("Expect: 100-continue\r\nExpect: x", 417),
        ("Expect: 100", 417),
    ] {
        let wire = format!("GET / HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n");
        assert_refused(wire.as_bytes(), status);
    }
}

#[test]
fn hosts() {
    for fields in [
        "",
        "X: y\r\n",
        "Hos: t\r\n",
        "H_st: h\r\n",
        "Host: a\r\nHost: b\r\n",
        "Host:\r\nHost: h\r\n",
        "Host: a b\r\n",
        "Host: http://h\r\n",
        "Host: h/path\r\n",
        "Host: h?query\r\n",
        "Host: h#fragment\r\n",
        "Host: user@h\r\n",
        "Host: h:port\r\n",
        "Host: h:80:80\r\n",
        "Host: h:-1\r\n",
        "Host: h:65536\r\n",
        "Host: [::1\r\n",
        "Host: ::1\r\n",
        "Host: [::1]80\r\n",
        "Host: [::g]\r\n",
        "Host: caf\u{e9}\r\n",
        "Host: h\\i\r\n",
        "Host: <h>\r\n",
        "Host: %zz\r\n",
    ] {
        assert_refused(format!("GET / HTTP/1.1\r\n{fields}\r\n").as_bytes(), 400);
        // An absolute target does not make up for it.
        assert_refused(
            format!("GET http://h/ HTTP/1.1\r\n{fields}\r\n").as_bytes(),
            400,
        );
    }
    assert_refused(b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400);
    assert_refused(b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400);
}

#[test]
fn framing() {
    for (fields, status) in [
        // Content-Length.
        ("Content-Length:", 400),
        ("Content-Length: -1", 400),
        ("Content-Length: -0", 400),
        ("Content-Length: +1", 400),
        ("Content-Length: 1 2", 400),
        ("Content-Length: 1.0", 400),
        ("Content-Length: 1e3", 400),
        ("Content-Length: 0x10", 400),
        ("Content-Length: 1_0", 400),
        ("Content-Length: ten", 400),
        ("Content-Length: \"5\"", 400),
        ("Content-Length: 5;", 400),
        ("Content-Length: \u{663}", 400),
        ("Content-Length: 5, 5", 400),
        ("Content-Length: 5, 6", 400),
        ("Content-Length: 5,", 400),
        ("Content-Length: ,5", 400),
        ("Content-Length: 5\r\nContent-Length: 6", 400),
        ("Content-Length: 5\r\nContent-Length: 5", 400),
        ("Content-Length: 5\r\ncontent-length: 0", 400),
        ("Content-Length: 5\r\nContent-Length:", 400),
        ("Content-Length: 1073741825", 413),
        ("Content-Length: 18446744073709551615", 413),
        ("Content-Length: 18446744073709551616", 413),
        (
            "Content-Length: 99999999999999999999999999999999999999",
            413,
        ),
        // Both.
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0", 400),
        ("Transfer-Encoding:\r\nContent-Length: 5", 400),
        ("Transfer-Encoding: identity\r\nContent-Length: 5", 400),
        ("Transfer-Encoding: x\r\nContent-Length: 5", 400),
        // Transfer-Encoding.
        ("Transfer-Encoding:", 400),
        ("Transfer-Encoding: ,", 400),
        ("Transfer-Encoding: identity", 400),
        ("Transfer-Encoding: gzip", 400),
        ("Transfer-Encoding: x", 400),
        ("Transfer-Encoding: xchunked", 400),
        ("Transfer-Encoding: chunkedx", 400),
        ("Transfer-Encoding: chunked;q=1", 400),
        ("Transfer-Encoding: chunked chunked", 400),
        ("Transfer-Encoding: \"chunked\"", 400),
        ("Transfer-Encoding: 'chunked'", 400),
        ("Transfer-Encoding: chunked,", 400),
        ("Transfer-Encoding: ,chunked", 400),
        ("Transfer-Encoding: chunked, chunked", 400),
        ("Transfer-Encoding: chunked, gzip", 400),
        ("Transfer-Encoding: chunked, identity", 400),
        ("Transfer-Encoding: gzip, chunked, chunked", 400),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            400,
        ),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding:", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: x", 400),
        ("Transfer-Encoding: \u{b}chunked", 400),
        ("Transfer-Encoding: chunked\u{b}", 400),
        ("Transfer-Encoding: \u{a0}chunked", 400),
        ("Transfer-Encoding: chunke\u{212a}", 400),
        ("Transfer-Encoding:\r\n chunked", 400),
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: identity, chunked", 501),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 501),
        ("Transfer-Encoding: deflate, gzip, chunked", 501),
    ] {
        for method in ["POST", "GET"] {
            let wire = format!("{method} / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n0\r\n\r\n");
            assert_refused(wire.as_bytes(), status);
        }
    }
    for coding in ["chunked", "gzip, chunked", "identity", ""] {
        let wire = format!("POST / HTTP/1.0\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        assert_refused(wire.as_bytes(), 400);
    }
}

#[test]
fn chunked_bodies() {
    for (body, status) in [
        // Sizes.
        ("\r\n", 400),
        ("g\r\n", 400),
        ("-1\r\n", 400),
        ("+1\r\na\r\n", 400),
        ("0x1\r\na\r\n", 400),
        ("1_0\r\n", 400),
        ("1.0\r\n", 400),
        (" 1\r\na\r\n", 400),
        ("\t1\r\na\r\n", 400),
        ("1 \r\na\r\n", 400),
        ("1\t\r\na\r\n", 400),
        ("1 1\r\na\r\n", 400),
        ("0 \r\n\r\n", 400),
        ("1 a\r\na\r\n", 400),
        ("1,1\r\na\r\n", 400),
        ("\u{ff11}\r\na\r\n", 400),
        ("1\0\r\na\r\n", 400),
        (";a\r\n", 400),
        (" ;a=b\r\n", 400),
        ("40000001\r\n", 413),
        ("ffffffffffffffff\r\n", 413),
        ("10000000000000000\r\n", 413),
        ("10000000000000001\r\na\r\n0\r\n\r\n", 413),
        (
            "100000000000000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
            413,
        ),
        // Line ends.
        ("1\na\r\n0\r\n\r\n", 400),
        ("1\ra\r\n0\r\n\r\n", 400),
        ("1\r\r\na\r\n0\r\n\r\n", 400),
        ("\n1\r\na\r\n", 400),
        ("1\r\na\n0\r\n\r\n", 400),
        ("1\r\na\r0\r\n\r\n", 400),
        ("1\r\na0\r\n\r\n", 400),
        ("1\r\nax\n0\r\n\r\n", 400),
        ("1\r\nab\r\n0\r\n\r\n", 400),
        ("2\r\na\r\n0\r\n\r\n", 400),
        ("1\r\n\r\n0\r\n\r\n", 400),
        ("5\r\nhello\r\n\r\n\r\n", 400),
        ("5\r\nhello\r\n\r\n0\r\n\r\n", 400),
        ("0\n\r\n", 400),
        ("0\r\n\n", 400),
        ("0\r\n\rx", 400),
        // Extensions.
        ("1;\r\na\r\n", 400),
        ("1;;a\r\na\r\n", 400),
        ("1;a=\r\na\r\n", 400),
        ("1;=a\r\na\r\n", 400),
        ("1;a b\r\na\r\n", 400),
        ("1;a=b c\r\na\r\n", 400),
        ("1;a=\"b\r\na\r\n", 400),
        ("1;a=\"b\\\r\na\r\n", 400),
        ("1;a=\"\nb\"\r\na\r\n", 400),
        ("1;a\rb\r\na\r\n", 400),
        ("1;a\nb\r\na\r\n", 400),
        ("1;a=\0\r\na\r\n", 400),
        ("1;a \r\na\r\n", 400),
        ("1;<a>\r\na\r\n", 400),
        // Trailers.
        ("0\r\nX\r\n\r\n", 400),
        ("0\r\nX : y\r\n\r\n", 400),
        ("0\r\n X: y\r\n\r\n", 400),
        ("0\r\nX: y\r\n z\r\n\r\n", 400),
        ("0\r\nX: y\n\r\n", 400),
        ("0\r\nX: a\0b\r\n\r\n", 400),
        ("0\r\n: y\r\n\r\n", 400),
        ("0\r\nContent-Length: 5\r\n\r\n", 400),
        ("0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("0\r\nhost: h\r\n\r\n", 400),
        ("0\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ] {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_refused(format!("{head}{body}").as_bytes(), status);
        assert_refused(format!("{head}3\r\nabc\r\n{body}").as_bytes(), status);
    }
}

/// One byte over each limit is refused; at the limit is in `accepted.rs`.
#[test]
fn limits() {
    let wire = format!("GET /{} HTTP/1.1\r\n", "a".repeat(8192 - 13));
    assert_refused(wire.as_bytes(), 414);
    // It need not be whole for that.
    assert_refused(&[b'A'; 8193], 414);

    let start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    let wire = format!("{start}{}\r\n\r\n", "a".repeat(65536 - start.len() - 3));
    assert_eq!(wire.len(), 65537);
    assert_refused(wire.as_bytes(), 431);
    assert_refused(format!("{start}{}", "a".repeat(65536)).as_bytes(), 431);
    assert_refused(
        format!("{start}\r\n{}", "Xxxxxxx: y\r\n".repeat(99)).as_bytes(),
        431,
    );

    let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_refused(format!("{chunked}{}", "0".repeat(1025)).as_bytes(), 400);
    assert_refused(format!("{chunked}1;{}", "a".repeat(1023)).as_bytes(), 400);
    let chunk = format!("1;{}\r\na\r\n", "a".repeat(1022));
    assert_refused(format!("{chunked}{}", chunk.repeat(17)).as_bytes(), 400);
    assert_refused(
        format!("{chunked}0\r\n{}", "X: y\r\n".repeat(101)).as_bytes(),
        431,
    );
    assert_refused(
        format!("{chunked}0\r\nX: {}", "y".repeat(8192)).as_bytes(),
        431,
    );
}

#[test]
fn content_over_the_limit_is_refused_before_it_is_read() {
    let limits = Limits {
        body: 10,
        ..Limits::default()
    };
    let head = "POST / HTTP/1.1\r\nHost: h\r\n";
    let plain = format!("{head}Content-Length: 11\r\n\r\n01234567890");
    let seen = read([plain.as_bytes()], limits, false);
    assert_eq!(seen, [Seen::Refused(413), Seen::Closed]);

    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n");
    let seen = read([chunked.as_bytes()], limits, false);
    let expected = [
        Seen::Body(b"hello".to_vec()),
        Seen::Refused(413),
        Seen::Closed,
    ];
    assert_eq!(seen[1..], expected);
}

#[test]
fn a_connection_that_ends_inside_a_request() {
    for wire in [
        "G",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\nG",
    ] {
        let seen = read([wire.as_bytes()], Limits::default(), true);
        let count = seen.len();
        assert_eq!(
            seen[count - 2..],
            [Seen::Refused(400), Seen::Closed],
            "{wire:?}"
        );
    }
}

/// What is refused stays refused: nothing of a smuggled request is ever seen.
#[test]
fn nothing_is_read_after_a_refusal() {
    let wire =
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\
        0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(read_whole(wire), [Seen::Refused(400), Seen::Closed]);
}
