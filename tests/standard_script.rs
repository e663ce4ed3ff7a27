//! Scripts written for the standard library, which end in `CGIHandler().run(app)`: they work
//! unchanged, and answer as they did.

use crate::harness::cgi::{Answer, Cgi};
use crate::harness::python;

const APP: &str = "
import os, sys
from wsgiref.handlers import CGIHandler
def app(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [environ['SCRIPT_NAME'].encode(), b' ', environ['PATH_INFO'].encode(), b'\\n']
";

/// Runs the script by us and by Python itself, and compares the bytes.
#[track_caller]
fn same(script: &str) -> Answer {
    let text = format!("{APP}{script}\n");
    let theirs = Cgi::source(&text).program(python()).run();
    let ours = Cgi::source(&text).run();
    assert_eq!(
        ours.raw,
        theirs.raw,
        "{}",
        String::from_utf8_lossy(&ours.raw)
    );
    ours
}

#[test]
fn the_call_is_answered() {
    assert_eq!(same("CGIHandler().run(app)").text(), "/app /\n");
    same("import wsgiref.handlers\nwsgiref.handlers.CGIHandler().run(app)");
}

#[test]
fn also_behind_the_main_guard() {
    same("if __name__ == '__main__':\n    CGIHandler().run(app)");
}

#[test]
fn what_the_script_did_to_its_environment_counts() {
    let answer = same(
        "os.environ['SCRIPT_NAME'] = '/shop'\ndel os.environ['SERVER_SOFTWARE']\nCGIHandler().run(app)",
    );
    assert_eq!(answer.text(), "/shop /\n");
    same("handler = CGIHandler()\nhandler.base_env['PATH_INFO'] = '/mine'\nhandler.run(app)");
}

#[test]
fn what_is_not_ascii_reaches_the_script_as_it_does_by_the_standard_library() {
    let text = "from wsgiref.handlers import CGIHandler
def app(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [ascii([environ[name] for name in ('PATH_INFO', 'HTTP_X', 'REMOTE_USER')]).encode()]
handler = CGIHandler()
handler.base_env['REMOTE_USER'] = 'caf\\xe9'
handler.run(app)
";
    let asked = || {
        Cgi::source(text)
            .raw_variable("PATH_INFO", "/\u{e4}".as_bytes())
            .raw_variable("HTTP_X", b"\xff \xe2\x82\xac")
    };
    let theirs = asked().program(python()).run();
    assert_eq!(asked().run().text(), theirs.text());
}

#[test]
fn an_exit_after_the_answer_is_the_usual_end() {
    for exit in ["sys.exit()", "sys.exit(0)", "raise SystemExit"] {
        same(&format!("CGIHandler().run(app)\n{exit}"));
    }
    Cgi::source(&format!("{APP}CGIHandler().run(app)\nsys.exit('oh')\n"))
        .logs("the script raised an exception after the answer: SystemExit: oh")
        .run();
}

#[test]
fn a_subclass_is_a_handler_too() {
    same("class Mine(CGIHandler):\n    pass\nMine().run(app)");
}

#[test]
fn what_is_run_need_not_have_a_name() {
    same("CGIHandler().run(lambda environ, start_response: app(environ, start_response))");
}

#[test]
fn the_script_goes_on_after_the_answer() {
    let answer = Cgi::source(&format!(
        "{APP}CGIHandler().run(app)\nopen('after', 'w').close()\n"
    ))
    .run();
    assert!(answer.folder.expect("kept").path().join("after").exists());
}

#[test]
fn an_error_after_the_answer_is_logged() {
    let answer = Cgi::source(&format!(
        "{APP}CGIHandler().run(app)\nraise ValueError('late')\n"
    ))
    .logs("the script raised an exception after the answer: ValueError: late")
    .run();
    assert_eq!(answer.text(), "/app /\n");
}

#[test]
fn a_second_run_is_an_error() {
    Cgi::source(&format!(
        "{APP}CGIHandler().run(app)\nCGIHandler().run(app)\n"
    ))
    .logs("this request was already answered")
    .run();
}

#[test]
fn an_error_of_the_application_is_a_page_with_an_id() {
    let answer = Cgi::source(
        "from wsgiref.handlers import CGIHandler
def app(environ, start_response):
    raise ValueError('no answer')
CGIHandler().run(app)
",
    )
    .exits(1)
    .logs("no answer")
    .run();
    answer.error_id();
}

#[test]
fn a_script_that_only_mentions_it_is_an_ordinary_one() {
    let source = format!("{APP}\n# once: CGIHandler().run(app)\n");
    assert_eq!(Cgi::source(&source).run().text(), "/app /\n");
}
