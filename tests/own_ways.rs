//! Scripts that answer in ways of their own: by number, by a handler that they have changed, or by what
//! stands behind the main guard for something else.

use crate::harness::cgi::Cgi;

const SHOP: &str = "import io, os, subprocess, sys
from wsgiref.handlers import BaseCGIHandler, BaseHandler, CGIHandler, SimpleHandler
def shop(environ, start_response):
    print('CALLED', file=sys.stderr)
    start_response('200 OK', [('Content-Type', 'text/plain'), ('X-A', 'a')])
    return [repr([environ.get('REMOTE_USER'), environ.get('X'), environ['wsgi.url_scheme'],
                  environ['wsgi.input'].read()]).encode()]
";

/// It has answered by itself, which is lost, and must not be called again.
fn is_noticed(text: &str, logged: &str) {
    let answer = Cgi::source(text).exits(1).logs(logged).run();
    assert_eq!(answer.status, "500 Internal Server Error", "{text}");
    answer.error_id();
    assert!(answer.log.matches("CALLED").count() <= 1, "{}", answer.log);
    assert!(!answer.log.contains("secret"), "{}", answer.log);
}

#[test]
fn a_head_that_is_written_by_number_is_noticed() {
    let head = "b'Content-Type: text/plain\\n\\nsecret'";
    for write in [
        &format!("os.write(1, {head})"),
        &format!("os.fdopen(1, 'wb', 0).write({head})"),
        &format!("out = os.fdopen(1, 'wb'); out.write({head})"),
        &format!("out = open(1, 'wb', closefd=False); out.write({head})"),
        &format!("out = os.fdopen(sys.stdout.fileno(), 'wb'); out.write({head})"),
        &format!(
            "sys.stdout = open(sys.stdout.fileno(), 'w', buffering=1); print({head}.decode())"
        ),
        &format!("sys.stdout = open(sys.stdout.fileno(), 'w'); print({head}.decode())"),
        &format!("os.fdopen(os.dup(1), 'wb', 0).write({head})"),
        &format!("subprocess.run([sys.executable, '-c', \"import os; os.write(1, {head})\"])")
            .replace('\\', "\\\\"),
        &format!("import ctypes; ctypes.CDLL(None).printf({head})"),
    ] {
        is_noticed(
            &format!("{SHOP}application = shop\n{write}\n"),
            "another CGI gateway",
        );
        is_noticed(
            &format!("import os, subprocess, sys\n{write}\n"),
            "is a CGI script",
        );
    }
}

#[test]
fn what_is_written_by_number_and_is_no_head_goes_to_the_log() {
    for write in ["os.write(1, b'loaded\\n')", "os.system('echo loaded')"] {
        let text = format!("{SHOP}{write}\napplication = shop\n");
        let answer = Cgi::source(&text).logs("loaded\n").run();
        assert_eq!(answer.status, "200 OK");
        assert!(answer.text().contains("http"), "{}", answer.text());
    }
}

#[test]
fn a_handler_with_a_way_of_its_own_goes_it() {
    for (own, expected, header) in [
        (
            "def add_cgi_vars(self):\n        super().add_cgi_vars()\n        \
             self.environ['REMOTE_USER'] = 'me'",
            "['me', None, 'http', b'body']",
            "X-A: a",
        ),
        (
            "def setup_environ(self):\n        super().setup_environ()\n        \
             self.environ.update(REMOTE_USER='you', X='x')",
            "['you', 'x', 'http', b'body']",
            "X-A: a",
        ),
        (
            "def get_stdin(self):\n        return io.BytesIO(b'mine')",
            "[None, None, 'http', b'mine']",
            "X-A: a",
        ),
        (
            "def get_scheme(self):\n        return 'https'",
            "[None, None, 'https', b'body']",
            "X-A: a",
        ),
        (
            "def cleanup_headers(self):\n        super().cleanup_headers()\n        \
             self.headers['X-B'] = 'b'",
            "[None, None, 'http', b'body']",
            "X-B: b",
        ),
        (
            "def start_response(self, status, headers, exc_info=None):\n        \
             return super().start_response('203 Mine', headers, exc_info)",
            "[None, None, 'http', b'body']",
            "Status: 203 Mine",
        ),
    ] {
        let text = format!("{SHOP}class Mine(CGIHandler):\n    {own}\nMine().run(shop)\n");
        let answer = Cgi::source(&text).post("body").logs("CALLED\n").run();
        assert_eq!(answer.text(), expected, "{own}");
        let raw = String::from_utf8_lossy(&answer.raw).into_owned();
        assert!(raw.contains(header), "{own}: {raw}");
        assert_eq!(answer.log.matches("CALLED").count(), 1);
    }
}

#[test]
fn a_handler_that_answers_an_error_in_its_own_way_does() {
    let text = format!(
        "{SHOP}class Mine(CGIHandler):
    error_status = '503 Later'
    error_headers = [('Content-Type', 'text/plain')]
    def error_output(self, environ, start_response):
        start_response(self.error_status, self.error_headers, sys.exc_info())
        return [b'come again']
def fails(environ, start_response):
    1 / 0
Mine().run(fails)
"
    );
    let answer = Cgi::source(&text).logs("ZeroDivisionError").run();
    assert_eq!(
        (&*answer.status, answer.text()),
        ("503 Later", "come again")
    );
}

#[test]
fn variables_that_are_no_text_reach_the_application() {
    let text = format!(
        "{SHOP}variables = dict(os.environ, X=[1])\nvariables['wsgi.url_scheme'] = 'gopher'\n\
         BaseCGIHandler(sys.stdin.buffer, sys.stdout.buffer, sys.stderr, variables).run(shop)\n"
    );
    let answer = Cgi::source(&text).post("body").logs("CALLED\n").run();
    assert!(
        answer.text().starts_with("[None, [1], "),
        "{}",
        answer.text()
    );
}

#[test]
fn a_handler_with_another_descriptor_of_standard_output_is_answered() {
    for output in [
        "os.fdopen(1, 'wb')",
        "os.fdopen(os.dup(1), 'wb')",
        "open('/dev/stdout', 'wb')",
        "sys.__stdout__.buffer",
    ] {
        let text = format!(
            "{SHOP}SimpleHandler(sys.stdin.buffer, {output}, sys.stderr, dict(os.environ)).run(shop)\n"
        );
        let answer = Cgi::source(&text).post("body").logs("CALLED\n").run();
        assert_eq!(answer.text(), "[None, None, 'http', b'body']", "{output}");
    }
}

#[test]
fn a_body_that_is_read_before_the_handlers_are_imported_is_the_body() {
    let text = "import sys
data = sys.stdin.buffer.read()
from wsgiref.handlers import CGIHandler
def app(environ, start_response):
    start_response('200 OK', [])
    return [data, environ['wsgi.input'].read()]
CGIHandler().run(app)
";
    assert_eq!(Cgi::source(text).post("a=1").run().text(), "a=1");
}

#[test]
fn a_main_guard_for_something_else_leaves_the_script_its_application() {
    for guarded in [
        "if '--cgi' in sys.argv: CGIHandler().run(shop)\n    else: serve_forever()",
        "if '--cgi' in sys.argv: CGIHandler().run(shop)\n    else: sys.exit('usage: ...')",
        "import argparse\n    parser = argparse.ArgumentParser()\n    \
         parser.add_argument('way', choices=['cgi', 'serve'])\n    \
         if parser.parse_args().way == 'cgi': CGIHandler().run(shop)",
        "test()",
    ] {
        let text = format!(
            "{SHOP}import socketserver
def serve_forever():
    socketserver.TCPServer(('127.0.0.1', 0), None).serve_forever()
def test():
    BaseCGIHandler(io.BytesIO(), io.BytesIO(), io.StringIO(), {{}}).run(shop)
application = shop
if __name__ == '__main__':
    {guarded}
"
        );
        let answer = Cgi::source(&text).logs("CALLED\n").run();
        assert_eq!(answer.status, "200 OK", "{guarded}");
        assert_eq!(answer.log.matches("CALLED").count(), 1, "{}", answer.log);
    }
}

#[test]
fn an_application_that_answers_inside_a_handlers_call_may_do_what_others_may() {
    let text = "import socket, sys
from wsgiref.handlers import CGIHandler
import ftplib
def app(environ, start_response):
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    print('Content-Type: none\\n')
    start_response('200 OK', [])
    return [b'listened']
CGIHandler().run(app)
";
    let answer = Cgi::source(text).logs("Content-Type: none\n").run();
    assert_eq!(answer.text(), "listened");
}

#[test]
fn an_error_after_a_refusal_that_was_caught_is_the_one_that_is_told() {
    for refused in [
        "socketserver.TCPServer(('127.0.0.1', 0), None).serve_forever()",
        "os.execv('/bin/true', ['true'])",
    ] {
        let answer = Cgi::source(&format!(
            "import os, socketserver\ntry:\n    {refused}\nexcept Exception:\n    pass\n\
             import no_such_module\n"
        ))
        .exits(1)
        .logs("No module named 'no_such_module'")
        .run();
        let first = answer.log.lines().next().expect("an entry");
        assert!(first.contains("no_such_module"), "{first}");
    }
}

#[test]
fn an_asgi_application_in_a_partial_is_told_from_a_wsgi_one() {
    Cgi::source(
        "import functools\nasync def app(scope, receive, send, more): pass\n\
         application = functools.partial(app, more=1)\n",
    )
    .exits(1)
    .logs("is an ASGI application")
    .run();
}

#[test]
fn a_server_at_a_path_is_one_and_one_in_the_background_is_none() {
    let server = "socketserver.UnixStreamServer(tempfile.mktemp(), None)";
    let answer = Cgi::source(&format!(
        "import socketserver, tempfile\n{server}.serve_forever()\napplication = None\n"
    ))
    .exits(1)
    .logs("starts a server while the application is loaded")
    .run();
    answer.error_id();
    for background in [
        "multiprocessing.connection.Listener(('127.0.0.1', 0))",
        "multiprocessing.connection.Listener(family='AF_UNIX')",
    ] {
        let text = format!(
            "{SHOP}import logging.config, multiprocessing.connection\n\
             listening = {background}\napplication = shop\n"
        );
        let answer = Cgi::source(&text).logs("CALLED\n");
        assert_eq!(answer.run().status, "200 OK", "{background}");
    }
}

#[test]
fn what_an_application_raises_through_a_handler_of_its_own_is_told() {
    for (error, logged) in [
        ("ConnectionResetError('of a database')", "of a database"),
        ("BrokenPipeError('of another')", "of another"),
    ] {
        let text = format!(
            "{SHOP}class Mine(CGIHandler):\n    def get_scheme(self): return 'https'\n\
             def fails(environ, start_response): raise {error}\nMine().run(fails)\n"
        );
        let answer = Cgi::source(&text).exits(1).logs(logged).run();
        assert_eq!(answer.status, "500 Internal Server Error");
        answer.error_id();
    }
}

#[test]
fn a_handler_of_its_own_may_write_any_buffer_and_fold_a_line() {
    let text = format!(
        "{SHOP}class Mine(CGIHandler):
    def _write(self, data):
        self.stdout.write(memoryview(data.replace(b'X-A: a', b'X-A: a\\r\\n b')))
Mine().run(shop)
"
    );
    let answer = Cgi::source(&text).post("body").logs("CALLED\n").run();
    assert_eq!(answer.text(), "[None, None, 'http', b'body']");
    let raw = String::from_utf8_lossy(&answer.raw).into_owned();
    assert!(raw.contains("X-A: a b"), "{raw}");
}

#[test]
fn a_log_that_takes_nothing_changes_no_answer() {
    let cgi = Cgi::source(
        "import os
os.write(1, b'loaded')
def application(environ, start_response):
    start_response('200 OK', [])
    return [b'']
",
    );
    let script = cgi.script_folder().join("app.py");
    let answer = cgi
        .program("sh")
        .arguments(&["-c", "exec \"$@\" 2>/dev/full", "sh"])
        .argument(crate::harness::launcher::program())
        .argument(script)
        .run();
    assert_eq!(answer.status, "200 OK");
}
