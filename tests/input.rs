//! `wsgi.input` (PEP 3333, "Input and Error Streams"; RFC 3875, section 4.2): the body, never past
//! CONTENT_LENGTH, and `io.BytesIO` in every other respect. And `wsgi.errors`.

use std::io::{Read, Write};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::cgi::{Answer, Cgi, exit_code};

fn hex(content: &[u8]) -> String {
    use std::fmt::Write;
    content.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String");
        text
    })
}

#[test]
fn it_reads_as_bytes_io_does() {
    let size = prop_oneof![
        Just(String::new()),
        Just(":None".to_owned()),
        (-3_i64..40).prop_map(|size| format!(":{size}")),
        (60_000_i64..70_000).prop_map(|size| format!(":{size}")),
    ];
    let step = prop_oneof![
        (
            prop_oneof![Just("read"), Just("readline"), Just("readlines")],
            size
        )
            .prop_map(|(name, size)| format!("{name}{size}")),
        Just("next".to_owned()),
    ];
    let line = prop::collection::vec(prop_oneof![Just(b'x'), Just(b'\r'), Just(0)], 0..20);
    let content = prop::collection::vec(line, 0..20).prop_map(|lines| lines.join(&b'\n'));
    let strategy = (prop::collection::vec(step, 0..12), content, 0_usize..2_000);
    let config = Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&strategy, |(steps, mut content, repeat)| {
            // Now and then past the size of one read; the variable has to fit the environment.
            if repeat > 1_900 && !content.is_empty() {
                content = content.repeat(50_000 / content.len());
            }
            let answer = Cgi::app("input.py")
                .variable("QUERY_STRING", steps.join(","))
                .variable("HTTP_X_CONTENT", hex(&content))
                .post(content)
                .run();
            prop_assert_eq!(answer.text(), "same");
            Ok(())
        })
        .expect("no difference");
}

#[test]
fn not_a_byte_past_content_length_is_read() {
    // The pipe stays open, as with lighttpd or busybox: whoever reads on waits for ever.
    let (mut child, _folder) = Cgi::source(
        "def application(environ, start_response):
    start_response('200 OK', [])
    body = environ['wsgi.input']
    return [b'|'.join([body.read(2), body.read(100), body.read(), body.readline(), *body])]
",
    )
    .method("POST")
    .variable("CONTENT_LENGTH", "5")
    .spawn();
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(b"01234next request").expect("written");
    let mut response = String::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_string(&mut response)
        .expect("readable");
    drop(stdin);
    assert!(response.ends_with("01|234||"), "{response}");
    assert_eq!(exit_code(child.wait().expect("ended")), 0);
}

#[test]
fn without_a_body_nothing_is_waited_for() {
    for length in ["", "0"] {
        let (mut child, _folder) = Cgi::source(
            "def application(environ, start_response):
    start_response('200 OK', [])
    return [repr(environ['wsgi.input'].read()).encode()]
",
        )
        .variable("CONTENT_LENGTH", length)
        .spawn();
        let stdin = child.stdin.take();
        let mut response = String::new();
        child
            .stdout
            .take()
            .expect("piped")
            .read_to_string(&mut response)
            .expect("readable");
        drop(stdin);
        assert!(response.ends_with("b''"), "{response}");
        child.wait().expect("ended");
    }
}

#[test]
fn a_body_shorter_than_announced_ends_and_is_logged() {
    let answer = Cgi::source(
        "def application(environ, start_response):
    start_response('200 OK', [])
    return [environ['wsgi.input'].read(), environ['wsgi.input'].read()]
",
    )
    .post("short")
    .variable("CONTENT_LENGTH", "1000000000")
    .logs("the request body is 999999995 bytes shorter than its CONTENT_LENGTH")
    .run();
    assert_eq!(answer.body, b"short");
}

#[test]
fn a_chunked_body_is_read_to_its_end_under_apache_only() {
    let request = || {
        Cgi::source(
            "def application(environ, start_response):
    start_response('200 OK', [])
    assert environ['wsgi.input_terminated']
    return [environ['wsgi.input'].read()]
",
        )
        .method("POST")
        .variable("HTTP_TRANSFER_ENCODING", "chunked")
        .stdin("decoded")
    };
    let apache = request()
        .variable("SERVER_SOFTWARE", "Apache/2.4.66 (Debian)")
        .run();
    assert_eq!(apache.body, b"decoded");
    // What is known is said, and what can be done.
    request()
        .exits(1)
        .logs("CONTENT_LENGTH is not set and HTTP_TRANSFER_ENCODING=`chunked`")
        .logs("or make the client send a Content-Length")
        .run();
    let other = request().exits(1).logs_anything().run();
    assert_eq!(other.status, "411 Length Required");
    other.error_id();
}

/// A script that calls the standard library's handler, whose environment is the process's own.
#[test]
fn a_decoded_body_has_a_length_for_a_script_with_a_handler() {
    for call in [
        "CGIHandler().run(app)",
        "BaseCGIHandler(sys.stdin.buffer, sys.stdout.buffer, sys.stderr, dict(os.environ)).run(app)",
        "if __name__ == '__main__': CGIHandler().run(app)",
    ] {
        let script = format!(
            "import os, sys
from wsgiref.handlers import BaseCGIHandler, CGIHandler
def app(environ, start_response):
    start_response('200 OK', [])
    body = environ['wsgi.input'].read(int(environ['CONTENT_LENGTH']))
    announced = 'HTTP_TRANSFER_ENCODING' in environ, 'HTTP_TRANSFER_ENCODING' in os.environ
    return [body, repr((announced, os.environ['CONTENT_LENGTH'])).encode()]
{call}
"
        );
        let request = || {
            Cgi::source(&script)
                .method("POST")
                .variable("SERVER_SOFTWARE", "Apache/2.4.66 (Debian)")
                .variable("HTTP_TRANSFER_ENCODING", "chunked")
                .stdin("decoded")
        };
        for request in [request(), request().variable("CONTENT_LENGTH", "")] {
            let answer = request.run();
            assert_eq!(answer.text(), "decoded((False, False), '7')", "{call}");
        }
    }
}

/// Frameworks refuse or lose a body that is announced as chunked: what has been decoded is a body
/// of known length (RFC 9112, section 6.3; RFC 3875, section 4.1.2).
#[test]
fn a_decoded_body_is_one_of_known_length() {
    let request = |body: &[u8], server: &str| {
        Cgi::source(
            "def application(environ, start_response):
    length = environ['CONTENT_LENGTH']
    body = environ['wsgi.input'].read(int(length))
    assert environ['wsgi.input'].read() == b''
    start_response('200 OK', [])
    return [repr((length, len(body), environ.get('HTTP_TRANSFER_ENCODING'))).encode()]
",
        )
        .method("POST")
        .variable("HTTP_TRANSFER_ENCODING", "chunked")
        .variable("SERVER_SOFTWARE", server)
        .stdin(body)
    };
    for size in [0, 1, 5, 65_536, 1_000_000] {
        let body = vec![b'x'; size];
        let expected = format!("('{size}', {size}, None)");
        // The server gives no length: the body is set aside first.
        let answer = request(&body, "Apache/2.4.66 (Debian)").run();
        assert_eq!(answer.text(), expected);
        let answer = request(&body, "nginx/1.22.1")
            .variable("CONTENT_LENGTH", size.to_string())
            .run();
        assert_eq!(answer.text(), expected);
    }
}

/// Setting it aside counts as part of the exchange, and no disk is a reason that is said.
#[test]
fn a_decoded_body_that_cannot_be_set_aside_is_an_error() {
    let answer = Cgi::app("hello.py")
        .method("POST")
        .variable("HTTP_TRANSFER_ENCODING", "chunked")
        .variable("SERVER_SOFTWARE", "Apache/2.4.66 (Debian)")
        .variable("TMPDIR", "/nowhere")
        .stdin(vec![b'x'; 1_000_000])
        .exits(1)
        .logs("the request's body has no CONTENT_LENGTH and cannot be stored in `/nowhere`")
        .run();
    assert_eq!(answer.status, "500 Internal Server Error");
    answer.error_id();
}

#[test]
fn standard_input_is_not_the_body() {
    let answer = Cgi::source(
        "import os, sys
def application(environ, start_response):
    start_response('200 OK', [])
    stolen = sys.stdin.read(), os.read(0, 10), os.popen('cat').read()
    return [repr(stolen).encode(), environ['wsgi.input'].read()]
",
    )
    .post("the body")
    .run();
    assert_eq!(answer.text(), "('', b'', '')the body");
}

#[test]
fn wsgi_errors_takes_any_str_without_raising() {
    let answer = Cgi::source(
        "def application(environ, start_response):
    errors = environ['wsgi.errors']
    errors.write('plain \\u20ac \\ud800\\n')
    errors.writelines(['two', ' lines\\n'])
    print('printed', file=errors)
    errors.flush()
    start_response('200 OK', [])
    return [b'fine']
",
    )
    .variable("LANG", "C")
    .logs("plain \u{20ac} \\ud800\ntwo lines\nprinted\n")
    .run();
    assert_eq!(answer.body, b"fine");
}
/// fcgiwrap and uWSGI's cgi plugin write the whole body before they read a byte of the answer.
#[test]
fn an_unread_body_is_taken_from_a_server_that_writes_it_first() {
    let cases = [
        (
            "start_response('403 Forbidden', [])\n    return [b'not for you']",
            "403 Forbidden",
            0,
        ),
        ("raise LookupError", "500 Internal Server Error", 1),
        ("import os; os.abort()", "500 Internal Server Error", 134),
        (
            "import ctypes; ctypes.CDLL(None).exit(0)",
            "500 Internal Server Error",
            0,
        ),
    ];
    for (line, status, exit) in cases {
        let text = format!("def application(environ, start_response):\n    {line}\n");
        for size in [1_usize, 300_000, 20_000_000] {
            let (raw, code) = written_first(Cgi::source(&text), size);
            let answer = Answer::parse(raw);
            assert_eq!(
                (answer.status.as_str(), code),
                (status, exit),
                "{line} {size}"
            );
        }
    }
    // What fails before there is an application, and what takes too long.
    let text = "import time\ndef application(environ, start_response):\n    time.sleep(60)\n";
    let (raw, _) = written_first(Cgi::source(text).option("--timeout=1"), 300_000);
    assert_eq!(Answer::parse(raw).status, "504 Gateway Timeout");
    let (raw, _) = written_first(Cgi::source("import nothing_of_that_name\n"), 300_000);
    assert_eq!(Answer::parse(raw).status, "500 Internal Server Error");
}

/// So is one whose length nobody knows, as it is refused.
#[test]
fn a_body_with_a_length_that_is_refused_is_taken_too() {
    for (name, value, status) in [
        ("CONTENT_LENGTH", "abc", "400 Bad Request"),
        ("CONTENT_LENGTH", "-1", "400 Bad Request"),
        ("HTTP_TRANSFER_ENCODING", "chunked", "411 Length Required"),
        ("SERVER_SOFTWARE", "mini_httpd/1.30", "411 Length Required"),
    ] {
        let cgi = Cgi::app("hello.py").method("POST").variable(name, value);
        let (raw, code) = written(cgi, 1_000_000);
        assert_eq!(Answer::parse(raw).status, status, "{name}={value}");
        assert_eq!(code, 1);
    }
}

fn written_first(cgi: Cgi, size: usize) -> (Vec<u8>, i32) {
    let cgi = cgi.variable("CONTENT_LENGTH", size.to_string());
    written(cgi.method("POST"), size)
}

/// Writes the whole body, and reads the answer then.
fn written(cgi: Cgi, size: usize) -> (Vec<u8>, i32) {
    let (mut child, _folder) = cgi.spawn();
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(&vec![b'x'; size]).expect("all of it taken");
    // It stays open: whoever reads to its end waits for ever.
    let mut raw = Vec::new();
    let mut stdout = child.stdout.take().expect("piped");
    stdout.read_to_end(&mut raw).expect("readable");
    drop(stdin);
    let code = exit_code(child.wait().expect("ended"));
    (raw, code)
}

/// A client that sends nothing more keeps nobody: the response ends at once, the process a while
/// later.
#[test]
fn a_body_that_never_comes_is_not_waited_for() {
    let (mut child, _folder) = Cgi::app("hello.py")
        .method("POST")
        .variable("CONTENT_LENGTH", "1000")
        .spawn();
    let stdin = child.stdin.take();
    let mut raw = Vec::new();
    let mut stdout = child.stdout.take().expect("piped");
    stdout.read_to_end(&mut raw).expect("readable");
    assert_eq!(Answer::parse(raw).status, "200 OK");
    assert_eq!(exit_code(child.wait().expect("ended")), 0);
    drop(stdin);
}
