//! What is refused, and how (RFC 9112 names each); the parser's own tests have the rest.

use super::ECHO;
use crate::harness::serving::Serve;

#[test]
fn each_refusal_has_its_status_and_ends_the_connection() {
    let serving = Serve::source(ECHO).start();
    let path = "x".repeat(9_000);
    let many = "X: y\r\n".repeat(12_000);
    for (status, request) in [
        // Section 6.1: two ways to find the end of the content.
        (
            400,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        // Section 6.3: differing lengths.
        (
            400,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        ),
        // Section 6.1: a coding that is not understood.
        (
            501,
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        ),
        // Section 2.2: bare CR, bare LF.
        (400, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"),
        (400, "GET / HTTP/1.1\nHost: a\n\n"),
        // Section 5.1: space before the colon; section 5.2: folded lines.
        (400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n"),
        // Section 3: method, target and version.
        (400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        (505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        // Section 3.2: Host once.
        (400, "GET / HTTP/1.1\r\n\r\n"),
        // RFC 9110, section 4.2.1: a port of no host.
        (400, "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: :\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        (414, &format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n")),
        (431, &format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")),
        (
            413,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n",
        ),
    ] {
        // A second request in the same packet is not looked at.
        let answer = serving.raw(format!("{request}GET /second HTTP/1.1\r\nHost: a\r\n\r\n"));
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{request:.60}: {answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        assert_eq!(answer.matches("\r\nConnection: ").count(), 1, "{answer}");
    }
    let log = serving.end();
    assert_eq!(log.lines().count(), 17, "{log}");
    // What was asked for is named once it is known, and the answer's content is counted.
    let too_large = log
        .lines()
        .find(|line| line.starts_with("413 POST / 62 B "));
    let limit = "(the content is longer than 1073741824 bytes (--max-body))";
    assert!(too_large.is_some_and(|line| line.ends_with(limit)), "{log}");
    let unnamed = log.lines().filter(|line| line.contains(" - - "));
    assert_eq!(unnamed.count(), 5, "{log}");
    assert!(!log.contains(" 0 B "), "{log}");
}

#[test]
fn a_field_with_an_underscore_poses_as_no_other() {
    let serving = Serve::source(
        "def application(environ, start_response):\n    start_response('200 OK', [])\n    \
         return [environ.get('HTTP_X_USER', 'nobody').encode()]\n",
    )
    .start();
    let answer =
        serving.raw("GET / HTTP/1.1\r\nHost: a\r\nX_User: root\r\nConnection: close\r\n\r\n");
    assert!(answer.ends_with("\r\n\r\nnobody"), "{answer}");
    serving.end();
}

#[test]
fn a_refusal_reaches_a_client_that_goes_on_sending() {
    let serving = Serve::source(ECHO).with(&["--max-body", "1k"]).start();
    let mut request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n".to_vec();
    request.extend(vec![b'x'; 500_000]);
    let answer = serving.raw(request);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    serving.end();
}

#[test]
fn content_that_cannot_be_stored_is_refused_and_the_log_says_where() {
    let serving = Serve::source(ECHO)
        .variable("TMPDIR", "/no/such/folder")
        .start();
    let content = "x".repeat(100_000);
    let answer = serving.raw(format!(
        "POST /up?word HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{content}"
    ));
    assert!(answer.starts_with("HTTP/1.1 507 "), "{answer}");
    let (_, log) = serving.end_logging();
    assert!(
        log.contains(": POST /up: cannot store the content in `/no/such/folder`: "),
        "{log}"
    );
}
