//! The listening process: it waits for whatever comes next on any socket, and never for a single
//! client. At most so many requests are answered at once, the rest wait in the queue.

mod answering;
mod ending;
mod reading;
mod waiting;

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::Child;

use rustix::event::PollFlags;
use rustix::process::Pid;

use super::outcome::Report;
use super::{AccessLog, Asked, Connection, Entry, Handover, Listener, Nursery, Progress, Spool};
use crate::http::Limits;
use process::interrupts::Interrupts;
use process::memory;

use waiting::Source;

/// What one read takes.
const BLOCK: usize = 64 * 1024;

/// So many connections leave something behind that is worth a look.
const MANY: usize = 64;

/// What is decided before the first connection.
#[derive(Debug)]
pub struct Settings {
    /// What a client may send.
    pub limits: Limits,
    /// How many requests are answered at once.
    pub jobs: usize,
    /// How many connections there may be.
    pub connections: usize,
    /// Where each request is written down.
    pub log: AccessLog,
    /// The arguments that make this program the process with Python.
    pub nursery: Vec<OsString>,
    /// What is printed once requests can be answered.
    pub banner: String,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// What was running has been finished.
    Done,
    /// The process with Python never got ready.
    NeverStarted,
    /// What was running has been ended.
    Interrupted,
}

/// Everything that is going on.
#[derive(Debug)]
pub struct EventLoop {
    settings: Settings,
    listeners: Vec<Listener>,
    interrupts: Interrupts,
    nursery: Nursery,
    /// It has ended without being asked.
    nursery_is_gone: bool,
    is_announced: bool,
    /// Former ones that have not ended yet.
    retired: Vec<Child>,
    connections: BTreeMap<u64, Connection>,
    queue: VecDeque<Waiting>,
    workers: BTreeMap<u64, Worker>,
    next: u64,
    /// The channel took no more.
    is_full: bool,
    /// Where bytes arrive.
    block: Vec<u8>,
    /// How many connections there were since memory was given back.
    most: usize,
}

/// A request in the queue.
#[derive(Debug)]
struct Waiting {
    connection: u64,
    entry: Entry,
    asked: Box<Asked>,
    content: Spool,
}

/// A request that is being answered.
#[derive(Debug)]
struct Worker {
    report: Report,
    /// Until its response has ended.
    connection: Option<u64>,
    entry: Entry,
    group: Option<Pid>,
}

impl EventLoop {
    /// A loop around sockets that listen and a process that has Python.
    #[must_use]
    pub fn new(
        settings: Settings,
        listeners: Vec<Listener>,
        nursery: Nursery,
        interrupts: Interrupts,
    ) -> Self {
        Self {
            settings,
            listeners,
            interrupts,
            nursery,
            nursery_is_gone: false,
            is_announced: false,
            retired: Vec::new(),
            connections: BTreeMap::new(),
            queue: VecDeque::new(),
            workers: BTreeMap::new(),
            next: 0,
            is_full: false,
            block: vec![0; BLOCK],
            most: 0,
        }
    }

    /// Serves until it is interrupted.
    pub fn run(mut self) -> io::Result<Ended> {
        loop {
            for (source, ready) in self.wait()? {
                self.on_ready(source, ready);
            }
            self.on_time();
            self.dispatch();
            self.give_back();
            self.retired
                .retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_)) | Err(_)));
            if self.nursery_is_gone && !self.is_announced {
                return Ok(Ended::NeverStarted);
            }
            match self.interrupts.count() {
                0 => {}
                1 => {
                    self.wind_down();
                    if self.is_done() {
                        return Ok(Ended::Done);
                    }
                }
                _ => {
                    self.stop_workers();
                    return Ok(Ended::Interrupted);
                }
            }
        }
    }

    fn on_ready(&mut self, source: Source, ready: PollFlags) {
        match source {
            Source::Interrupts => self.interrupts.take(),
            Source::Nursery => {
                if ready.contains(PollFlags::OUT) {
                    self.is_full = false;
                }
                self.nursery_is_gone = !self.nursery.listen();
                if self.nursery.is_ready() && !std::mem::replace(&mut self.is_announced, true) {
                    _ = writeln!(io::stdout(), "{}", self.settings.banner);
                }
            }
            Source::Listener(index) => self.accept(index),
            Source::Connection(id) => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    let progress = connection.receive(&mut self.block);
                    self.on_progress(id, progress);
                }
            }
            Source::Worker(id) => self.on_report(id),
        }
    }

    /// What many clients sent at a time is not kept for the next many.
    fn give_back(&mut self) {
        self.most = self.most.max(self.connections.len());
        if self.most >= MANY && self.connections.len() <= self.most / 2 {
            self.most = self.connections.len();
            memory::give_back();
        }
    }

    fn new_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
