//! Scripts that end in `CGIHandler().run(application)` have images too.

use super::Site;
use crate::harness::cgi::Cgi;
use crate::harness::{program, python};

/// What differs with each request, and what the script made of the environment.
const SCRIPT: &str = "
import os, sys
from wsgiref.handlers import CGIHandler, BaseHandler
loaded_by = os.getpid()
os.environ['SET'] = 'by the script'
def app(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    names = ('SCRIPT_NAME', 'PATH_INFO', 'QUERY_STRING', 'HTTP_X', 'SET', 'SERVER_SOFTWARE')
    print('cold' if loaded_by == os.getpid() else 'restored', file=sys.stderr)
    return [ascii([
        [environ.get(name) for name in names], [os.environ.get(name) for name in names],
        sorted((set(BaseHandler.os_environ) ^ set(os.environ)) - {'SET'}),
        sys.stdin.buffer.read(), __name__, __name__ in sys.modules,
        'run' in vars(CGIHandler),
        sorted(name for name in environ if name.startswith('wsgi.')),
    ]).encode()]
";

fn texts() -> [String; 3] {
    [
        format!("{SCRIPT}CGIHandler().run(app)\n"),
        format!("{SCRIPT}if __name__ == '__main__':\n    CGIHandler().run(\n        app\n    )\n"),
        format!(
            "{SCRIPT}import wsgiref.handlers\nwsgiref.handlers.CGIHandler().run(lambda e, s: app(e, s))"
        ),
    ]
}

#[test]
fn a_body_without_a_length_has_one() {
    let site = Site::new(
        "from wsgiref.handlers import CGIHandler
def app(environ, start_response):
    start_response('200 OK', [])
    return [environ['wsgi.input'].read(int(environ['CONTENT_LENGTH']))]
CGIHandler().run(app)
",
    );
    site.make();
    let request = site.request().method("POST").stdin("decoded");
    let answer = request
        .variable("SERVER_SOFTWARE", "Apache/2.4.66 (Debian)")
        .variable("HTTP_TRANSFER_ENCODING", "chunked")
        .run();
    assert_eq!(answer.text(), "decoded");
}

#[test]
fn an_image_answers_as_a_fresh_process_does() {
    for text in texts() {
        let site = Site::new(&text);
        let ask = |cgi: Cgi, number: usize| {
            let cgi = cgi
                .variable("HTTP_X", format!("x{number}\u{e9}"))
                .variable("QUERY_STRING", format!("q={number}"))
                .post(format!("body {number}"));
            cgi.logs_anything().run()
        };
        let cold = ask(site.request().program(program()).argument(site.script()), 1);
        assert_eq!(cold.log, "cold\n");
        site.make();
        for number in [1, 2] {
            let restored = ask(site.request(), number);
            assert_eq!(restored.log, "restored\n");
            let expected = cold.text().replace("x1", &format!("x{number}"));
            let expected = expected.replace("q=1", &format!("q={number}"));
            let expected = expected.replace("body 1", &format!("body {number}"));
            assert_eq!(restored.text(), expected);
        }
    }
}

#[test]
fn what_is_left_to_be_done_after_the_call_is_no_affair_of_an_image() {
    for end in [
        "CGIHandler().run(app)\nprint('after')",
        "try:\n    CGIHandler().run(app)\nfinally:\n    print('after')",
        "handler = CGIHandler()\nhandler.base_env['HTTP_X'] = 'mine'\nhandler.run(app)",
        "class Mine(CGIHandler):\n    pass\nMine().run(app)",
        "def main():\n    CGIHandler().run(app)\n    print('after')\nmain()",
    ] {
        let call = match end.lines().next().unwrap_or_default() {
            "try:" => "CGIHandler().run(app)",
            "handler = CGIHandler()" => "handler.run(app)",
            "class Mine(CGIHandler):" => "Mine().run(app)",
            "def main():" => "main()",
            whole => whole,
        };
        let site = Site::new(&format!("{SCRIPT}{end}\n"));
        let made = site.command(&["make", "app.cgi"]);
        let log = String::from_utf8_lossy(&made.stderr);
        assert!(
            !made.status.success()
                && log.contains(&format!(
                    "`{call}` has the request answered by a CGI handler"
                )),
            "{log}"
        );
        let answer = site.request().logs("cold").run();
        assert_eq!(
            answer.log.contains("after"),
            end.contains("after"),
            "{}",
            answer.log
        );
    }
}

#[test]
fn the_bytes_are_those_of_the_standard_library() {
    let text = "from wsgiref.handlers import CGIHandler
def app(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [environ['SCRIPT_NAME'].encode(), environ['PATH_INFO'].encode()]
CGIHandler().run(app)
";
    let site = Site::new(text);
    let theirs = site
        .request()
        .program(python())
        .argument(site.script())
        .run();
    site.make();
    assert_eq!(site.request().run().raw, theirs.raw);
}
