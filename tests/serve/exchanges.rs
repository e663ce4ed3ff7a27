//! Requests and responses on the wire (RFC 9112).

use std::io::{BufRead, BufReader, Write};

use super::ECHO;
use crate::harness::http_client::Request;
use crate::harness::serving::Serve;

#[test]
fn a_response_is_a_whole_http_response() {
    let serving = Serve::source(ECHO).start();
    let answer =
        serving.raw("GET /a%20b?c HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let mut lines: Vec<&str> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "HTTP/1.1 200 OK");
    let date = lines.iter().position(|line| line.starts_with("Date: "));
    lines.remove(date.expect("a date"));
    assert_eq!(
        lines,
        [
            "Content-Type: text/plain",
            "Content-Length: 14",
            "Server: wsgi-cgi",
            "Connection: close"
        ]
    );
    assert_eq!(body, "GET  /a b - 0\n");
    let log = serving.end();
    assert!(log.starts_with("200 GET /a%20b?c 14 B "), "{log}");
}

#[test]
fn a_connection_is_used_again() {
    let serving = Serve::source(ECHO).start();
    let mut stream = BufReader::new(serving.connect());
    for path in ["/1", "/2", "/3"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream
            .get_mut()
            .write_all(request.as_bytes())
            .expect("sent");
        assert_eq!(body(&mut stream), format!("GET  {path} - 0\n"));
    }
    drop(stream);
    serving.end();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let serving = Serve::source(ECHO).start();
    let requests = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
                    GET /2 HTTP/1.1\r\nHost: a\r\n\r\n\
                    POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                    5\r\nabcde\r\n0\r\n\r\n\
                    GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answers = serving.raw(requests);
    let bodies: Vec<&str> = answers
        .lines()
        .filter(|line| line.starts_with("GET") || line.starts_with("POST"))
        .collect();
    assert_eq!(
        bodies,
        ["POST  /1 3 3", "GET  /2 - 0", "POST  /3 5 5", "GET  /4 - 0"]
    );
    serving.end();
}

#[test]
fn a_client_that_asks_is_told_to_send_its_content() {
    let serving = Serve::source(ECHO).start();
    let mut stream = BufReader::new(serving.connect());
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    stream.get_mut().write_all(head.as_bytes()).expect("sent");
    let mut line = String::new();
    stream.read_line(&mut line).expect("a line");
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    stream.read_line(&mut line).expect("an empty line");
    stream.get_mut().write_all(b"1234").expect("sent");
    assert_eq!(body(&mut stream), "POST  / 4 4\n");
    drop(stream);
    serving.end();
}

#[test]
fn content_over_the_limit_is_refused_before_it_is_sent() {
    let serving = Serve::source(ECHO).with(&["--max-body", "1k"]).start();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1025\r\n\r\n";
    assert!(serving.raw(head).starts_with("HTTP/1.1 413 "));
    let chunks = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n";
    assert!(serving.raw(chunks).starts_with("HTTP/1.1 413 "));
    serving.end();
}

#[test]
fn large_content_arrives_whole() {
    static LARGE: [u8; 5_000_000] = [b'x'; 5_000_000];
    let serving = Serve::source(ECHO).start();
    let text = Request::post("/", &LARGE).send(serving.address()).text();
    assert_eq!(text, "POST  / 5000000 5000000\n");
    let text = Request::post_chunked("/", &LARGE)
        .send(serving.address())
        .text();
    assert_eq!(text, "POST  / 5000000 5000000\n");
    serving.end();
}

#[test]
fn head_has_the_length_and_no_content() {
    let serving = Serve::source(ECHO).start();
    let answers = serving.raw(
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    let (head, rest) = answers.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("\r\nContent-Length: 12\r\n"), "{head}");
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{rest}");
    serving.end();
}

#[test]
fn an_old_client_gets_an_end_it_understands() {
    let serving = Serve::source(
        "def application(environ, start_response):\n    \
         start_response('200 OK', [])\n    yield b'a'\n    yield b'b'\n",
    )
    .start();
    let answer = serving.raw("GET / HTTP/1.0\r\n\r\n");
    assert!(
        answer.ends_with("\r\nConnection: close\r\n\r\nab"),
        "{answer}"
    );
    let answer = serving.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(
        answer.ends_with("\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"),
        "{answer}"
    );
    serving.end();
}

#[test]
fn a_block_leaves_at_once() {
    let serving = Serve::source(
        r#"
import os, time
def application(environ, start_response):
    start_response("200 OK", [])
    yield b"first"
    while not os.path.exists("go"):
        time.sleep(0.01)
    yield b"second"
"#,
    )
    .start();
    let mut response = Request::get("/").send(serving.address());
    assert_eq!(response.next_bytes(5), b"first");
    std::fs::write(serving.folder().join("go"), "").expect("written");
    assert_eq!(response.bytes(), b"second");
    serving.end();
}

#[test]
fn a_file_is_sent_in_every_form() {
    let serving = Serve::source(
        r#"
import os
def application(environ, start_response):
    length = os.path.getsize("large") - 1
    named = [("Content-Length", str(length))] if environ["PATH_INFO"] == "/named" else []
    start_response("200 OK", named)
    file = open("large", "rb")
    file.seek(1)
    return environ["wsgi.file_wrapper"](file)
"#,
    )
    .file("large", vec![b'x'; 3_000_001])
    .start();
    for path in ["/named", "/chunked"] {
        let bytes = Request::get(path).send(serving.address()).bytes();
        assert!(
            bytes.len() == 3_000_000 && bytes.iter().all(|&b| b == b'x'),
            "{path}"
        );
    }
    serving.end();
}

#[test]
fn the_mount_path_is_taken_from_the_url() {
    let serving = Serve::source(ECHO).with(&["--script-name", "/app"]).start();
    assert_eq!(serving.get("/app/x"), "GET /app /x - 0\n");
    assert_eq!(serving.get("/app"), "GET /app  - 0\n");
    assert_eq!(Request::get("/other").send(serving.address()).status, 404);
    serving.end();
}

/// The content of one response with Content-Length; the connection goes on.
fn body(stream: &mut impl BufRead) -> String {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("a line");
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().expect("a number");
        }
        if line == "\r\n" {
            break;
        }
        assert_ne!(line, "", "the connection has ended");
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("the content");
    String::from_utf8(body).expect("UTF-8")
}

/// RFC 9110, section 15.3.6: a client looks for the content of a 205, and there is none.
#[test]
fn the_next_answer_is_not_taken_for_the_content_of_a_205() {
    let serving = Serve::source(
        "def application(environ, start_response):
    start_response(environ['QUERY_STRING'] + ' X', [('Content-Type', 'text/plain')])
    return [b'hello']
",
    )
    .start();
    let answers = serving.raw(
        "GET /?205 HTTP/1.1\r\nHost: a\r\n\r\nGET /?200 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    let (first, second) = answers.split_once("\r\n\r\n").expect("a head");
    assert!(first.starts_with("HTTP/1.1 205 X\r\n"), "{first}");
    assert!(first.contains("\r\nContent-Length: 0"), "{first}");
    assert!(second.starts_with("HTTP/1.1 200 X\r\n"), "{second}");
    assert!(second.ends_with("hello"), "{second}");
    serving.end();
}
