//! Each kind of exception as it should be read.

use super::{in_order, page, text};
use crate::harness::cgi::Cgi;
use crate::harness::python_version;

fn is_at_least(minor: u32) -> bool {
    let ours = python_version().strip_prefix("3.");
    ours.and_then(|ours| ours.parse::<u32>().ok()) >= Some(minor)
}

#[test]
fn a_syntax_error_is_shown_at_its_place() {
    let source = "import os\n\napplication = = None\n";
    in_order(
        page(Cgi::source(source)).text(),
        &[
            "<h1>SyntaxError</h1>",
            " cannot be loaded",
            "<details class=\"frame own\" open>",
            "<b>source</b>",
            "<b>app.py:3</b>",
            "<mark class=\"line\"><i>3</i>application = <em>=</em> None",
        ],
    );
    in_order(
        &text(Cgi::source(source)),
        &[
            "/app.py\", line 3\n    application = = None",
            "SyntaxError: ",
        ],
    );
}

#[test]
fn an_import_error_comes_with_its_remedy() {
    let source = "import not_there.at_all\n";
    in_order(
        page(Cgi::source(source)).text(),
        &[
            "<h1>ModuleNotFoundError</h1>",
            "No module named &#39;not_there&#39;",
            "<p class=\"advice\">Searched ",
            "--venv",
            "<mark class=\"line\"><i>1</i>",
        ],
    );
}

#[test]
fn the_exception_being_handled_is_shown() {
    let source = "def application(environ, start_response):
    try:
        {}['key']
    except KeyError:
        raise ValueError('another')
";
    let answer = page(Cgi::source(source));
    in_order(
        answer.text(),
        &[
            "<h1>ValueError",
            "during the handling of",
            "<h3>KeyError",
            "app.py:3",
        ],
    );
    in_order(
        &text(Cgi::source(source)),
        &[
            "line 3",
            "KeyError: 'key'",
            "During handling of the above exception",
            "line 5",
            "ValueError: another",
        ],
    );
    let quiet = source.replace("'another')", "'another') from None");
    assert!(!text(Cgi::source(&quiet)).contains("KeyError: "));
}

#[test]
fn members_of_a_group_are_shown() {
    let class = if is_at_least(11) {
        ""
    } else {
        "class ExceptionGroup(Exception):
    def __init__(self, message, exceptions):
        self.exceptions = tuple(exceptions)
        super().__init__(message)
"
    };
    let source = format!(
        "{class}
def failed(number):
    try:
        raise ValueError('number %d' % number)
    except ValueError as error:
        return error
def application(environ, start_response):
    raise ExceptionGroup('several', [failed(1), ExceptionGroup('inner', [failed(2)])])
"
    );
    in_order(
        page(Cgi::source(&source)).text(),
        &[
            "ExceptionGroup</h1>",
            "several",
            "Member 1 of",
            "ValueError",
            "number 1",
            "<b>failed</b>",
            "Member 2 of",
            "inner",
            "Member 1 of",
            "number 2",
        ],
    );
}

#[test]
fn notes_are_shown() {
    // What `add_note` does, which Python has since 3.11.
    let source = "error = ValueError('x')\nerror.__notes__ = ['seen <at> dawn']\nraise error\n";
    in_order(
        page(Cgi::source(source)).text(),
        &["<p class=\"note\">seen &lt;at&gt; dawn</p>"],
    );
    in_order(
        &text(Cgi::source(source)),
        &["ValueError: x\nseen <at> dawn\n"],
    );
}

#[test]
fn a_failure_without_an_exception_is_a_sentence() {
    let source = "def application(environ, start_response):
    start_response('200 OK', [])
    return ['text']
";
    in_order(
        page(Cgi::source(source)).text(),
        &[
            "<h1 class=\"plain\">A block of the response is the str &#39;text&#39;",
            "No exception was raised",
            "<section id=\"request\">",
        ],
    );
    in_order(
        &text(Cgi::source(source)),
        &[
            "a block of the response is the str 'text': encode it",
            "Request",
        ],
    );
}

#[test]
fn invalid_utf_8_and_control_characters_are_visible() {
    let source = r"def application(environ, start_response):
    raise ValueError('\udc80 \x1b[31m \u202e \x00 caf\xe9')
";
    let cgi = || {
        Cgi::source(source)
            .raw_variable("HTTP_X_ODD", b"a\xffb\x1b")
            .raw_variable("PATH_INFO", b"/\xff<")
    };
    let shown = "\\udc80 \\x1b[31m \\u202e \\x00 café";
    let html = page(cgi()).text().to_owned();
    in_order(
        &html,
        &[
            "/app/%FF%3C",
            shown,
            "<td>a\\xffb\\x1b</td>",
            "<td>/\\xff&lt;</td>",
        ],
    );
    let text = text(cgi());
    in_order(&text, &[shown, "  X-Odd: a\\xffb\\x1b\n"]);
    assert!(!html.contains('\x1b') && !text.contains('\x1b'));
}

#[test]
fn an_exception_that_cannot_be_shown_is_named() {
    let source = "class Bad(Exception):
    def __str__(self):
        raise RuntimeError
def application(environ, start_response):
    raise Bad
";
    in_order(
        &text(Cgi::source(source)),
        &["Bad: (its message cannot be shown: str() raised RuntimeError)"],
    );
}
