//! Answers that end before their end, and peers that are slow: half an answer never looks like a whole one,
//! and nobody who is slow keeps others waiting.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{WAYS, connect, get, request, serve, serve_at, wait_for_image};
use crate::harness::server::eventually;
use crate::harness::serving::Serving;

/// Dies at the moment that the path names.
const DIES: &str = r#"
import atexit, os, signal, sys
def die(moment, path):
    if path == "/" + moment:
        os.kill(os.getpid(), signal.SIGKILL)
    if path == "/exit-" + moment:
        os._exit(0)
    if path == "/exec-" + moment:
        os.execv("/bin/true", ["true"])
def application(environ, start_response):
    path = environ["PATH_INFO"]
    die("called", path)
    environ["wsgi.input"].read(3)
    die("read", path)
    if path == "/afterwards":
        atexit.register(os.kill, os.getpid(), signal.SIGKILL)
    headers = [("Content-Type", "text/plain")]
    if path == "/short":
        headers.append(("Content-Length", "30001"))
    if path.endswith("-length"):
        headers.append(("Content-Length", "30000"))
        path = path[:-7]
    write = start_response("200 OK", headers)
    die("started", path)
    if path == "/written":
        write(b"x" * 10000)
        die("written", path)
    def blocks():
        die("asked", path)
        yield b""
        die("empty", path)
        for n in range(3):
            yield b"x" * 10000
            die("block%d" % n, path)
        if path == "/raises":
            raise LookupError("half way")
    class Closes:
        def __iter__(self): return blocks()
        def close(self): die("closed", path)
    return Closes()
"#;

/// An answer, and whether its connection was ended properly.
fn ask(stream: &mut impl Read) -> (String, bool) {
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    if let Err(error) = &ended {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    }
    (String::from_utf8(answer).expect("UTF-8"), ended.is_ok())
}

#[track_caller]
fn never_half(answer: &str, is_whole: bool, expected: &[&str], moment: &str) {
    let (head, content) = answer.split_once("\r\n\r\n").unwrap_or_default();
    if head.starts_with("Status: 500 ") {
        assert!(
            is_whole && content.ends_with("</html>\n"),
            "{moment}: {answer}"
        );
    } else if is_whole {
        assert_eq!(content.len(), 30_000, "{moment}");
    }
    let seen = match (head.get(8..11), is_whole) {
        (Some("500"), _) => "500",
        (_, true) => "whole",
        (_, false) => "cut",
    };
    assert!(expected.contains(&seen), "{moment}: {seen}: {head}");
}

const MOMENTS: [(&str, &[&str]); 17] = [
    ("called", &["500"]),
    ("read", &["500"]),
    ("started", &["500"]),
    ("asked", &["500"]),
    ("empty", &["500"]),
    ("written", &["cut"]),
    ("block0", &["cut"]),
    ("block1", &["cut"]),
    ("block2", &["cut"]),
    ("block1-length", &["cut"]),
    ("raises", &["cut"]),
    ("short", &["cut"]),
    // The response is cut although the exit status is 0.
    ("exit-block1", &["cut"]),
    ("exec-block1", &["cut"]),
    ("exit-closed", &["cut", "whole"]),
    // The response is whole, whatever the exit status is, once all was sent.
    ("afterwards", &["whole"]),
    ("none", &["whole"]),
];

#[test]
fn a_worker_killed_at_any_moment_leaves_no_half_answer() {
    for way in WAYS {
        let serving = serve(DIES, way);
        get(&serving, "/none");
        wait_for_image(&serving, way);
        for _ in 0..2 {
            for (moment, expected) in MOMENTS {
                let mut stream = connect(&serving);
                let path = format!("/{moment}");
                stream
                    .write_all(&request("POST", &path, b"content"))
                    .expect("sent");
                let (answer, is_whole) = ask(&mut stream);
                never_half(&answer, is_whole, expected, &format!("{way:?} {moment}"));
            }
        }
        assert_eq!(get(&serving, "/none").len(), 30_000);
        serving.end_logging();
    }
}

/// Serves at a TCP port; returns its address too.
fn serve_over_tcp(text: &str, way: &[&str]) -> (Serving, String) {
    let serving = serve_at("127.0.0.1:0", text, way).start();
    let banner = serving.wait_for_line("scgi://");
    let address = banner.split("scgi://").nth(1).expect("an address");
    let address = address.lines().next().expect("a line").trim().to_owned();
    (serving, address)
}

#[test]
fn a_cut_response_is_seen_over_tcp_too() {
    let (serving, address) = serve_over_tcp(DIES, &["--preload"]);
    for (moment, expected) in MOMENTS {
        let mut stream = TcpStream::connect(&address).expect("a listener");
        let path = format!("/{moment}");
        stream
            .write_all(&request("POST", &path, b"content"))
            .expect("sent");
        let (answer, is_whole) = ask(&mut stream);
        never_half(&answer, is_whole, expected, moment);
    }
    serving.end_logging();
}

/// Its head is all of it.
#[test]
fn a_failure_is_a_whole_answer_to_head_too() {
    for way in WAYS {
        let serving = serve(DIES, way);
        for path in ["/called", "/started", "/none-length"] {
            let mut stream = connect(&serving);
            stream.write_all(&request("HEAD", path, b"")).expect("sent");
            let (answer, is_whole) = ask(&mut stream);
            assert!(is_whole, "{way:?} {path}: {answer}");
            assert!(answer.ends_with("\r\n\r\n"), "{way:?} {path}: {answer}");
        }
        let (out, _) = serving.end_logging();
        assert!(!out.contains("cut short"), "{out}");
    }
}

/// It takes nothing, for as long as it likes, and there is one job.
#[test]
fn a_slow_peer_costs_no_worker() {
    const LARGE: &str = "
def application(environ, start_response):
    start_response('200 OK', [])
    return (b'x' * 100000 for _ in range(300 if environ['PATH_INFO'] == '/large' else 1))
";
    for way in WAYS {
        let with = [way, &["--jobs", "1"]].concat();
        let serving = serve(LARGE, &with);
        let mut slow: Vec<_> = (0..3).map(|_| connect(&serving)).collect();
        for stream in &mut slow {
            stream
                .write_all(&request("GET", "/large", b""))
                .expect("sent");
        }
        assert_eq!(get(&serving, "/").len(), 100_000, "{way:?}");
        for mut stream in slow {
            let (answer, is_whole) = ask(&mut stream);
            let content = answer.split_once("\r\n\r\n").expect("a head").1;
            assert_eq!((content.len(), is_whole), (30_000_000, true), "{way:?}");
        }
        serving.end_logging();
    }
}

/// A web server that has gone is waited for by nobody: what answers it is told.
#[test]
fn the_work_for_a_peer_that_has_gone_is_ended() {
    const ENDLESS: &str = "
import os
class Endless:
    def __iter__(self):
        start_file = open('started', 'w').close()
        while True:
            yield b'x' * 10000
    def close(self):
        open('closed', 'w').close()
def application(environ, start_response):
    start_response('200 OK', [])
    return Endless()
";
    for way in WAYS {
        let serving = serve(ENDLESS, way);
        let mut stream = connect(&serving);
        stream.write_all(&request("GET", "/", b"")).expect("sent");
        stream.read_exact(&mut [0; 1000]).expect("a beginning");
        drop(stream);
        let closed = serving.folder().join("closed");
        assert!(eventually(super::PATIENCE, || closed.exists()), "{way:?}");
        serving.end_logging();
    }
}

/// The application sends nothing until it is stopped.
#[test]
fn a_silent_application_is_ended_when_its_peer_has_gone() {
    const SILENT: &str = "
import os, time
def application(environ, start_response):
    try:
        open('begun', 'w').close()
        while True:
            time.sleep(0.1)
    finally:
        open('ended', 'w').close()
";
    for way in WAYS {
        for over_tcp in [false, true] {
            let (serving, address) = if over_tcp {
                let (serving, address) = serve_over_tcp(SILENT, way);
                (serving, Some(address))
            } else {
                (serve(SILENT, way), None)
            };
            let bytes = request("GET", "/", b"");
            let begun = || serving.folder().join("begun").exists();
            if let Some(address) = address {
                let mut stream = TcpStream::connect(address).expect("a listener");
                stream.write_all(&bytes).expect("sent");
                assert!(eventually(super::PATIENCE, begun), "{}", serving.log());
                // Closing then sends a reset, as the kernel of a client that is gone does.
                rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))
                    .expect("an option");
            } else {
                let mut stream = connect(&serving);
                stream.write_all(&bytes).expect("sent");
                assert!(eventually(super::PATIENCE, begun), "{}", serving.log());
            }
            let ended = || serving.folder().join("ended").exists();
            assert!(
                eventually(super::PATIENCE, ended),
                "{way:?} {over_tcp}: {}",
                serving.log()
            );
            let (out, _) = serving.end_logging();
            assert!(
                out.contains("the web server has closed the connection"),
                "{out}"
            );
        }
    }
}

/// The web server may be gone before there is a worker: while the nursery is busy or is replaced. The one job is
/// free again.
#[test]
fn a_request_that_was_given_up_before_its_worker_began_is_ended() {
    const WAITS: &str = "
import time
def application(environ, start_response):
    while environ['PATH_INFO'] != '/quick':
        time.sleep(0.1)
    start_response('200 OK', [])
    return [b'quick']
";
    for way in [&[][..], &["--preload"]] {
        let serving = serve(WAITS, &[way, &["--jobs", "1"]].concat());
        assert_eq!(get(&serving, "/quick"), "quick");
        let id = serving.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.expect("a process");
        let nursery = children.split_whitespace().next().expect("a nursery");
        let nursery = Pid::from_raw(nursery.parse().expect("a PID")).expect("a PID");
        kill_process(nursery, Signal::STOP).expect("stopped");
        let mut stream = connect(&serving);
        stream.write_all(&request("GET", "/", b"")).expect("sent");
        drop(stream);
        serving.wait_for_line("the web server has closed the connection");
        kill_process(nursery, Signal::CONT).expect("goes on");
        assert_eq!(get(&serving, "/quick"), "quick", "{way:?}");
        serving.end_logging();
    }
}
