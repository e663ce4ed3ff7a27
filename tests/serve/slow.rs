//! What takes long to see.

use std::io::Write;

use crate::harness::http_client::Request;
use crate::harness::serving::{Serve, Serving};

const HELLO: &str = "def application(environ, start_response):\n    \
    start_response('200 OK', [('Content-Length', '2')])\n    return [b'hi']\n";

#[test]
fn ten_thousand_requests_leave_no_trace_in_the_listening_process() {
    let serving = Serve::source(HELLO).with(&["--preload"]).start();
    ask(&serving, 500);
    let (memory, descriptors) = (memory(&serving), descriptors(&serving));
    ask(&serving, 10_000);
    let grown = self::memory(&serving).saturating_sub(memory);
    println!("memory grew by {grown} KiB");
    assert!(grown <= 1024, "memory grew by {grown} KiB");
    // Connections end a moment after their last byte.
    while self::descriptors(&serving) > descriptors {
        assert_eq!(serving.get("/"), "hi");
    }
    assert_eq!(zombies(&serving), 0);
    serving.end();
}

/// What many clients send slowly at a time is not kept in memory, nor is the room for it.
#[test]
fn memory_of_a_thousand_slow_bodies_is_given_back() {
    let serving = Serve::source(HELLO).start();
    let before = memory(&serving);
    let head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n";
    for size in [900_000, 60_000] {
        let content = vec![b'x'; size];
        let clients: Vec<_> = (0..1000)
            .map(|_| {
                let mut client = serving.connect();
                client.write_all(head).expect("sent");
                client.write_all(&content).expect("sent");
                client
            })
            .collect();
        assert_eq!(serving.get("/"), "hi");
        let kept = memory(&serving).saturating_sub(before);
        assert!(kept < 150_000, "{kept} KiB are kept");
        drop(clients);
        let is_less = || memory(&serving).saturating_sub(before) < 5_000;
        assert!(
            crate::harness::server::eventually(std::time::Duration::from_secs(60), is_less),
            "{} KiB, of {kept}, are kept",
            memory(&serving).saturating_sub(before)
        );
    }
    serving.end();
}

fn ask(serving: &Serving, count: usize) {
    let address = serving.address();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                for _ in 0..count / 4 {
                    assert_eq!(Request::get("/").send(address).text(), "hi");
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("all answered");
    }
}

/// Memory of its own in KiB.
fn memory(serving: &Serving) -> u64 {
    let maps = format!("/proc/{}/smaps_rollup", serving.id());
    let text = std::fs::read_to_string(maps).expect("a process that runs");
    let field = text.lines().find(|line| line.starts_with("Anonymous:"));
    let number = field.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|n| n.parse().ok()).expect("a number")
}

fn descriptors(serving: &Serving) -> usize {
    let folder = format!("/proc/{}/fd", serving.id());
    std::fs::read_dir(folder)
        .expect("a process that runs")
        .count()
}

/// Processes of the server that have ended and that nobody asked how.
fn zombies(serving: &Serving) -> usize {
    let children = format!("/proc/{0}/task/{0}/children", serving.id());
    let children = std::fs::read_to_string(children).expect("a process that runs");
    let parents: Vec<String> = children
        .split_whitespace()
        .map(str::to_owned)
        .chain([serving.id().to_string()])
        .collect();
    let processes = std::fs::read_dir("/proc").expect("a list of processes");
    processes
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        // `4711 (name) S 4710 ...`: state and parent
        .filter_map(|stat| {
            let (_, rest) = stat.rsplit_once(") ")?;
            let mut fields = rest.split(' ').map(str::to_owned);
            Some((fields.next()?, fields.next()?))
        })
        .filter(|(state, parent)| state == "Z" && parents.contains(parent))
        .count()
}
