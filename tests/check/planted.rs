//! Small applications with one planted fault each, beside the same without it: one for each rule. The bodies
//! are those of `application(environ, start_response)`.

use std::path::Path;
use std::process::Command;

use super::names_of;
use crate::harness::by_hand::ByHand;
use crate::harness::folder;

/// A rule, what breaks it, and what does not.
pub(super) struct Planted {
    pub(super) rule: &'static str,
    pub(super) wrong: &'static str,
    pub(super) right: &'static str,
}

/// What stands before each body.
pub(super) const BEFORE: &str = "\
import ctypes, io, locale, os, signal, subprocess, sys, threading, time
TEXT = [('Content-Type', 'text/plain')]
def length(text): return TEXT + [('Content-Length', str(len(text)))]
def of_head(environ, text): return [] if environ['REQUEST_METHOD'] == 'HEAD' else [text]
";

const HELLO: &str = "start_response('200 OK', TEXT)\nreturn of_head(environ, b'hello')";

const fn planted(rule: &'static str, wrong: &'static str, right: &'static str) -> Planted {
    Planted { rule, wrong, right }
}

/// A source whose functions are its own, not a body.
fn source(body: &str) -> String {
    if body.contains("application") {
        return format!("{BEFORE}{body}\n");
    }
    let body = body.replace('\n', "\n    ");
    format!("{BEFORE}def application(environ, start_response):\n    {body}\n")
}

impl Planted {
    /// The application with its fault.
    pub(super) fn wrong(&self) -> String {
        source(self.wrong)
    }

    /// The one without.
    pub(super) fn right(&self) -> String {
        source(self.right)
    }
}

/// How the application is called and what it returns.
const CALLING: [Planted; 21] = [
    planted(
        "wrong-arguments",
        "def application(environ):\n    return [b'']",
        HELLO,
    ),
    planted(
        "iterable-reused",
        "body = iter([b'hello'])\ndef application(environ, start_response):\n    \
         start_response('200 OK', TEXT)\n    return body",
        "body = [b'hello']\ndef application(environ, start_response):\n    \
         start_response('200 OK', TEXT)\n    return body",
    ),
    planted(
        "raises",
        "return [str(int(environ['PATH_INFO'])).encode()]",
        "start_response('200 OK', TEXT)\nreturn [environ['PATH_INFO'].isdigit() and b'yes' or b'no']",
    ),
    planted(
        "raises-late",
        "start_response('200 OK', TEXT)\nyield b'hello'\nraise ValueError('late')",
        "start_response('200 OK', TEXT)\nyield b'hello'",
    ),
    planted("exits", "sys.exit(1)", HELLO),
    planted("ends-process", "os._exit(1)", HELLO),
    planted("hangs", "time.sleep(60)", HELLO),
    planted("returns-none", "start_response('200 OK', TEXT)", HELLO),
    planted(
        "returns-str",
        "start_response('200 OK', TEXT)\nreturn 'hello'",
        HELLO,
    ),
    planted(
        "returns-bytes",
        "start_response('200 OK', TEXT)\nreturn b'hello'",
        HELLO,
    ),
    planted(
        "not-iterable",
        "start_response('200 OK', TEXT)\nreturn 5",
        HELLO,
    ),
    planted(
        "item-not-bytes",
        "start_response('200 OK', TEXT)\nreturn ['hello']",
        HELLO,
    ),
    planted(
        "item-of-subclass",
        "class Own(bytes): pass\nstart_response('200 OK', TEXT)\nreturn [Own(b'hello')]",
        HELLO,
    ),
    planted(
        "wrong-len",
        "class Own(list):\n    def __len__(self): return 1\nstart_response('200 OK', TEXT)\n\
         return Own([b'one', b'two'])",
        "class Own(list): pass\nstart_response('200 OK', TEXT)\nreturn Own([b'one', b'two'])",
    ),
    planted(
        "tiny-blocks",
        "start_response('200 OK', TEXT)\nreturn [b'x'] * 500",
        "start_response('200 OK', TEXT)\nreturn [b'x' * 500]",
    ),
    planted(
        "endless",
        "start_response('200 OK', TEXT)\nwhile True: yield b'x' * 65536",
        "start_response('200 OK', TEXT)\nfor _ in range(3): yield b'x' * 65536",
    ),
    planted(
        "close-raises",
        "class Own:\n    def __iter__(self): return iter([b'hello'])\n    def close(self): raise OSError('no')\n\
         start_response('200 OK', TEXT)\nreturn Own()",
        "class Own:\n    def __iter__(self): return iter([b'hello'])\n    def close(self): pass\n\
         start_response('200 OK', TEXT)\nreturn Own()",
    ),
    planted(
        "needs-optional",
        "start_response('200 OK', TEXT)\nreturn [environ['QUERY_STRING'].encode()]",
        "start_response('200 OK', TEXT)\nreturn [environ.get('QUERY_STRING', '').encode()]",
    ),
    planted(
        "needs-empty",
        "start_response('200 OK', TEXT)\nreturn [environ['PATH_INFO'].encode('latin-1')]",
        "start_response('200 OK', TEXT)\nreturn [environ.get('PATH_INFO', '').encode('latin-1')]",
    ),
    planted(
        "file-wrapper-argument",
        "start_response('200 OK', TEXT)\n\
         if 'wsgi.file_wrapper' in environ: environ['wsgi.file_wrapper'](__file__)\nreturn []",
        "start_response('200 OK', TEXT)\n\
         if 'wsgi.file_wrapper' in environ: return environ['wsgi.file_wrapper'](io.BytesIO(b'x'))\n\
         return []",
    ),
    planted(
        "server-error",
        "start_response('500 Internal Server Error', TEXT)\nreturn [b'oh']",
        "start_response('503 Service Unavailable', TEXT)\nreturn [b'oh']",
    ),
];

/// `start_response` and `write`.
const STARTING: [Planted; 33] = [
    planted("start-response-missing", "return [b'']", HELLO),
    planted(
        "start-response-late",
        "yield b'hello'\nstart_response('200 OK', TEXT)",
        "start_response('200 OK', TEXT)\nyield b'hello'",
    ),
    planted(
        "start-response-after-empty",
        "yield b''\nstart_response('200 OK', TEXT)\nyield b'hello'",
        "start_response('200 OK', TEXT)\nyield b''\nyield b'hello'",
    ),
    planted(
        "start-response-twice",
        "start_response('200 OK', TEXT)\nstart_response('404 Not Found', TEXT)\nreturn [b'hello']",
        "start_response('200 OK', TEXT)\ntry: 1 / 0\nexcept ZeroDivisionError:\n    \
         start_response('404 Not Found', TEXT, sys.exc_info())\nreturn [b'hello']",
    ),
    planted(
        "start-response-arguments",
        "start_response(status='200 OK', headers=TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "exc-info-wrong",
        "start_response('200 OK', TEXT, sys.exc_info())\nreturn [b'hello']",
        "start_response('200 OK', TEXT, None)\nreturn [b'hello']",
    ),
    planted(
        "exc-info-swallowed",
        "start_response('200 OK', TEXT)\nyield b'hello'\ntry: 1 / 0\nexcept ZeroDivisionError:\n    \
         try: start_response('500 Oh', TEXT, sys.exc_info())\n    except ZeroDivisionError: yield b'oh'",
        "start_response('200 OK', TEXT)\nyield b'hello'",
    ),
    planted(
        "status-not-str",
        "start_response(200, TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "status-malformed",
        "start_response('OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "status-not-latin-1",
        "start_response('200 \\u2713', TEXT)\nreturn [b'hello']",
        "start_response('200 Gr\\xfc\\xdfe', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "status-without-reason",
        "start_response('200', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "status-unknown",
        "start_response('600 High', TEXT)\nreturn [b'hello']",
        "start_response('299 Own', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "status-interim",
        "start_response('103 Early Hints', [])\nreturn []",
        HELLO,
    ),
    planted(
        "headers-not-list",
        "start_response('200 OK', tuple(TEXT))\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "header-not-tuple",
        "start_response('200 OK', [['Content-Type', 'text/plain']])\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "header-not-str",
        "start_response('200 OK', TEXT + [('Content-Length', 5)])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('Content-Length', '5')])\nreturn [b'hello']",
    ),
    planted(
        "header-name-malformed",
        "start_response('200 OK', TEXT + [('X-Own:', '1')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('X-Own', '1')])\nreturn [b'hello']",
    ),
    planted(
        "header-value-control",
        "start_response('200 OK', TEXT + [('X-Own', 'a\\r\\nb')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('X-Own', 'a b')])\nreturn [b'hello']",
    ),
    planted(
        "header-not-latin-1",
        "start_response('200 OK', TEXT + [('X-Own', '\\u2713')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('X-Own', '\\xe9')])\nreturn [b'hello']",
    ),
    planted(
        "header-value-padded",
        "start_response('200 OK', TEXT + [('X-Own', ' a')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('X-Own', 'a')])\nreturn [b'hello']",
    ),
    planted(
        "header-hop-by-hop",
        "start_response('200 OK', TEXT + [('Connection', 'close')])\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "header-status",
        "start_response('200 OK', TEXT + [('Status', '404 Not Found')])\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "header-repeated",
        "start_response('200 OK', TEXT + TEXT)\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('Set-Cookie', 'a=1'), ('Set-Cookie', 'b=2')])\n\
         return [b'hello']",
    ),
    planted(
        "headers-changed",
        "headers = TEXT[:]\nstart_response('200 OK', headers)\nheaders.append(('X-Own', '1'))\n\
         return [b'hello']",
        "headers = TEXT[:]\nheaders.append(('X-Own', '1'))\nstart_response('200 OK', headers)\n\
         return [b'hello']",
    ),
    planted(
        "write-used",
        "start_response('200 OK', TEXT)(b'hello')\nreturn []",
        HELLO,
    ),
    planted(
        "write-not-bytes",
        "start_response('200 OK', TEXT)('hello')\nreturn []",
        "start_response('200 OK', TEXT)(b'hello')\nreturn []",
    ),
    planted(
        "write-arguments",
        "start_response('200 OK', TEXT)(b'hello', b'hello')\nreturn []",
        "start_response('200 OK', TEXT)(b'hello')\nreturn []",
    ),
    planted(
        "write-in-iterable",
        "start_response('200 OK', TEXT)(b'hello')\nyield b''",
        "start_response('200 OK', TEXT)\nyield b'hello'",
    ),
    planted(
        "write-late",
        "write = start_response('200 OK', TEXT)\nclass Own(list):\n    def close(self):\n        \
         threading.Timer(0.05, write, [b'late']).start()\nreturn Own()",
        HELLO,
    ),
    planted(
        "set-cookie-folded",
        "start_response('200 OK', TEXT + [('Set-Cookie', 'a=1; Path=/, b=2')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('Set-Cookie', \
         'a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT')])\nreturn [b'hello']",
    ),
    planted(
        "etag-malformed",
        "start_response('200 OK', TEXT + [('ETag', 'abc')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('ETag', '\"abc\"')])\nreturn [b'hello']",
    ),
    planted(
        "date-malformed",
        "start_response('200 OK', TEXT + [('Last-Modified', '2020-01-01')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT')])\n\
         return [b'hello']",
    ),
    planted(
        "content-length-repeated",
        "start_response('200 OK', length('hello') + [('Content-Length', '5')])\nreturn [b'hello']",
        "start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
];

/// Content, and what the answer is an answer to.
const ANSWERING: [Planted; 19] = [
    planted(
        "content-length-malformed",
        "start_response('200 OK', TEXT + [('Content-Length', 'five')])\nreturn [b'hello']",
        "start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "content-too-long",
        "start_response('200 OK', length('hell'))\nreturn [b'hello']",
        "start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "content-too-short",
        "start_response('200 OK', length('hello!'))\nreturn [b'hello']",
        "start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "content-type-missing",
        "start_response('200 OK', [])\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "content-forbidden",
        "start_response('204 No Content', [])\nreturn [b'hello']",
        "start_response('204 No Content', [])\nreturn []",
    ),
    planted(
        "content-length-forbidden",
        "start_response('204 No Content', [('Content-Length', '0')])\nreturn []",
        "start_response('204 No Content', [])\nreturn []",
    ),
    planted(
        "content-type-of-nothing",
        "start_response('204 No Content', TEXT)\nreturn []",
        "start_response('204 No Content', [])\nreturn []",
    ),
    planted(
        "head-with-content",
        "start_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "head-differs",
        "text = of_head(environ, b'hello')\n\
         start_response('200 OK', length(b''.join(text)))\nreturn text",
        "start_response('200 OK', length(b'hello'))\nreturn of_head(environ, b'hello')",
    ),
    planted(
        "head-refused",
        "if environ['REQUEST_METHOD'] == 'HEAD':\n    \
         start_response('405 Method Not Allowed', [('Allow', 'GET')])\n    return []\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "not-modified-unasked",
        "start_response('304 Not Modified', [])\nreturn []",
        "if 'HTTP_IF_NONE_MATCH' in environ:\n    start_response('304 Not Modified', [])\n    return []\n\
         start_response('200 OK', TEXT + [('ETag', '\"a\"')])\nreturn [b'hello']",
    ),
    planted(
        "etag-ignored",
        "start_response('200 OK', TEXT + [('ETag', '\"a\"')])\nreturn [b'hello']",
        "if 'HTTP_IF_NONE_MATCH' in environ:\n    start_response('304 Not Modified', [])\n    return []\n\
         start_response('200 OK', TEXT + [('ETag', '\"a\"')])\nreturn [b'hello']",
    ),
    planted(
        "partial-unasked",
        "start_response('206 Partial Content', TEXT + [('Content-Range', 'bytes 0-4/9')])\n\
         return [b'hello']",
        "if 'HTTP_RANGE' in environ:\n    \
         start_response('206 Partial Content', TEXT + [('Content-Range', 'bytes 0-0/5')])\n    \
         return [b'h']\n\
         start_response('200 OK', length('hello') + [('Accept-Ranges', 'bytes')])\nreturn [b'hello']",
    ),
    planted(
        "content-range-missing",
        "if 'HTTP_RANGE' in environ:\n    start_response('206 Partial Content', TEXT)\n    return [b'h']\n\
         start_response('200 OK', length('hello'))\nreturn [b'hello']",
        "start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "content-range-wrong",
        "if 'HTTP_RANGE' in environ:\n    \
         start_response('206 Partial Content', TEXT + [('Content-Range', 'bytes 0-0/5')])\n    \
         return [b'hello']\nstart_response('200 OK', length('hello'))\nreturn [b'hello']",
        "if 'HTTP_RANGE' in environ:\n    \
         start_response('206 Partial Content', TEXT + [('Content-Range', 'bytes 0-0/5')])\n    \
         return [b'h']\nstart_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "unsatisfied-without-range",
        "if 'HTTP_RANGE' in environ:\n    start_response('416 No', TEXT)\n    return [b'no']\n\
         start_response('200 OK', length('hello'))\nreturn [b'hello']",
        "if 'HTTP_RANGE' in environ:\n    \
         start_response('416 No', TEXT + [('Content-Range', 'bytes */5')])\n    return [b'no']\n\
         start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "location-missing",
        "start_response('302 Found', [])\nreturn []",
        "start_response('302 Found', [('Location', '/there')])\nreturn []",
    ),
    planted(
        "allow-missing",
        "start_response('405 Method Not Allowed', TEXT)\nreturn [b'no']",
        "start_response('405 Method Not Allowed', TEXT + [('Allow', 'DELETE')])\nreturn [b'no']",
    ),
    planted(
        "authenticate-missing",
        "start_response('401 Unauthorized', TEXT)\nreturn [b'no']",
        "start_response('401 Unauthorized', TEXT + [('WWW-Authenticate', 'Basic realm=\"a\"')])\n\
         return [b'no']",
    ),
];

/// The streams, and what is left behind in the process.
const AROUND: [Planted; 21] = [
    planted(
        "reads-past-end",
        "environ['wsgi.input'].read(1 << 20)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "readline-size",
        "environ['wsgi.input'].readline(10)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "environ['wsgi.input'].readline()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "read-arguments",
        "environ['wsgi.input'].read(size=1)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "list(environ['wsgi.input'])\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "reads-late",
        "def late(): environ['wsgi.input'].read()\nclass Own(list):\n    def close(self):\n        \
         threading.Timer(0.05, late).start()\nstart_response('200 OK', TEXT)\nreturn Own()",
        "environ['wsgi.input'].read()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "input-closed",
        "environ['wsgi.input'].close()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "errors-closed",
        "environ['wsgi.errors'].close()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "environ['wsgi.errors'].flush()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "errors-not-str",
        "environ['wsgi.errors'].write(b'oh')\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "environ['wsgi.errors'].write('oh\\n')\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "stream-attribute",
        "environ['wsgi.input'].seek(0)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "if hasattr(environ['wsgi.input'], 'seek'): environ['wsgi.input'].seek(0)\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "reads-stdin",
        "sys.stdin.buffer.read(0)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "prints-to-stdout",
        "os.system('echo hello')\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "os.system('true')\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "prints-to-stderr",
        "print('oh', file=sys.stderr)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "print('oh', file=environ['wsgi.errors'])\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "thread-left",
        "threading.Thread(target=time.sleep, args=(30,)).start()\nstart_response('200 OK', TEXT)\n\
         return [b'hello']",
        "one = threading.Thread(target=time.sleep, args=(0,))\none.start()\none.join()\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "daemon-thread-left",
        "threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "process-left",
        "global left\nleft = subprocess.Popen(['sleep', '3'])\nstart_response('200 OK', TEXT)\n\
         return [b'hello']",
        "subprocess.run(['sleep', '0'])\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "fork-returns",
        "os.fork()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "child = os.fork()\nif not child: os._exit(0)\nos.waitpid(child, 0)\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "directory-changed",
        "os.chdir('/' if os.getcwd() != '/' else '/tmp')\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "signal-changed",
        "signal.signal(signal.SIGUSR2, lambda *_: None)\nstart_response('200 OK', TEXT)\n\
         return [b'hello']",
        "before = signal.signal(signal.SIGUSR2, lambda *_: None)\nsignal.signal(signal.SIGUSR2, before)\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "locale-changed",
        "locale.setlocale(locale.LC_ALL, 'C' if locale.setlocale(locale.LC_ALL) != 'C' else 'C.UTF-8')\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "umask-changed",
        "os.umask(0o077 if os.umask(0o022) != 0o077 else 0o027)\nstart_response('200 OK', TEXT)\n\
         return [b'hello']",
        HELLO,
    ),
    planted(
        "environment-changed",
        "os.environ['OWN'] = str(time.time())\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "stream-replaced",
        "sys.stdout = io.StringIO()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Planted> {
    let parts: [&[Planted]; 4] = [&CALLING, &STARTING, &ANSWERING, &AROUND];
    parts.into_iter().flatten()
}

/// Each planted fault is found, and named as what it is; without it nothing is.
#[track_caller]
fn are_found(planted: &[Planted]) {
    let mut missed = Vec::new();
    for one in planted {
        let checked = |text: &str| {
            let printed =
                ByHand::command(&["check", "--json", "--safe", "--timeout", "2", "app.py"])
                    .file("app.py", text)
                    .logs_anything()
                    .exits_anyhow()
                    .run();
            names_of(&printed.stdout)
        };
        let wrong = checked(&one.wrong());
        if !wrong.iter().any(|(rule, ..)| rule == one.rule) {
            missed.push(format!("{} is not in {wrong:?}", one.rule));
        }
        let right: Vec<_> = checked(&one.right())
            .into_iter()
            .filter(|(rule, gravity, _)| gravity != "note" || rule == one.rule)
            .collect();
        if !right.is_empty() {
            missed.push(format!("without {}: {right:?}", one.rule));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// A planted fault for each rule, but for what no application can be given: one that is no callable is not
/// loaded, and a gateway that differs is a fault of ours.
#[test]
fn each_rule_has_a_planted_fault() {
    let rules = ByHand::command(&["check", "--rules"]).prints();
    let mut rules: Vec<&str> = rules
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().nth(1))
        .filter(|rule| !["not-callable", "gateway-differs"].contains(rule))
        .collect();
    let mut planted: Vec<&str> = all().map(|one| one.rule).collect();
    rules.sort_unstable();
    planted.sort_unstable();
    assert_eq!(planted, rules);
}

/// How many `wsgiref.validate` finds something in; docs/check.md says the number.
#[test]
fn the_standard_library_finds_as_many_as_said() {
    const DOCUMENT: &str = include_str!("../../docs/check.md");
    let place = folder();
    for one in all() {
        let file = place.path().join(one.rule).with_extension("py");
        std::fs::write(file, one.wrong()).expect("written");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/validated.py");
    let done = Command::new("/usr/bin/python3")
        .arg(script)
        .arg(place.path())
        .output()
        .expect("started");
    let found = String::from_utf8(done.stdout).expect("text");
    let said = format!(
        "of {} applications with one planted fault each, `wsgiref.validate` finds {}",
        all().count(),
        found.lines().count()
    );
    let document = DOCUMENT.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(document.contains(&said), "{said}: {found}");
}

#[test]
fn faults_of_calling_are_found() {
    are_found(&CALLING);
}

#[test]
fn faults_of_starting_are_found() {
    are_found(&STARTING);
}

#[test]
fn faults_of_answering_are_found() {
    are_found(&ANSWERING);
}

#[test]
fn faults_around_are_found() {
    are_found(&AROUND);
}
