//! Scripts that answer by a handler of `wsgiref.handlers` have images too, which are made inside that call.

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
        sorted(set(BaseHandler.os_environ) ^ set(os.environ)),
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
fn an_image_is_made_inside_the_call_and_what_follows_is_done_after_it() {
    for end in [
        "CGIHandler().run(app)\nprint('after')",
        "try:\n    CGIHandler().run(app)\nfinally:\n    print('after')",
        "handler = CGIHandler()\nhandler.base_env['HTTP_X'] = 'mine'\nhandler.run(app)",
        "class Mine(CGIHandler):\n    pass\nMine().run(app)",
        "handler = CGIHandler()\nos.environ['QUERY_STRING'] = os.environ['NEW'] = 'later'\n\
         os.environ['SCRIPT_NAME'] = '/later'\nhandler.run(app)",
        "os.environ['QUERY_STRING'] = 'before'\nhandler = CGIHandler()\nhandler.run(app)",
        "def main():\n    CGIHandler().run(app)\n    print('after')\nmain()",
        "def main():\n    Mine().run(app)\n    print('after')\n\
         class Mine(CGIHandler):\n    pass\nif __name__ == '__main__':\n    main()",
        "from wsgiref.handlers import BaseCGIHandler\n\
         BaseCGIHandler(sys.stdin.buffer, sys.stdout.buffer, sys.stderr, os.environ).run(app)",
        "from wsgiref import handlers\n\
         with open('/dev/null') as null:\n    handlers.CGIHandler().run(app)\nprint('after')",
    ] {
        let site = Site::new(&format!("{SCRIPT}{end}\n"));
        let ask = |cgi: Cgi, number: usize| {
            let cgi = cgi
                .variable("HTTP_X", format!("x{number}"))
                .variable("QUERY_STRING", format!("q={number}"))
                .post(format!("body {number}"));
            cgi.logs_anything().run()
        };
        let cold = ask(site.request().program(program()).argument(site.script()), 1);
        site.make();
        for number in [2, 3] {
            let restored = ask(site.request(), number);
            assert_eq!(restored.log, cold.log.replace("cold", "restored"), "{end}");
            let expected = cold.text().replace("x1", &format!("x{number}"));
            let expected = expected.replace("q=1", &format!("q={number}"));
            let expected = expected.replace("body 1", &format!("body {number}"));
            assert_eq!(restored.text(), expected, "{end}");
        }
    }
}

#[test]
fn a_script_that_reads_its_request_before_the_call_has_no_image() {
    const VARIABLES: &str = "request's variables, which differ per request";
    const BODY: &str = "request body, which differs per request";
    for (looks, said) in [
        ("handler.base_env.get('HTTP_X')", VARIABLES),
        ("dict(handler.base_env)", VARIABLES),
        ("{**handler.base_env}", VARIABLES),
        (
            "[value for value in BaseHandler.os_environ.values()]",
            VARIABLES,
        ),
        ("wsgiref.handlers.read_environ()['HTTP_X']", VARIABLES),
        ("sys.stdin.buffer.read()", BODY),
        ("sys.stdin.readline()", BODY),
        ("list(handler.stdin)", BODY),
    ] {
        let site = Site::new(&format!(
            "{SCRIPT}import wsgiref.handlers\nhandler = CGIHandler()\nseen = {looks}\n\
             def answer(environ, start_response):\n    start_response('200 OK', [])\n    \
             return [ascii(seen).encode()]\nhandler.run(answer)\n"
        ));
        let made = site.command(&["make", "app.cgi"]);
        let log = String::from_utf8_lossy(&made.stderr);
        assert!(
            !made.status.success() && log.contains(said),
            "{looks}: {log}"
        );
        let ask = |x: &str| {
            let cgi = site.request().variable("HTTP_X", x);
            cgi.post(x.to_owned()).logs_anything().run()
        };
        let (one, other) = (ask("one\n"), ask("other\n"));
        assert!(one.text().contains("one"), "{looks}: {}", one.text());
        assert!(other.text().contains("other"), "{looks}: {}", other.text());
    }
}

#[test]
fn an_error_in_the_call_is_that_of_a_fresh_process() {
    for (fails, code, status, log) in [
        ("1 / 0", 1, "500 Internal Server Error", "ZeroDivisionError"),
        (
            "sys.exit(3)",
            1,
            "500 Internal Server Error",
            "tried to exit",
        ),
    ] {
        let site = Site::new(&format!(
            "import os, sys\nfrom wsgiref.handlers import CGIHandler\n\
             def app(environ, start_response):\n    {fails}\nCGIHandler().run(app)\n"
        ));
        site.make();
        let answer = site.request().exits(code).logs_anything().run();
        assert_eq!(answer.status, status, "{fails}");
        assert!(answer.log.contains(log), "{fails}: {}", answer.log);
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

#[test]
fn a_script_that_reads_its_request_and_catches_the_exception_has_no_image_either() {
    const APP: &str = "import sys, threading
from wsgiref.handlers import CGIHandler, read_environ
seen = []
def look():
    seen.append(read_environ().get('HTTP_X'))
def quietly():
    try:
        look()
    except BaseException:
        seen.append('nothing')
def application(environ, start_response):
    start_response('200 OK', [])
    return [ascii(seen).encode()]
";
    for end in [
        "quietly()\nCGIHandler().run(application)",
        "quietly()",
        "try:\n    look()\nfinally:\n    CGIHandler().run(application)",
        "thread = threading.Thread(target=quietly)\nthread.start()\nthread.join()\n\
         CGIHandler().run(application)",
        "try:\n    seen.append(sys.stdin.read())\nexcept BaseException:\n    seen.append('none')\n\
         CGIHandler().run(application)",
        "if __name__ == '__main__':\n    look()\n    \
         CGIHandler().run(lambda e, s: [*application(e, s), b'wrapped'])",
    ] {
        let site = Site::new(&format!("{APP}{end}\n"));
        let made = site.command(&["make", "app.cgi"]);
        let log = String::from_utf8_lossy(&made.stderr);
        assert!(
            !made.status.success() && log.contains("which differ"),
            "{end}: {log}"
        );
        let ask = |cgi: Cgi| {
            cgi.variable("HTTP_X", "x1")
                .post("body")
                .logs_anything()
                .run()
        };
        let plain = ask(site.request().program(program()).argument(site.script()));
        assert_eq!(ask(site.request()).text(), plain.text(), "{end}");
    }
}

#[test]
fn standard_input_that_was_kept_while_loading_is_the_body() {
    let site = Site::new(
        "import sys, wsgiref.handlers
kept = sys.stdin.buffer
def application(environ, start_response):
    start_response('200 OK', [])
    return [kept.read(int(environ['CONTENT_LENGTH']))]
",
    );
    site.make();
    for body in ["one", "other"] {
        let answer = site.request().post(body.to_owned()).run();
        assert_eq!(answer.text(), body);
    }
}

#[test]
fn a_script_that_answers_in_a_process_of_its_own_has_no_image() {
    let text = "import os, sys
from wsgiref.handlers import CGIHandler
def app(environ, start_response):
    start_response('200 OK', [])
    return [b'child']
child = os.fork()
if child == 0:
    CGIHandler().run(app)
    os._exit(0)
os.waitpid(child, 0)
print('parent done', file=sys.stderr)
sys.exit()
";
    let site = Site::new(text);
    let made = site.command(&["make", "app.cgi"]);
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(
        !made.status.success() && log.contains("from a child process"),
        "{log}"
    );
    assert!(site.kept("image").is_empty());
}

#[test]
fn garbage_is_collected_while_an_application_answers_inside_a_call() {
    let text = "import gc
from wsgiref.handlers import CGIHandler
before = gc.get_threshold()
def app(environ, start_response):
    start_response('200 OK', [])
    return [ascii((before[0], gc.get_threshold()[0] > 0)).encode()]
CGIHandler().run(app)
";
    let site = Site::new(text);
    let cold = site.request().program(program()).argument(site.script());
    assert_eq!(cold.run().text(), "(0, True)");
    site.make();
    assert_eq!(site.request().run().text(), "(0, True)");
}
