//! `start_response`, `exc_info` and the `write` callable (PEP 3333, "The start_response()
//! Callable").

use crate::harness::cgi::Cgi;

#[test]
fn headers_leave_at_the_first_non_empty_block() {
    let answer = Cgi::source(
        "def application(environ, start_response):
            yield b''
            start_response('200 OK', [('X-Late', 'yes')])
            yield b''
            yield b'content'
        ",
    )
    .run();
    assert_eq!(answer.header("X-Late"), ["yes"]);
    assert_eq!(answer.body, b"content");
}
