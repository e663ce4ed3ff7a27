//! `--access-log`: one line for each request that a web server starts a process for, however that process ends.
//! Requests with images are tested in `image::access_log`.

use std::path::Path;

use crate::harness::cgi::Cgi;
use crate::harness::{folder, launcher};
use crate::log_entries::has_time;

/// The fields of a line.
pub(crate) struct Line {
    pub(crate) client: String,
    pub(crate) request: String,
    pub(crate) status: String,
    pub(crate) bytes: u64,
    pub(crate) milliseconds: f64,
    pub(crate) processor: f64,
    pub(crate) way: String,
}

/// The lines of an access log.
#[track_caller]
pub(crate) fn lines(log: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(log).expect("an access log");
    assert!(text.ends_with('\n'), "{text:?}");
    text.lines().map(Line::of).collect()
}

impl Line {
    #[track_caller]
    fn of(line: &str) -> Self {
        let fields: Vec<&str> = line.splitn(9, ' ').collect();
        let [
            time,
            client,
            method,
            path,
            status,
            bytes,
            milliseconds,
            processor,
            way,
        ] = fields[..]
        else {
            panic!("{line:?} has not nine fields")
        };
        assert!(has_time(&format!("[{time}] ")), "{line:?}");
        Self {
            client: client.into(),
            request: format!("{method} {path}"),
            status: status.into(),
            bytes: bytes.parse().expect("a number"),
            milliseconds: milliseconds.parse().expect("a number"),
            processor: processor.parse().expect("a number"),
            way: way.into(),
        }
    }
}

const HELLO: &str = "def application(environ, start_response):\n    start_response('200 OK', [])\n    \
                     return [b'Hello\\n']\n";

/// Runs a request that ends with this exit status, and returns its line.
#[track_caller]
fn line_of(text: &str, exit: i32, around: impl FnOnce(Cgi) -> Cgi) -> Line {
    let cgi = Cgi::source(text);
    let log = cgi.script_folder().join("access.log");
    let cgi = cgi.option("--access-log").option(&log);
    let _answer = around(cgi).exits(exit).logs_anything().run();
    let mut lines = lines(&log);
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

#[test]
fn a_line_has_client_request_status_bytes_and_times() {
    let line = line_of(HELLO, 0, |cgi| {
        cgi.path("/cart")
            .variable("QUERY_STRING", "token=secret")
            .variable("REMOTE_ADDR", "192.0.2.7")
    });
    assert_eq!(line.client, "192.0.2.7");
    assert_eq!(line.request, "GET /app/cart");
    assert_eq!((&*line.status, line.bytes), ("200", 6));
    assert!(line.milliseconds > 0.0 && line.processor > 0.0);
    if !launcher::is_wanted() {
        assert_eq!(line.way, "cold");
    }
}

#[test]
fn spaces_and_newlines_from_the_client_are_escaped() {
    let line = line_of(HELLO, 0, |cgi| {
        cgi.raw_variable("PATH_INFO", b"/a b\n\xff 200 0")
            .method("GET\nx")
    });
    assert_eq!(line.request, "GET\\nx /app/a\\x20b\\n\\xff\\x20200\\x200");
    assert_eq!((&*line.client, &*line.status), ("-", "200"));
}

/// The line counts the bytes that were sent, not those that should have been.
#[test]
fn the_bytes_of_each_kind_of_answer_are_counted() {
    let answer = |how: &str| {
        format!(
            "import os\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    {how}\n"
        )
    };
    for (how, bytes) in [
        ("return [b'one', b'two']", 6),
        ("yield b''\n    yield b'x' * 100_000", 100_000),
        (
            "return environ['wsgi.file_wrapper'](open('data', 'rb'))",
            70_000,
        ),
        (
            "start_response('200 OK', [], None) if 0 else None\n    return []",
            0,
        ),
    ] {
        let line = line_of(&answer(how), 0, |cgi| {
            let data = vec![b'x'; 70_000];
            std::fs::write(cgi.script_folder().join("data"), data).expect("a file");
            cgi
        });
        assert_eq!((&*line.status, line.bytes), ("200", bytes), "{how}");
    }
    let head = line_of(HELLO, 0, |cgi| cgi.method("HEAD"));
    assert_eq!((&*head.status, head.bytes), ("200", 0));
}

/// Error pages of the process itself, of a signal handler and of the process that waits.
#[test]
fn each_kind_of_failure_writes_a_line() {
    let called = |how: &str| {
        format!(
            "import ctypes, os, signal, time\ndef application(environ, start_response):\n    {how}\n"
        )
    };
    for (text, exit, status) in [
        (called("raise LookupError"), 1, "500"),
        ("import nowhere".to_owned(), 1, "500"),
        (called("os.abort()"), 134, "500"),
        (called("ctypes.CDLL(None).exit(3)"), 3, "500"),
        (called("time.sleep(60)"), 1, "504"),
    ] {
        let line = line_of(&text, exit, |cgi| cgi.option("--timeout").option("2"));
        assert_eq!(line.status, status, "{text}");
        assert!(line.bytes > 100, "{text}");
    }
    let unknown = line_of(HELLO, 1, |cgi| cgi.variable("CONTENT_LENGTH", "many"));
    assert_eq!(unknown.status, "400");
}

/// A process cannot catch these ends: the process that waits for it writes the line, once.
#[test]
fn a_line_is_written_for_a_process_that_was_killed() {
    if launcher::is_wanted() {
        return;
    }
    let started = "start_response('200 OK', [])\n    yield b'four'\n    ";
    for (before, end, exit, status) in [
        ("", "os.kill(os.getpid(), signal.SIGKILL)", 137, "500"),
        ("", "os._exit(3)", 3, "500"),
        (started, "os.kill(os.getpid(), signal.SIGKILL)", 137, "200"),
        (started, "os._exit(0)", 0, "200"),
        (
            started,
            "ctypes.CDLL(None).execl(b'/bin/true', b'true', None)",
            0,
            "200",
        ),
    ] {
        let text = format!(
            "import ctypes, os, signal\ndef application(environ, start_response):\n    {before}{end}\n"
        );
        let line = line_of(&text, exit, |cgi| cgi);
        assert_eq!(line.status, status, "{text}");
        assert_eq!(line.bytes == 4, !before.is_empty(), "{text}");
        assert_eq!(line.way, "cold");
    }
}

/// A process that may open no more files cannot write its line: the process that waits for it does.
#[test]
fn a_line_is_written_for_a_process_without_a_free_descriptor() {
    if launcher::is_wanted() {
        return;
    }
    let text = "import os, resource\ndef application(environ, start_response):\n    \
                resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n    os.abort()\n";
    let line = line_of(text, 134, |cgi| cgi);
    assert_eq!((&*line.status, &*line.way), ("500", "cold"));
}

/// A process that the application forks writes no line, however it ends.
#[test]
fn a_forked_process_writes_no_line() {
    for end in [
        "os._exit(0)",
        "ctypes.CDLL(None).exit(0)",
        "raise SystemExit",
    ] {
        let text = format!(
            "import ctypes, os\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    \
             child = os.fork()\n    if child == 0:\n        {end}\n    os.waitpid(child, 0)\n    \
             return [b'x']\n"
        );
        let line = line_of(&text, 0, |cgi| cgi);
        assert_eq!((&*line.status, line.bytes), ("200", 1), "{end}");
    }
}

#[test]
fn a_request_is_answered_if_its_line_cannot_be_written() {
    let folder = folder();
    let blocked = folder.path().join("nowhere/access.log");
    let answer = Cgi::source(HELLO)
        .option("--access-log")
        .option(&blocked)
        .logs(&format!(
            "cannot write the access log `{}`: No such file or directory",
            blocked.display()
        ))
        .logs("GET /app/: ")
        .run();
    assert_eq!(answer.text(), "Hello\n");
}

/// The application's working directory, umask and time zone do not matter for the access log.
#[test]
fn an_application_does_not_affect_the_access_log() {
    let text = "import os\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    \
                os.chdir('/')\n    os.umask(0o777)\n    os.environ['TZ'] = 'Asia/Kathmandu'\n    \
                return [b'x']\n";
    let cgi = Cgi::source(text);
    let log = cgi.script_folder().join("own.log");
    let folder = cgi.script_folder().to_owned();
    let _answer = cgi.in_folder(&folder).option("--access-log=own.log").run();
    assert_eq!(lines(&log).len(), 1);
}

#[test]
fn with_debug_a_server_timing_header_has_the_times() {
    let times = |debug: bool, text: &str, exit| {
        let mut cgi = Cgi::source(text).exits(exit).logs_anything();
        if debug {
            cgi = cgi.option("--debug");
        }
        let answer = cgi.run();
        let times = answer.header("Server-Timing");
        times.first().map(ToString::to_string)
    };
    let names = |times: Option<String>| -> Vec<String> {
        let times = times.expect("times");
        let parts = times.split(", ").map(|part| {
            let (name, took) = part.split_once(";dur=").expect("a name and a time");
            assert!(took.parse::<f64>().is_ok(), "{times}");
            name.to_owned()
        });
        parts.collect()
    };
    assert_eq!(times(false, HELLO, 0), None);
    assert_eq!(names(times(true, HELLO, 0)), ["load", "app", "total"]);
    assert_eq!(names(times(true, "import nowhere", 1)), ["total"]);
}
