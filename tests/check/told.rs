//! How findings are told and what is asked: `--json`, `--ignore`, `--rules`, `--replay`, `--openapi`, `--safe`,
//! `--timeout`; and one clear line for what is typed wrongly.

use std::time::{Duration, Instant};

use super::names_of;
use crate::harness::by_hand::ByHand;

const HELLO: &str = "def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [] if environ['REQUEST_METHOD'] == 'HEAD' else [b'hello']
";

const WRONG: &str = "def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Connection', 'close')])
    return [] if environ['REQUEST_METHOD'] == 'HEAD' else ['hello']
";

fn check(text: &str) -> ByHand {
    ByHand::command(&["check", "app.py"]).file("app.py", text)
}

/// What each request that reaches the application is, in the log.
const ECHO: &str = "import sys
def application(environ, start_response):
    size = len(environ['wsgi.input'].read())
    what = [environ[name] for name in ('REQUEST_METHOD', 'PATH_INFO') if name in environ]
    query, kind = (environ.get(name, '') for name in ('QUERY_STRING', 'CONTENT_TYPE'))
    environ['wsgi.errors'].write(' '.join(what + ['?' + query, kind, str(size), environ.get('HTTP_X', '')]) + '\\n')
    start_response('204 No Content', [])
    return []
";

#[test]
fn a_correct_application_has_no_findings() {
    let said = check(HELLO).prints();
    assert_eq!(said, "checked 15 requests: nothing is wrong\n");
}

#[test]
fn a_finding_is_a_line_with_its_place() {
    let said = check(WRONG).exits(1).prints();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[0],
        "error    header-hop-by-hop  PEP 3333 \"Other HTTP Features\"  app.py:2  GET /: the header \
         (\"Connection\", \"close\") is hop-by-hop: only the server may send it (and in 14 other requests)"
    );
    assert!(
        lines[1].starts_with(
            "error    item-not-bytes  PEP 3333 \"Specification Details\"  app.py:1  GET /: "
        ),
        "{said}"
    );
    assert_eq!(lines[2..], ["checked 15 requests: 2 errors"]);
}

#[test]
fn json_has_the_same() {
    let printed = check(WRONG).with(&["--json"]).exits(1).run();
    let names: Vec<String> = names_of(&printed.stdout)
        .into_iter()
        .map(|(rule, severity, place)| format!("{rule} {severity} {place}"))
        .collect();
    assert_eq!(
        names,
        [
            "header-hop-by-hop error app.py:2",
            "item-not-bytes error app.py:1"
        ]
    );
}

#[test]
fn rules_are_left_out_by_their_names() {
    let both = ["--ignore", "header-hop-by-hop, item-not-bytes"];
    check(WRONG).with(&both).run();
    let one = ["--ignore", "header-hop-by-hop", "--ignore", "raises"];
    let said = check(WRONG).with(&one).exits(1).prints();
    assert!(said.ends_with(": 1 error\n"), "{said}");
}

/// The table of docs/check.md is what `--rules` says.
#[test]
fn the_rules_are_those_of_the_document() {
    const DOCUMENT: &str = include_str!("../../docs/check.md");
    let said = ByHand::command(&["check", "--rules"]).prints();
    let lines: Vec<&str> = said.lines().collect();
    let rows: Vec<String> = lines
        .chunks(2)
        .map(|two| {
            let (severity, rest) = two[0].split_once(' ').expect("a severity");
            let (name, section) = rest.trim_start().split_once("  ").expect("a section");
            format!("| `{name}` | {severity} | {section} | {} |", two[1].trim())
        })
        .collect();
    let table: Vec<&str> = DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert_eq!(table, rows);
}

#[test]
fn a_recorded_request_is_made_again() {
    let recorded = "# wsgi-cgi request 1\nREQUEST_METHOD=PUT\nPATH_INFO=/kept\nHTTP_X=own\n\
                    CONTENT_TYPE=text/own\nCONTENT_LENGTH=5\n\nhello";
    let printed = check(ECHO)
        .file("one.request", recorded)
        .with(&["--replay", "one.request"])
        .logs("PUT /kept ? text/own 5 own\n")
        .run();
    let said = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(said.starts_with("checked 16 requests"), "{said}");
}

#[test]
fn an_openapi_file_is_followed() {
    let api = r##"{"openapi": "3.1.0", "servers": [{"url": "/v1"}], "paths": {"/notes/{id}": {
        "parameters": [{"$ref": "#/components/parameters/id"}],
        "get": {"parameters": [{"name": "q", "in": "query", "required": true, "schema": {"enum": ["b c"]}}]},
        "put": {"requestBody": {"content": {"application/json": {"schema": {"properties": {"a": {"default": 7}}}}}}}
        }}, "components": {"parameters": {"id": {"name": "id", "in": "path", "schema": {"type": "integer"}}}}}"##;
    let checked = |options: &[&str]| {
        let all = [&["--openapi", "api.json"], options].concat();
        let printed = check(ECHO)
            .file("api.json", api)
            .with(&all)
            .logs_anything()
            .run();
        printed.stderr
    };
    let log = checked(&[]);
    assert!(log.contains("GET /v1/notes/1 ?q=b%20c  0 \n"), "{log}");
    assert!(
        log.contains("PUT /v1/notes/1 ? application/json 8 \n"),
        "{log}"
    );
    let log = checked(&["--safe"]);
    assert!(log.contains("GET /v1/notes/1 "), "{log}");
    assert!(!log.contains("PUT ") && !log.contains("POST "), "{log}");
}

#[test]
fn a_path_that_hangs_is_requested_once() {
    let text = "import time\ndef application(environ, start_response):\n    \
                while environ.get('PATH_INFO') == '/slow': time.sleep(1)\n    \
                start_response('204 No Content', [])\n    return []\n";
    let begun = Instant::now();
    let said = check(text)
        .with(&["--timeout", "0.5", "/slow", "/"])
        .exits(1)
        .prints();
    assert!(
        said.contains("  hangs  PEP 3333 \"Buffering and Streaming\"  app.py:3  GET /slow: "),
        "{said}"
    );
    assert!(said.ends_with(": 1 error\n"), "{said}");
    // Were each of its requests waited for, or one without end, it would be far more.
    assert!(begun.elapsed() < Duration::from_secs(60));
}

/// A crash is told with the request, and the next one is made.
#[test]
fn a_process_that_dies_is_a_finding() {
    let text = "import os\ndef application(environ, start_response):\n    \
                if environ['REQUEST_METHOD'] == 'OPTIONS': os.abort()\n    \
                start_response('204 No Content', [])\n    return [environ.get('CONTENT_TYPE', '')[:0].encode()]\n";
    let said = check(text).exits(1).logs_anything().prints();
    assert!(
        said.contains("ends-process")
            && said.contains("OPTIONS /: the process was killed by SIGABRT"),
        "{said}"
    );
    assert!(said.contains("checked 15 requests: 1 error"), "{said}");
}

/// A script that hands its application to the standard library's handler is checked from within that call.
#[test]
fn a_script_for_the_standard_library_is_checked() {
    let text = format!(
        "from wsgiref.handlers import CGIHandler\n{}CGIHandler().run(own)\nraise SystemExit(5)\n",
        HELLO.replace("application", "own")
    );
    let said = check(&text).prints();
    assert_eq!(said, "checked 15 requests: nothing is wrong\n");
}

#[test]
fn a_wrong_command_line_is_an_error_of_one_line() {
    for (arguments, line) in [
        (
            &["--ignore", "raise"][..],
            "`raise` is not a rule (perhaps `raises",
        ),
        (
            &["--ignore", "nonsense"],
            "--ignore: `nonsense` is not a rule: `wsgi-cgi check --rules` lists the rules",
        ),
        (
            &["--openapi", "bad.json"],
            "the OpenAPI file `bad.json` cannot be used: JSONDecodeError",
        ),
        (
            &["--openapi", "other.json"],
            "it has neither `openapi` nor `swagger`",
        ),
        (
            &["--openapi", "nowhere.json"],
            "`nowhere.json` cannot be used: No such file",
        ),
        (
            &["--replay", "bad.json"],
            "`bad.json`: this is not a recorded request",
        ),
        (&["--replay", "nowhere"], "`nowhere`: No such file"),
        (
            &["ftp://example.org/"],
            "`ftp://example.org/` is neither a path nor an http or https URL",
        ),
    ] {
        let printed = check(HELLO)
            .file("bad.json", "{\"openapi\"")
            .file("other.json", "{}")
            .with(arguments)
            .exits(2)
            .logs(line)
            .run();
        assert_eq!(printed.stderr.lines().count(), 1, "{}", printed.stderr);
        assert!(printed.stdout.is_empty());
    }
}

#[test]
fn an_application_that_cannot_be_loaded_is_reported() {
    for (text, line) in [
        (
            "application = 5\n",
            "the application is 5, which is not callable",
        ),
        (
            "import nowhere\n",
            "ModuleNotFoundError: No module named 'nowhere'",
        ),
        (
            "import time\ntime.sleep(60)\n",
            "app.py` was not loaded within 0.5 s: set a longer time with --timeout",
        ),
        ("", "has no application"),
    ] {
        check(text)
            .with(&["--timeout", "0.5"])
            .exits(2)
            .logs(line)
            .run();
    }
    ByHand::command(&["check"]).exits(2).logs("<APP>").run();
}

/// What differs from call to call is no fault of the gateway's.
#[test]
fn an_answer_that_varies_is_not_a_finding() {
    let text = "import itertools, os, random, time
count = itertools.count()
def application(environ, start_response):
    with open('count', 'a') as file: file.write('x')
    turn = os.path.getsize('count') % 2
    start_response('200 OK' if turn else '202 Accepted', [('Content-Type', 'text/plain'),
        ('X-Own', str(random.random())), ('X-Turn', str(turn)), ('Date', time.strftime('%a, %d %b %Y %H:%M:%S GMT'))])
    return [] if environ['REQUEST_METHOD'] == 'HEAD' else [str(time.time()).encode(), os.urandom(5).hex().encode()]
";
    let said = check(text).with(&["--ignore", "head-differs"]).prints();
    assert!(said.ends_with("nothing is wrong\n"), "{said}");
}

/// An application that answers in another way where it finds this gateway.
#[test]
fn what_the_gateway_sends_is_compared() {
    let text = "def application(environ, start_response):
    is_gateway = not hasattr(environ['wsgi.input'], 'close')
    start_response('200 OK', [('Content-Type', 'text/html' if is_gateway else 'text/plain')])
    return [] if environ['REQUEST_METHOD'] == 'HEAD' else [b'gateway' if is_gateway else b'none']
";
    let said = check(text).exits(1).prints();
    for line in [
        "gateway-differs  PEP 3333 \"The Server/Gateway Side\"  app.py:3  GET /: the header \
         (\"Content-Type\", \"text/plain\") was left out or changed",
        "app.py:3  GET /: 7 bytes of content were sent, not the 4 that the application returned",
    ] {
        assert!(said.contains(line), "{said}");
    }
}

/// A stream that goes on is read for a while, and is no fault.
#[test]
fn an_endless_stream_is_a_note() {
    let text = "import time\ndef application(environ, start_response):\n    \
                start_response('200 OK', [('Content-Type', 'text/event-stream')])\n    \
                while True:\n        time.sleep(0.01)\n        yield b'data: x\\n\\n'\n";
    let said = check(text).with(&["--safe", "--timeout", "1"]).prints();
    assert!(said.contains("note     endless"), "{said}");
}
