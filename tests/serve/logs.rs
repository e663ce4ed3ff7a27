//! The access log.

use std::io::Write;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::ECHO;
use crate::harness::http_client::Request;
use crate::harness::python;
use crate::harness::serving::Serve;

fn one_line(format: &str) -> String {
    let serving = Serve::source(ECHO).with(&["--log-format", format]).start();
    let response = Request::get("/x?y=%22")
        .header("User-Agent", "a \"b\"")
        .header("Referer", "http://r/")
        .send(serving.address());
    assert_eq!(response.status, 200);
    _ = response.text();
    serving.end()
}

#[test]
fn short() {
    let line = one_line("short");
    assert!(line.starts_with("200 GET /x?y=%22 12 B "), "{line}");
    assert!(line.ends_with(" ms\n"), "{line}");
}

#[test]
fn combined() {
    let line = one_line("combined");
    let (start, rest) = line.split_once(" [").expect("a time");
    assert_eq!(start, "127.0.0.1 - -");
    let rest = rest.split_once("] ").expect("a time").1;
    assert_eq!(
        rest,
        "\"GET /x?y=%22 HTTP/1.1\" 200 12 \"http://r/\" \"a \\\"b\\\"\"\n"
    );
}

#[test]
fn json_is_read_by_others() {
    let line = one_line("json");
    let check = "import json, sys\nd = json.loads(sys.argv[1])\n\
                 print(d['client'], d['method'], d['target'], d['status'], d['bytes'], d['agent'])";
    let output = Command::new(python())
        .args(["-c", check, &line])
        .output()
        .expect("Python runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "127.0.0.1 GET /x?y=%22 200 12 a \"b\"\n"
    );
}

/// With `--log-format json` each entry of the error log is a JSON object, also one that a signal handler writes.
#[test]
fn the_error_log_is_json_too() {
    const FAILS: &str = r#"
import os, signal
def application(environ, start_response):
    if environ["PATH_INFO"] == "/a\"b\\c":
        raise LookupError("\"quoted\"")
    if environ["PATH_INFO"] == "/killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if environ["PATH_INFO"] == "/x\"y":
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.abort()
"#;
    let serving = Serve::source(FAILS).with(&["--log-format", "json"]).start();
    for path in ["/a%22b%5Cc", "/killed", "/x%22y"] {
        assert_eq!(Request::get(path).send(serving.address()).status, 500);
    }
    serving.signal(Signal::HUP);
    serving.wait_for_log("SIGHUP");
    let (_, log) = serving.end_logging();
    let check = "import json, sys\nfor line in sys.stdin:\n    \
                 if line.startswith('{'):\n        d = json.loads(line)\n        \
                 print('time' in d, d['message'].replace('\\n', '|'))";
    let mut reader = Command::new(python())
        .args(["-c", check])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let mut pipe = reader.stdin.take().expect("a pipe");
    pipe.write_all(log.as_bytes()).expect("read");
    drop(pipe);
    let read = reader.wait_with_output().expect("read");
    let read = String::from_utf8(read.stdout).expect("text");
    let has = |words: &[&str]| {
        let is_it = |line: &str| words.iter().all(|word| line.contains(word));
        assert!(read.lines().any(is_it), "{words:?}\n{read}\n{log}");
    };
    has(&[
        "True error ",
        r#": GET /a\"b\\c: "#,
        "LookupError: \"quoted\"|Traceback",
    ]);
    has(&[
        "True error ",
        "the process for this request ended without an answer",
    ]);
    has(&[
        "True error ",
        r#": GET /x\"y: "#,
        "the process was killed by SIGABRT",
    ]);
    has(&[": reloading the application (SIGHUP)"]);
    assert!(!log.contains("wsgi-cgi: "), "{log}");
}
