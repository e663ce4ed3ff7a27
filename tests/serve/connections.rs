//! Many clients, slow ones among them.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{ECHO, WAITS};
use crate::harness::http_client::Request;
use crate::harness::serving::Serve;

#[test]
fn silent_clients_keep_nobody_waiting() {
    let serving = Serve::source(ECHO).with(&["--jobs", "2"]).start();
    let mut half_open: Vec<TcpStream> = Vec::new();
    for number in 0..1_000 {
        let mut stream = serving.connect();
        // Some say nothing, some begin a head, some begin their content.
        let start: &[u8] = match number % 3 {
            0 => b"",
            1 => b"GET / HTTP/1.1\r\nHo",
            _ => b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123",
        };
        stream.write_all(start).expect("sent");
        half_open.push(stream);
    }
    assert_eq!(serving.get("/good"), "GET  /good - 0\n");
    drop(half_open);
    serving.end();
}

#[test]
fn a_head_that_does_not_come_is_a_408() {
    let serving = Serve::source(ECHO).start();
    let mut silent = serving.connect();
    let answer = serving.raw("GET / HTTP/1.1\r\nHost: ");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // Nothing was asked: nothing is answered.
    let mut nothing = Vec::new();
    silent.read_to_end(&mut nothing).expect("a proper end");
    assert!(nothing.is_empty());
    let log = serving.end();
    assert!(log.starts_with("408 GET / 41 B "), "{log}");
}

#[test]
fn no_more_than_so_many_run_at_once() {
    let serving = Serve::source(WAITS).with(&["--jobs", "1"]).start();
    let address = serving.address();
    let first = std::thread::spawn(move || Request::get("/first").send(address).text());
    serving.wait_for_log("running /first");
    let mut second = serving.connect();
    second
        .write_all(b"GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .expect("sent");
    // The one behind is read and refused, which shows that the server has seen the second.
    assert!(serving.raw("bad\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(!serving.wait_for_log("running /first").contains("/second"));
    std::fs::write(serving.folder().join("go"), "").expect("written");
    assert_eq!(first.join().expect("answered"), "done\n");
    let mut answer = String::new();
    second.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    serving.end_logging();
}

#[test]
fn a_client_that_hangs_up_takes_nobody_with_it() {
    let serving = Serve::source(ECHO).start();
    for _ in 0..20 {
        let mut stream = serving.connect();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .expect("sent");
        drop(stream);
    }
    assert_eq!(serving.get("/good"), "GET  /good - 0\n");
    serving.end_logging();
}
