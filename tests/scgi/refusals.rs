//! Requests that are none, and peers that say nothing: each gets a whole answer, the log a line, and
//! nobody else waits.

use std::io::{Read, Write};
use std::thread;

use super::{ECHO, connect, get, head, raw, raw_to_the_end, request, serve};

const USUAL: [(&str, &str); 3] = [
    ("CONTENT_LENGTH", "0"),
    ("SCGI", "1"),
    ("REQUEST_METHOD", "GET"),
];

#[track_caller]
fn refused(answer: &str, status: u16) {
    assert!(
        answer.starts_with(&format!("Status: {status} ")),
        "{answer}"
    );
    let (head, content) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(
        head.contains(&format!("Content-Length: {}", content.len())),
        "{answer}"
    );
}

#[test]
fn what_is_no_request_is_refused() {
    let serving = serve(ECHO, &["--max-body", "1K"]);
    let with = |more: &[(&str, &str)]| head(&[&USUAL[..], more].concat());
    let without = |name: &str| {
        let pairs: Vec<_> = USUAL
            .into_iter()
            .filter(|(other, _)| *other != name)
            .collect();
        head(&pairs)
    };
    let usual = head(&USUAL);
    let comma = usual.len() - 1;
    let cases: Vec<(Vec<u8>, u16)> = vec![
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 400),
        (b"\0\0\0\0".to_vec(), 400),
        (b"-1:".to_vec(), 400),
        (b"007:".to_vec(), 400),
        (b"65537:".to_vec(), 431),
        (b"99999999999999999999:".to_vec(), 431),
        ([&usual[..comma], b";"].concat(), 400),
        (without("CONTENT_LENGTH"), 400),
        (without("SCGI"), 400),
        (without("REQUEST_METHOD"), 400),
        (with(&[("CONTENT_LENGTH", "5")]), 400),
        (with(&[("SCGI", "2")]), 400),
        (with(&[("A\0", "x")]), 400),
        (with(&[("", "x")]), 400),
        (with(&[("A=B", "x")]), 400),
        (with(&[("A B", "x")]), 400),
        (head(&[("CONTENT_LENGTH", "-1"), USUAL[1], USUAL[2]]), 400),
        (head(&[("CONTENT_LENGTH", ""), USUAL[1], USUAL[2]]), 400),
        (head(&[("CONTENT_LENGTH", "1025"), USUAL[1], USUAL[2]]), 413),
        (head(&[USUAL[0], USUAL[1], ("REQUEST_METHOD", "G T")]), 400),
    ];
    let count = cases.len();
    for (bytes, status) in cases {
        refused(&raw(&serving, &bytes), status);
    }
    // In the middle of anything the peer ends.
    let whole = request("POST", "/", b"0123456789");
    for length in [1, 10, whole.len() - 11, whole.len() - 10, whole.len() - 1] {
        refused(&raw_to_the_end(&serving, &whole[..length]), 400);
    }
    // Looking whether somebody listens is no fault.
    drop(connect(&serving));
    assert_eq!(get(&serving, "/"), "GET [] [/] - 0\n");
    let (out, log) = serving.end_logging();
    assert_eq!(log, "");
    assert_eq!(out.matches("\n4").count(), count + 5, "{out}");
    let limit = "the content is longer than 1024 bytes (--max-body)";
    assert!(out.contains(limit), "{out}");
}

#[test]
fn what_follows_the_content_is_not_read() {
    for way in super::WAYS {
        let serving = serve(ECHO, way);
        let longer = [request("POST", "/", b"0123"), b"4567".to_vec()].concat();
        let answer = raw(&serving, &longer);
        assert!(answer.ends_with("POST [] [/] 4 4\n"), "{way:?}: {answer}");
    }
}

/// While they are waited for others are answered; then each is told, and the log.
#[test]
fn peers_that_say_nothing_more_are_ended() {
    let serving = serve(ECHO, &["--jobs", "1"]);
    let starts = [
        Vec::new(),
        b"70".to_vec(),
        b"70:CONTENT_LENGTH".to_vec(),
        request("POST", "/", b"")[..60].to_vec(),
    ];
    let streams: Vec<_> = starts
        .iter()
        .map(|start| {
            let mut stream = connect(&serving);
            stream.write_all(start).expect("sent");
            stream
        })
        .collect();
    assert_eq!(get(&serving, "/"), "GET [] [/] - 0\n");
    let readers = streams.into_iter().map(|mut stream| {
        thread::spawn(move || {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("a proper end");
            answer
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        refused(&reader.join().expect("an answer"), 408);
    }
    let (out, _) = serving.end_logging();
    assert!(out.contains("the connection stayed silent"), "{out}");
    assert_eq!(out.matches("408 ").count(), 4, "{out}");
}

/// The others wait, as many as there are jobs for; the time of each is its own.
#[test]
fn an_application_that_hangs_is_ended() {
    const HANGS: &str = "
import time
def application(environ, start_response):
    while environ['PATH_INFO'] == '/hang':
        time.sleep(60)
    start_response('200 OK', [])
    return [b'here']
";
    for way in super::WAYS {
        let with = [way, &["--timeout", "1", "--jobs", "1"]].concat();
        let serving = serve(HANGS, &with);
        let mut hanging = connect(&serving);
        hanging
            .write_all(&request("GET", "/hang", b""))
            .expect("sent");
        assert_eq!(get(&serving, "/"), "here", "{way:?}");
        let mut answer = String::new();
        hanging.read_to_string(&mut answer).expect("a proper end");
        refused(&answer, 504);
    }
}
