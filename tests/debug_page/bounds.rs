//! However large what failed is, the page is not; and what cannot be looked into does not cost the
//! answer.

use super::{in_order, page, text};
use crate::harness::cgi::Cgi;

/// No page may be longer.
const LONGEST: usize = 1024 * 1024;

#[test]
fn a_deep_recursion_is_folded() {
    let source = "def dive(depth):
    return dive(depth + 1)
def application(environ, start_response):
    dive(0)
";
    let answer = page(Cgi::source(source));
    in_order(
        answer.text(),
        &[
            "RecursionError",
            "<b>dive</b>",
            " calls are left out here",
            "<b>dive</b>",
            "<b>application</b>",
        ],
    );
    assert_eq!(
        answer
            .text()
            .matches("<details class=\"frame own\"")
            .count(),
        30
    );
    // The innermost call, one for each other line, and the application's.
    let open = "<details class=\"frame own\" open";
    assert!(answer.text().matches(open).count() <= 3);
    let text = text(Cgi::source(source));
    in_order(
        &text,
        &[
            "in application",
            "in dive",
            " calls are left out here)",
            "in dive",
        ],
    );
}

#[test]
fn huge_texts_are_cut() {
    let source = "class Wide:
    def __repr__(self):
        return 'w' * 10_000_000
def application(environ, start_response):
    text, blob, many = 'x' * 10_000_000, bytes(10_000_000), [['y' * 1000] * 1000] * 1000
    wide, number = Wide(), 1 << 10_000_000
    raise ValueError('<' * 10_000_000)
";
    for page in [
        page(Cgi::source(source)).text().to_owned(),
        text(Cgi::source(source)),
    ] {
        assert!(page.len() < 100_000, "{}", page.len());
        for word in [" … (cut)", "(10000000 long)", "int of 10000001 bits"] {
            assert!(page.contains(word), "{word} in {page:.5000}");
        }
    }
}

#[test]
fn a_page_with_much_of_everything_has_a_limited_size() {
    let source = "
def dive(depth, error=None):
    locals_ = {str(i): '<' * 1000 for i in range(100)}
    a = b = c = d = e = f = g = h = ['<' * 400] * 100
    if depth:
        dive(depth - 1)
    try:
        raise ValueError('&' * 5000)
    except ValueError as error:
        raise KeyError('<' * 5000)
def application(environ, start_response):
    dive(100)
";
    let mut cgi = Cgi::source(source);
    for number in 0..500 {
        cgi = cgi.variable(format!("HTTP_X_{number}"), "<".repeat(2000));
    }
    let answer = page(cgi);
    assert!(answer.body.len() < LONGEST, "{}", answer.body.len());
    in_order(
        answer.text(),
        &["<section id=\"request\">", " more are left out", "</html>"],
    );
}

#[test]
fn long_and_circular_chains_of_exceptions_end() {
    let chain = "def application(environ, start_response):
    error = None
    for number in range(100):
        try:
            raise ValueError(number) from error
        except ValueError as raised:
            error = raised
    raise error
";
    in_order(
        &text(Cgi::source(chain)),
        &[
            "(More exceptions are in",
            "ValueError: 98",
            "ValueError: 99",
        ],
    );
    let ring = "def application(environ, start_response):
    first, second = ValueError('first'), ValueError('second')
    first.__cause__, second.__cause__ = second, first
    raise first
";
    in_order(
        &text(Cgi::source(ring)),
        &["ValueError: second", "ValueError: first"],
    );
}

#[test]
fn a_slow_repr_is_waited_for_once() {
    // Each takes as long as all may take together.
    let source = "import time
class Slow:
    def __repr__(self):
        time.sleep(2)
        return 'slow'
def application(environ, start_response):
    a, b, c, d = Slow(), Slow(), Slow(), Slow()
    raise ValueError('x')
";
    let text = text(Cgi::source(source));
    in_order(&text, &["a = slow", "3 more are left out"]);
}

#[test]
fn a_repr_that_exits_or_answers_changes_nothing() {
    let source = "class Exits:
    def __repr__(self):
        raise SystemExit
class Answers:
    def __init__(self, start_response):
        self.start_response = start_response
    def __repr__(self):
        self.start_response('200 OK', [])
        return 'answered'
def application(environ, start_response):
    exits, answers = Exits(), Answers(start_response)
    raise ValueError('x')
";
    in_order(
        page(Cgi::source(source)).text(),
        &[
            "<h1>ValueError",
            "its repr raised SystemExit",
            "<td>answered</td>",
        ],
    );
}

#[test]
fn where_python_itself_is_broken_there_is_the_ordinary_page() {
    let source = "import sys
def application(environ, start_response):
    for name in ('sysconfig', 'linecache'):
        sys.modules[name] = None
    raise ValueError('secret')
";
    let answer = page(Cgi::source(source));
    assert!(!answer.text().contains("ValueError"));
}

#[test]
fn a_missing_source_file_does_not_prevent_the_page() {
    let source = "import os
def application(environ, start_response):
    os.remove(__file__)
    raise ValueError('x')
";
    in_order(
        page(Cgi::source(source)).text(),
        &[
            "<h1>ValueError",
            "<b>app.py:4</b>",
            "The source is not available",
        ],
    );
}

#[test]
fn a_repr_that_crashes_leaves_the_log_complete() {
    let source = "import ctypes
class Crashes:
    def __repr__(self):
        return ctypes.string_at(0)
def application(environ, start_response):
    crashes = Crashes()
    raise ValueError('why')
";
    let answer = Cgi::source(source)
        .option("--debug")
        .exits(139)
        .logs("ValueError: why")
        .logs("SIGSEGV")
        .run();
    assert_eq!(answer.status, "500 Internal Server Error");
    answer.error_id();
}
