//! `close()` is called exactly once, always, and no other attribute of the iterable is touched
//! (PEP 3333, "Specification Details").

use crate::harness::cgi::Cgi;

/// An application whose iterable notes what is done to it in the log.
fn noting(blocks: &str) -> String {
    format!(
        "import sys
class Iterable:
    def __iter__(self):
        {blocks}
    def close(self):
        print('closed', file=sys.stderr)
    def __getattr__(self, name):
        print('touched', name, file=sys.stderr)
        raise AttributeError(name)
def application(environ, start_response):
    start_response('200 OK', [])
    return Iterable()
"
    )
}

#[track_caller]
fn closed_once(cgi: Cgi) {
    let answer = cgi.logs("closed").run();
    assert_eq!(answer.log.matches("closed\n").count(), 1, "{}", answer.log);
    assert!(!answer.log.contains("touched"), "{}", answer.log);
}

#[test]
fn after_a_whole_answer() {
    closed_once(Cgi::source(&noting("yield b'a'")));
}

#[test]
fn after_a_head_request() {
    closed_once(Cgi::source(&noting("yield b'a'")).method("HEAD"));
}

#[test]
fn after_an_error_before_the_head() {
    closed_once(Cgi::source(&noting("raise ValueError\n        yield b''")).exits(1));
}

#[test]
fn after_an_error_in_the_middle() {
    closed_once(Cgi::source(&noting("yield b'a'\n        raise ValueError")).exits(1));
}

#[test]
fn after_a_block_that_is_no_bytes() {
    closed_once(Cgi::source(&noting("yield 'text'")).exits(1));
}

#[test]
fn after_content_length_was_reached() {
    let source =
        noting("yield b'ab'\n        yield b'cd'").replace("[])", "[('Content-Length', '1')])");
    closed_once(Cgi::source(&source));
}

#[test]
fn a_generator_is_closed_at_its_current_yield() {
    let answer = Cgi::source(
        "import sys
def application(environ, start_response):
    start_response('200 OK', [('Content-Length', '2')])
    try:
        yield b'ab'
        yield b'never sent'
    finally:
        print('unwound', file=sys.stderr)
",
    )
    .logs("unwound")
    .run();
    assert_eq!(answer.body, b"ab");
}

#[test]
fn an_error_in_close_is_logged_and_changes_nothing() {
    let answer =
        Cgi::source(&noting("yield b'a'").replace("print('closed'", "raise ValueError('x'"))
            .logs("close() raised an exception")
            .run();
    assert_eq!(answer.body, b"a");
}

#[test]
fn the_error_page_does_not_wait_for_close() {
    // The page is out, and its pipe at an end, before close() may go on.
    let cgi = Cgi::source(
        "import os, time
class Iterable:
    def __iter__(self):
        raise ValueError('no answer')
    def close(self):
        while not os.path.exists('page-was-read'):
            time.sleep(0.01)
def application(environ, start_response):
    start_response('200 OK', [])
    return Iterable()
",
    );
    let (mut child, folder) = cgi.spawn();
    drop(child.stdin.take());
    let mut page = Vec::new();
    std::io::Read::read_to_end(&mut child.stdout.take().expect("piped"), &mut page).expect("read");
    assert!(page.starts_with(b"Status: 500 "));
    let folder = folder.expect("kept");
    std::fs::write(folder.path().join("page-was-read"), "").expect("a marker");
    child.wait().expect("ended");
}
