//! One script, one run: what decides how a script is answered is what it does, never a word in its
//! text. None is run twice, hangs, or ends in silence.

use crate::harness::by_hand::ByHand;
use crate::harness::cgi::{Answer, Cgi};
use crate::harness::serving::Serve;

const SHOP: &str = "
import os, sys
def shop(environ, start_response):
    print('CALLED', file=sys.stderr)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'once ', environ['PATH_INFO'].encode(), b'\\n']
";

/// The script's application is called once, and that is the answer.
#[track_caller]
fn once(script: &str) {
    let answer = Cgi::source(&format!("{SHOP}{script}\n"))
        .logs_anything()
        .run();
    assert_eq!(answer.text(), "once /\n", "{script}\n{}", answer.log);
    assert_eq!(answer.log, "CALLED\n", "{script}");
}

/// A whole 500, whose log entry has this.
#[track_caller]
fn refused(text: &str, logged: &str) -> Answer {
    let answer = Cgi::source(text).exits(1).logs(logged).run();
    assert_eq!(answer.status, "500 Internal Server Error");
    answer.error_id();
    answer
}

const HANDLERS: [&str; 3] = ["BaseCGIHandler", "SimpleHandler", "Mine"];

/// A call of a handler whose streams are given.
fn call(handler: &str) -> String {
    format!(
        "import wsgiref.handlers\nfrom wsgiref.handlers import *\n\
         class Mine(BaseCGIHandler):\n    pass\n\
         {handler}(sys.stdin.buffer, sys.stdout.buffer, sys.stderr, dict(os.environ)).run(shop)"
    )
}

#[test]
fn every_handler_of_the_standard_library_is_answered() {
    for handler in HANDLERS {
        once(&call(handler));
    }
    once("from wsgiref.handlers import IISCGIHandler\nIISCGIHandler().run(shop)");
    once("import importlib\nimportlib.import_module('wsgiref.handlers').CGIHandler().run(shop)");
    once(
        "import wsgiref.handlers as h\nout = open(1, 'wb', closefd=False)\n\
         h.SimpleHandler(sys.stdin.buffer, out, sys.stderr, os.environ).run(shop)",
    );
}

#[test]
fn a_handler_that_writes_elsewhere_is_the_scripts_own_affair() {
    let answer = Cgi::source(&format!(
        "{SHOP}
import io
from wsgiref.handlers import SimpleHandler
out = io.BytesIO()
SimpleHandler(io.BytesIO(), out, sys.stderr, {{'REQUEST_METHOD': 'GET', 'PATH_INFO': '/inner'}}).run(shop)
def application(environ, start_response):
    start_response('200 OK', [])
    return [out.getvalue().split(b'\\r\\n')[-1]]
"
    ))
    .logs("CALLED\n")
    .run();
    assert_eq!(answer.text(), "once /inner\n");
}

#[test]
fn a_handler_inside_a_library_is_answered() {
    let cgi = Cgi::source(&format!("{SHOP}from library import answer\nanswer(shop)\n"));
    std::fs::write(
        cgi.script_folder().join("library.py"),
        "from wsgiref.handlers import CGIHandler\ndef answer(app):\n    CGIHandler().run(app)\n",
    )
    .expect("a library");
    let answer = cgi.logs("CALLED").run();
    assert_eq!(answer.text(), "once /\n");
    assert_eq!(answer.log, "CALLED\n");
}

#[test]
fn what_stands_behind_the_main_guard_is_run_where_it_answers() {
    const WRAPPED: &str = "
def wrapped(environ, start_response):
    environ['PATH_INFO'] = '/wrapped'
    return application(environ, start_response)
";
    let source = SHOP.replace("shop", "application");
    for guarded in [
        "if __name__ == '__main__':\n    from wsgiref.handlers import CGIHandler\n    CGIHandler().run(wrapped)",
        "from wsgiref.handlers import CGIHandler\nif '__main__' == __name__:\n    CGIHandler().run(wrapped)",
        "import wsgiref.handlers\ndef main():\n    wsgiref.handlers.CGIHandler().run(wrapped)\nif __name__ == '__main__':\n    sys.exit(main())",
        "from library import answer\nif __name__ == '__main__':\n    answer(wrapped)",
        "import library\ndef main():\n    library.answer(wrapped)\nif __name__ in ('__main__',):\n    main()",
        "from library import Gateway\ngateway = Gateway()\nif __name__ == '__main__':\n    gateway.cgirun(wrapped)",
    ] {
        let cgi = Cgi::source(&format!("{source}{WRAPPED}{guarded}\n"));
        std::fs::write(
            cgi.script_folder().join("library.py"),
            "def answer(app):\n    from wsgiref.handlers import CGIHandler\n    CGIHandler().run(app)\n\
             class Gateway:\n    def cgirun(self, app):\n        answer(app)\n",
        )
        .expect("a library");
        let answer = cgi.logs("CALLED").run();
        assert_eq!(answer.text(), "once /wrapped\n", "{guarded}");
        assert_eq!(answer.log, "CALLED\n", "{guarded}");
    }
    // And where there is nothing else to answer with.
    once(
        "def run(app):\n    globals()['application'] = app\nif __name__ == '__main__':\n    run(shop)",
    );
}

#[test]
fn no_word_in_a_script_changes_how_it_is_run() {
    let source = SHOP.replace("shop", "app");
    for word in [
        "# on the old host: CGIHandler().run(app)",
        "'''CGIHandler().run(app)'''",
        "note = 'CGIHandler'",
        "from wsgiref.handlers import CGIHandler",
        "def old():\n    from wsgiref.handlers import CGIHandler\n    CGIHandler().run(app)",
    ] {
        for guarded in [
            "",
            "if __name__ == '__main__':\n    open('served', 'w')\n    import socketserver, http.server\n    \
             socketserver.TCPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler).serve_forever()",
        ] {
            let answer = Cgi::source(&format!("{source}{word}\nname = __name__\n{guarded}\n"))
                .logs_anything()
                .run();
            assert_eq!(answer.text(), "once /\n", "{word}\n{}", answer.log);
            assert_eq!(answer.log, "CALLED\n", "{word}");
            let folder = answer.folder.as_ref().expect("kept").path();
            assert!(!folder.join("served").exists(), "{word}");
        }
    }
}

/// PEP 333's example, and others of its kind.
const OWN: [&str; 4] = [
    "sys.stdout.write('Status: %s\\r\\n' % status)
        sys.stdout.write(''.join('%s: %s\\r\\n' % h for h in headers) + '\\r\\n')",
    "out = sys.stdout.buffer
        out.write(b'Content-Type: text/plain\\n\\n')",
    "print('Content-type: text/plain')
        print()",
    "sys.__stdout__.buffer.write(b'HTTP/1.0 200 OK\\r\\nContent-Type: text/plain\\r\\n\\r\\n')",
];

fn own_gateway(head: &str) -> String {
    format!(
        "{SHOP}application = shop
def run(app):
    environ = dict(os.environ)
    def start_response(status, headers, exc_info=None):
        {head}
    for block in app(environ, start_response):
        sys.stdout.write(block.decode())

run(application)
"
    )
}

#[test]
fn a_script_that_answered_by_a_gateway_of_its_own_is_not_called_again() {
    for head in OWN {
        for end in ["", "sys.exit()\n"] {
            let text = own_gateway(head) + end;
            let line = text
                .lines()
                .position(|line| line == "run(application)")
                .expect("there")
                + 1;
            let logged = format!("line {line}, `run(application)` printed CGI response headers");
            let logged = if end.is_empty() {
                logged
            } else {
                format!("line {line}, `run(application)`")
            };
            let answer = refused(&text, &logged);
            assert_eq!(answer.log.matches("CALLED").count(), 1, "{}", answer.log);
        }
    }
}

#[test]
fn text_printed_while_loading_is_not_an_answer_without_a_head() {
    let source = SHOP.replace("shop", "application");
    let answer = Cgi::source(&format!(
        "{source}print('Status: loaded\\n\\nContent-Type: none\\n')\nprint('x' * 100000)\n"
    ))
    .logs("Status: loaded\n\nContent-Type: none\n")
    .run();
    assert_eq!(answer.text(), "once /\n");
}

#[test]
fn a_classic_cgi_script_is_told_what_it_is() {
    refused(
        "print('Content-Type: text/html\\n')\nprint('<p>hello')\n",
        "is a CGI script that prints its answer itself (line 1, `print('Content-Type: \
         text/html\\n')`) and has no WSGI application: run it with Python instead",
    );
    refused(
        "import sys\ndef main():\n    print('Location: /x\\n')\nif __name__ == '__main__':\n    main()\n    sys.exit(0)\n",
        "is a CGI script that prints its answer itself (line 5, `main()`)",
    );
}

#[test]
fn a_server_started_without_a_main_guard_is_an_error_at_once() {
    for server in [
        "import http.server\nhttp.server.HTTPServer(('127.0.0.1', 0), http.server.BaseHTTPRequestHandler).serve_forever()",
        "from wsgiref.simple_server import make_server\nmake_server('', 0, shop).serve_forever()",
        "import asyncio\nasync def main():\n    server = await asyncio.start_server(print, '::1', 0)\n    await server.serve_forever()\nasyncio.run(main())",
        "import socket\nsocket.create_server(('127.0.0.1', 0)).accept()",
    ] {
        let text = format!("{SHOP}{server}\n");
        let answer = refused(&text, " starts a server while the application is loaded");
        assert!(answer.log.contains("`: line "), "{}", answer.log);
        let said = answer.log.matches(" starts a server ").count();
        assert_eq!(said, 1, "{}", answer.log);
        assert!(!answer.log.contains("CALLED"));
    }
    // Nor one that finds its port taken, and ends the program.
    refused(
        "import socket, sys\nfrom wsgiref.simple_server import make_server\n\
         taken = socket.create_server(('127.0.0.1', 0))\ntry:\n    \
         make_server('127.0.0.1', taken.getsockname()[1], None)\nexcept OSError:\n    sys.exit(1)\n",
        " starts a server while the application is loaded",
    );
    // Nor one behind the guard of a script that has nothing else.
    refused(
        "from wsgiref.simple_server import make_server\ndef main():\n    make_server('', 0, None).serve_forever()\nif __name__ == '__main__':\n    main()\n",
        "line 5, `main()` starts a server while the application is loaded, which would wait for other \
         requests and never answer this one, and the script has no WSGI application",
    );
}

#[test]
fn a_port_that_is_only_asked_for_is_no_server() {
    once(
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\n\
         c = socket.create_connection(s.getsockname())\n\
         u = socket.socket(socket.AF_UNIX)\nu.bind('\\0wsgi-cgi-%d' % os.getpid())\nu.listen()\n\
         d = socket.socket(type=socket.SOCK_DGRAM)\nd.bind(('127.0.0.1', 0))\n\
         application = shop",
    );
}

#[test]
fn another_program_in_the_place_of_this_one_is_refused() {
    for exec in [
        "os.execl('/bin/true', 'true')",
        "os.execvp('true', ['true'])",
        "os.execve('/bin/true', ['true'], {})",
    ] {
        let text = format!("{SHOP}if 'x' not in sys.argv:\n    {exec}\napplication = shop\n");
        let answer = refused(&text, "would replace this process with the program `");
        assert!(
            answer.log.contains(&format!("line 8, `{exec}`")),
            "{}",
            answer.log
        );
        assert!(answer.log.contains("--venv"), "{}", answer.log);
        refused(
            &format!("import os\ndef application(environ, start_response):\n    {exec}\n"),
            "the application raised an exception: RuntimeError: ",
        );
    }
}

#[test]
fn a_child_may_become_another_program() {
    once(
        "pid = os.fork()\nif pid == 0:\n    os.execl('/bin/true', 'true')\n\
         assert os.waitpid(pid, 0)[1] == 0\n\
         import subprocess\nsubprocess.run(['true'], check=True)\napplication = shop",
    );
}

#[test]
fn an_asgi_application_is_told_from_a_wsgi_one() {
    for text in [
        "async def app(scope, receive, send):\n    pass\n",
        "class App:\n    async def __call__(self, scope, receive, send):\n        pass\napp = App()\n",
    ] {
        refused(text, "is an ASGI application");
    }
    let cgi = Cgi::source_named(
        "asgi.py",
        "async def application(scope, receive, send):\n    pass\n",
    );
    std::fs::write(cgi.script_folder().join("wsgi.py"), "").expect("written");
    cgi.exits(1).logs("wsgi.py` instead").run();
}

#[test]
fn djangos_command_line_is_told_which_file_to_name() {
    let cgi = Cgi::source_named(
        "manage.py",
        "import os, sys\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n    \
         from django.core.management import execute_from_command_line\n    \
         execute_from_command_line(sys.argv)\nif __name__ == '__main__':\n    main()\n",
    );
    let site = cgi.script_folder().join("site1");
    std::fs::create_dir(&site).expect("a folder");
    std::fs::write(site.join("wsgi.py"), "").expect("a file");
    let answer = cgi
        .exits(1)
        .logs("is the command-line script of a Django project")
        .run();
    assert!(
        answer.log.contains("site1/wsgi.py` instead"),
        "{}",
        answer.log
    );
}

#[test]
fn a_start_file_for_passenger_is_told_what_to_do() {
    let cgi = Cgi::source_named(
        "passenger_wsgi.py",
        "import sys, os\nINTERP = '/opt/python/bin/python3'\nif sys.executable != INTERP:\n    \
         os.execl(INTERP, INTERP, *sys.argv)\nfrom app import app as application\n",
    );
    cgi.exits(1)
        .logs("line 4, `os.execl(INTERP, INTERP, *sys.argv)` would replace this process with the program `/opt/python/bin/python3`")
        .logs("only Passenger needs that")
        .run();
}

#[test]
fn standard_input_is_the_body_for_a_script_of_the_standard_librarys_handler() {
    const HEAD: &str = "import sys, os\nfrom wsgiref.handlers import CGIHandler, BaseCGIHandler\n\
                        def app(environ, start_response):\n    start_response('200 OK', [])\n    ";
    for (read, expected) in [
        ("return [sys.stdin.buffer.read()]", "a=1\nb=2"),
        ("return [sys.stdin.read().encode()]", "a=1\nb=2"),
        (
            "return [sys.stdin.buffer.readline(), b'|', environ['wsgi.input'].read()]",
            "a=1\n|b=2",
        ),
        (
            "return [environ['wsgi.input'].read(1), sys.stdin.buffer.read(1)]",
            "a=",
        ),
        (
            "block = bytearray(9)\n    return [b'%d' % sys.stdin.buffer.readinto(block), block[:3]]",
            "7a=1",
        ),
        ("return list(sys.stdin.buffer)", "a=1\nb=2"),
        ("return [line.encode() for line in sys.stdin]", "a=1\nb=2"),
    ] {
        for run in [
            "CGIHandler().run(app)",
            "BaseCGIHandler(sys.stdin.buffer, sys.stdout.buffer, sys.stderr, os.environ).run(app)",
        ] {
            // What follows the body is another's.
            let answer = Cgi::source(&format!("{HEAD}{read}\n{run}\n"))
                .post("a=1\nb=2")
                .stdin("a=1\nb=2GET / HTTP/1.1")
                .logs_anything()
                .run();
            assert_eq!(answer.text(), expected, "{read}");
        }
    }
}

#[test]
fn an_input_of_the_scripts_own_is_what_the_application_reads() {
    let answer = Cgi::source(
        "import sys, os, io\nfrom wsgiref.handlers import BaseCGIHandler\n\
         def app(environ, start_response):\n    start_response('200 OK', [])\n    \
         return [environ['wsgi.input'].read(), environ['X'].encode()]\n\
         BaseCGIHandler(io.BytesIO(b'own'), sys.stdout.buffer, sys.stderr, {'X': 'y'}).run(app)\n",
    )
    .post("theirs")
    .run();
    assert_eq!(answer.text(), "owny");
}

#[test]
fn it_is_the_same_by_hand_and_from_the_development_server() {
    let script = format!("{SHOP}{}\n", call("BaseCGIHandler"));
    assert_eq!(
        ByHand::request(&script)
            .with(&["/x"])
            .logs("CALLED")
            .run()
            .stdout,
        b"once /x\n"
    );
    for options in [&[][..], &["--preload"]] {
        let serving = Serve::source(&script).with(options).start();
        assert_eq!(serving.get("/y"), "once /y\n");
        assert_eq!(serving.get("/z"), "once /z\n");
        let (_, log) = serving.end_logging();
        assert_eq!(log, "CALLED\nCALLED\n", "{options:?}");
    }
}

#[test]
fn nothing_behind_the_main_guard_is_run_before_there_is_a_request() {
    let script = "open('ran', 'a').write('x')\n";
    let text = format!("if __name__ == '__main__':\n    {script}");
    let serving = Serve::source(&text).with(&["--preload"]).start();
    let ran = || std::fs::read_to_string(serving.folder().join("ran")).unwrap_or_default();
    assert_eq!(ran(), "");
    serving.get("/");
    assert_eq!(ran(), "x");
    let (_, log) = serving.end_logging();
    assert!(log.contains("has no application"), "{log}");
}
