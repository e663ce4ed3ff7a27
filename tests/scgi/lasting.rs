//! Many requests: nothing is left of them.

use std::fs;
use std::thread;

use super::{ECHO, get, serve, wait_for_image};
use crate::harness::server::eventually;
use crate::harness::serving::Serving;

/// Kilobytes of memory that are this process's own.
fn memory(serving: &Serving) -> u64 {
    let path = format!("/proc/{}/smaps_rollup", serving.id());
    let text = fs::read_to_string(path).expect("a process");
    let line = text.lines().find(|line| line.starts_with("Anonymous:"));
    let number = line
        .and_then(|line| line.split_whitespace().nth(1))
        .expect("a number");
    number.parse().expect("a number")
}

fn descriptors(serving: &Serving) -> usize {
    fs::read_dir(format!("/proc/{}/fd", serving.id()))
        .expect("a process")
        .count()
}

/// Its children that have ended and that nobody has asked.
fn zombies(serving: &Serving) -> usize {
    let id = serving.id();
    let list = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("a process");
    let states = list.split_whitespace().filter_map(|child| {
        let text = fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        Some(text.rsplit(") ").next()?.starts_with('Z'))
    });
    states.filter(|is_zombie| *is_zombie).count()
}

fn many(serving: &Serving, each: usize) {
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..each {
                    assert_eq!(get(serving, "/"), "GET [] [/] - 0\n");
                }
            });
        }
    });
}

#[test]
fn nothing_is_left_of_many_requests() {
    for way in super::WAYS {
        let serving = serve(ECHO, way);
        many(&serving, 10);
        wait_for_image(&serving, way);
        let settled = || descriptors(&serving);
        let before = settled();
        let memory_before = memory(&serving);
        many(&serving, 40);
        assert!(
            eventually(super::PATIENCE, || descriptors(&serving) <= before),
            "{way:?}"
        );
        assert!(
            eventually(super::PATIENCE, || zombies(&serving) == 0),
            "{way:?}"
        );
        let memory_after = memory(&serving);
        assert!(
            memory_after <= memory_before + 1024,
            "{way:?}: {memory_before} {memory_after}: {}",
            serving.log()
        );
        serving.end_logging();
    }
}
