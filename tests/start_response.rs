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

#[test]
fn an_empty_block_does_not_commit_the_head() {
    let answer = Cgi::source(
        "import sys
def application(environ, start_response):
    start_response('200 OK', [('X-First', '1')])
    yield b''
    try:
        raise ValueError('late')
    except ValueError:
        start_response('503 Service Unavailable', [('X-Second', '2')], sys.exc_info())
    yield b'sorry'
",
    )
    .run();
    assert_eq!(answer.status, "503 Service Unavailable");
    assert!(answer.header("X-First").is_empty());
    assert_eq!(answer.body, b"sorry");
}

#[test]
fn a_head_is_replaced_as_a_whole_and_its_old_length_cuts_nothing() {
    let answer = Cgi::source(
        "import sys
def application(environ, start_response):
    start_response('200 OK', [('Content-Length', '2')])
    try:
        raise ValueError
    except ValueError:
        start_response('500 Oh', [], sys.exc_info())
    return [b'a page longer than two bytes']
",
    )
    .logs("the application answered 500 itself")
    .run();
    assert_eq!(answer.status, "500 Oh");
    assert_eq!(answer.body, b"a page longer than two bytes");
    assert_eq!(answer.header("Content-Length"), ["28"]);
}

#[test]
fn exc_info_after_the_head_raises_the_applications_own_exception() {
    let answer = Cgi::source(
        "import sys
def application(environ, start_response):
    write = start_response('200 OK', [])
    write(b'begun')
    try:
        raise LookupError('the original')
    except LookupError:
        exc_info = sys.exc_info()
    start_response('500 Oh', [], exc_info)
    return [b'never']
",
    )
    .exits(1)
    .logs("LookupError: the original")
    .logs("cut short")
    .run();
    assert_eq!(
        (answer.status.as_str(), answer.body.as_slice()),
        ("200 OK", &b"begun"[..])
    );
    // The traceback is the one of the exception, not of the call.
    assert!(
        answer.log.contains("raise LookupError('the original')"),
        "{}",
        answer.log
    );
}

#[test]
fn no_reference_to_exc_info_is_kept() {
    let answer = Cgi::source(
        "import sys, weakref
class Seen(Exception): pass
def application(environ, start_response):
    def replace():
        try:
            raise Seen
        except Seen as error:
            start_response('500 Oh', [], sys.exc_info())
            return weakref.ref(error)
    reference = replace()
    return [b'kept' if reference() else b'gone']
",
    )
    .logs("the application answered 500 itself")
    .run();
    assert_eq!(answer.body, b"gone");
}

#[test]
fn a_second_call_without_exc_info_is_an_error() {
    Cgi::source(
        "def application(environ, start_response):
            start_response('200 OK', [])
            start_response('200 OK', [])
            return [b'']
        ",
    )
    .exits(1)
    .logs("start_response was called a second time")
    .run()
    .error_id();
}

#[test]
fn a_second_call_is_an_error_even_if_the_first_raised() {
    let answer = Cgi::source(
        "def application(environ, start_response):
    try:
        start_response('bad status', [])
    except ValueError:
        pass
    start_response('200 OK', [])
    return [b'']
",
    )
    .exits(1)
    .logs("a second time")
    .run();
    assert_eq!(answer.status, "500 Internal Server Error");
}

#[test]
fn what_was_raised_for_a_bad_head_may_be_answered_with_exc_info() {
    let answer = Cgi::source(
        "import sys
def application(environ, start_response):
    try:
        start_response('200 OK', [('X', 'a\\nb')])
    except ValueError:
        start_response('500 Mine', [], sys.exc_info())
    return [b'mine']
",
    )
    .logs("the application answered 500 itself")
    .run();
    assert_eq!(
        (answer.status.as_str(), answer.body.as_slice()),
        ("500 Mine", &b"mine"[..])
    );
}

#[test]
fn written_blocks_precede_the_iterables_which_is_still_consumed() {
    let answer = Cgi::source(
        "def application(environ, start_response):
            write = start_response('200 OK', [])
            write(b'one ')
            write(b'')
            write(b'two ')
            return [b'three']
        ",
    )
    .run();
    assert_eq!(answer.body, b"one two three");
    // Length 1 or not: the iterable is not the whole content.
    assert!(answer.header("Content-Length").is_empty());
}

#[test]
fn write_sends_the_head_at_once() {
    Cgi::source(
        "def application(environ, start_response):
            write = start_response('200 OK', [])
            write(b'x')
            raise RuntimeError('too late for a page')
        ",
    )
    .exits(1)
    .logs("cut short")
    .run();
}

#[test]
fn the_first_write_sends_the_head_even_if_it_writes_nothing() {
    Cgi::source(
        "def application(environ, start_response):
            write = start_response('200 OK', [])
            write(b'')
            raise RuntimeError('too late for a page')
        ",
    )
    .exits(1)
    .logs("cut short")
    .run();
}

#[test]
fn a_first_call_while_being_closed_is_too_late() {
    Cgi::source(
        "def application(environ, start_response):
            try:
                yield b'too early'
            finally:
                start_response('200 OK', [])
        ",
    )
    .exits(1)
    .logs("did not call start_response before its first block")
    .logs("start_response was called after the response was sent")
    .run()
    .error_id();
}

#[test]
fn exc_info_may_be_named_and_may_be_none() {
    // PEP 3333 has it positional; frameworks name it, and every server lets them.
    let answer = Cgi::source(
        "import sys
def application(environ, start_response):
    start_response('200 OK', [], exc_info=None)
    try:
        raise ValueError
    except ValueError:
        start_response('500 Oh', [], exc_info=sys.exc_info())
    return [b'named']
",
    )
    .logs("the application answered 500 itself")
    .run();
    assert_eq!(
        (answer.status.as_str(), answer.body.as_slice()),
        ("500 Oh", &b"named"[..])
    );
}

#[test]
fn an_application_that_never_calls_it_is_told_so() {
    for body in ["return []", "return [b'x']", "yield b'x'"] {
        Cgi::source(&format!(
            "def application(environ, start_response):\n    {body}\n"
        ))
        .exits(1)
        .logs("did not call start_response")
        .run()
        .error_id();
    }
}

#[test]
fn a_status_without_a_reason_phrase_is_completed() {
    let answer = Cgi::source(
        "def application(environ, start_response):
            start_response('404', [])
            return [b'']
        ",
    )
    .run();
    assert_eq!(answer.status, "404 Not Found");
}

#[test]
fn any_other_odd_status_is_refused() {
    for status in [
        "'OK'",
        "'2000 OK'",
        "'200  \\n'",
        "200",
        "b'200 OK'",
        "'200 \\u20ac'",
        "None",
    ] {
        let source = format!(
            "def application(environ, start_response):
    start_response({status}, [])
    return [b'']
"
        );
        Cgi::source(&source)
            .exits(1)
            .logs("status")
            .run()
            .error_id();
    }
}

#[test]
fn the_checks_stay_when_python_runs_optimised() {
    Cgi::source(
        "def application(environ, start_response):
            start_response('200 OK', {})
            return [b'']
        ",
    )
    .variable("PYTHONOPTIMIZE", "2")
    .exits(1)
    .logs("the headers must be a list")
    .run()
    .error_id();
}

/// PEP 3333: a `sys.exc_info()` tuple, in both states.
#[test]
fn exc_info_is_checked_before_and_after_the_head() {
    for first in ["b''", "b'x'"] {
        let source = format!(
            "import sys
WRONG = ['oops', ValueError('x'), True, False, 0, (), [], (1, 2), (None, None, None), (1, 2, 3),
    (ValueError, ValueError('x')), (ValueError, 'x', None), (ValueError, ValueError('x'), 'x'),
    (KeyError, ValueError('x'), None), [ValueError, ValueError('x'), None]]
def application(environ, start_response):
    start_response('200 OK', [])
    yield {first}
    for wrong in WRONG:
        try:
            start_response('201 Created', [], wrong)
        except TypeError as error:
            assert 'exc_info must be' in str(error)
        else:
            raise AssertionError(wrong)
    yield b'all refused'
"
        );
        let answer = Cgi::source(&source).run();
        assert_eq!(answer.status, "200 OK");
        assert!(answer.body.ends_with(b"all refused"));
    }
}

#[test]
fn exc_info_may_have_no_traceback() {
    let answer = Cgi::source(
        "def application(environ, start_response):
    start_response('200 OK', [])
    error = ValueError('x')
    start_response('503 Later', [], (ValueError, error, None))
    return [b'']
",
    )
    .run();
    assert_eq!(answer.status, "503 Later");
}

/// RFC 9110, section 15.2: a 1xx precedes an answer.
#[test]
fn an_interim_status_is_no_answer() {
    for status in ["100 Continue", "101 Switching Protocols", "103 Early Hints"] {
        let source = format!(
            "def application(environ, start_response):
    start_response('{status}', [])
    return [b'hello']
"
        );
        let answer = Cgi::source(&source)
            .exits(1)
            .logs("a 1xx status is not final")
            .run();
        assert_eq!(answer.status, "500 Internal Server Error");
        answer.error_id();
    }
}
