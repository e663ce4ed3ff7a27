//! The listening process: it waits for all sockets at once, and never for a single client. At most
//! `--jobs` requests are answered at once, the rest wait in the queue.

mod answering;
mod ending;
mod passing;
mod reading;
mod renewing;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Instant, SystemTime};

use rustix::event::PollFlags;
use rustix::process::Pid;

use super::outcome::Report;
use super::relay::Relay;
use super::{
    AccessLog, Asked, Connection, Entry, Form, Handover, Listener, Nursery, Processes, Progress,
    Protocol, Spool,
};
use process::interrupts::Interrupts;
use process::{memory, notify, report};
use settings::cli::Network;

use waiting::Source;

/// What one read takes.
const BLOCK: usize = 64 * 1024;

/// From so many connections on, memory is given back when half of them are gone.
const MANY: usize = 64;

/// What is decided before the first connection.
#[derive(Debug)]
pub struct Settings {
    /// What is spoken, and what may be sent.
    pub protocol: Protocol,
    /// The machines that may connect; all, if none is named.
    pub allowed: Vec<Network>,
    /// How many requests are answered at once.
    pub jobs: usize,
    /// How many connections there may be.
    pub connections: usize,
    /// The access log.
    pub log: AccessLog,
    /// The error log, if it is not standard error.
    pub error_log: Option<PathBuf>,
    /// What is printed once requests can be answered.
    pub banner: String,
}

/// Who answers.
#[derive(Debug)]
pub enum Workers {
    /// Those that a process with Python forks.
    Forked {
        /// That process.
        nursery: Nursery,
        /// The arguments with which this program starts a new nursery.
        arguments: Vec<OsString>,
    },
    /// A process for each request.
    Started(Processes),
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Running requests were finished.
    Done,
    /// The process with Python ended before it was ready.
    NeverStarted,
    /// Running requests were stopped.
    Interrupted,
    /// The same, by SIGTERM.
    Terminated,
}

/// Everything that is going on.
#[derive(Debug)]
pub struct EventLoop {
    settings: Settings,
    listeners: Vec<Listener>,
    interrupts: Interrupts,
    source: Workers,
    /// The process with Python has ended unexpectedly.
    nursery_is_gone: bool,
    is_announced: bool,
    /// When the files of the loaded application were last checked.
    looked: Option<Instant>,
    /// When the process with Python was last replaced because it had ended.
    replaced: Option<Instant>,
    /// A process with Python that is reloading the application, while the nursery still answers.
    successor: Option<Nursery>,
    /// When the last reload was started, unless it succeeded.
    tried: Option<SystemTime>,
    /// Former ones that have not ended yet.
    retired: Vec<Nursery>,
    connections: BTreeMap<u64, Connection>,
    queue: VecDeque<Waiting>,
    workers: BTreeMap<u64, Worker>,
    /// The responses that are passed on, by connection.
    relays: BTreeMap<u64, Relay>,
    /// Machines whose connections were refused; the log names each once.
    refused_machines: BTreeSet<IpAddr>,
    next: u64,
    /// The channel to the nursery is full.
    is_full: bool,
    /// When to accept connections again, after the system could not open one.
    accept_again: Option<Instant>,
    /// The buffer for reading.
    block: Vec<u8>,
    /// The most connections since memory was last given back.
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
    word: Word,
    /// Whether its response passes through a relay.
    is_relayed: bool,
    /// The connection, until the response has ended.
    connection: Option<u64>,
    entry: Entry,
    group: Option<Pid>,
}

/// How the end of a worker is noticed.
#[derive(Debug)]
enum Word {
    /// It reports its end on a pipe.
    Report(Report),
    /// It is a child of this process.
    Process(Child),
}

impl EventLoop {
    /// A loop for these listening sockets and these workers.
    #[must_use]
    pub fn new(
        settings: Settings,
        listeners: Vec<Listener>,
        source: Workers,
        interrupts: Interrupts,
    ) -> Self {
        Self {
            settings,
            listeners,
            interrupts,
            source,
            nursery_is_gone: false,
            is_announced: false,
            looked: None,
            replaced: None,
            successor: None,
            tried: None,
            retired: Vec::new(),
            connections: BTreeMap::new(),
            queue: VecDeque::new(),
            workers: BTreeMap::new(),
            relays: BTreeMap::new(),
            refused_machines: BTreeSet::new(),
            next: 0,
            is_full: false,
            accept_again: None,
            block: vec![0; BLOCK],
            most: 0,
        }
    }

    /// Serves until it is interrupted.
    pub fn run(mut self) -> io::Result<Ended> {
        if matches!(self.source, Workers::Started(_)) {
            self.announce();
        }
        loop {
            for (source, ready) in self.wait()? {
                self.on_ready(source, ready);
            }
            self.on_time();
            self.dispatch();
            self.give_back();
            self.retired.retain_mut(|former| !former.has_ended());
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
                    return Ok(if self.interrupts.last_was_ctrl_c() {
                        Ended::Interrupted
                    } else {
                        Ended::Terminated
                    });
                }
            }
        }
    }

    fn on_ready(&mut self, source: Source, ready: PollFlags) {
        match source {
            Source::Interrupts => self.on_signals(),
            Source::Nursery => {
                if ready.contains(PollFlags::OUT) {
                    self.is_full = false;
                }
                if let Workers::Forked { nursery, .. } = &mut self.source {
                    self.nursery_is_gone = !nursery.listen();
                    if nursery.is_ready() {
                        self.announce();
                    }
                    if self.nursery_is_gone && self.is_announced {
                        self.replace_nursery();
                    }
                }
            }
            Source::Successor => self.on_successor(),
            Source::Listener(index) => _ = self.accept(index),
            Source::Connection(id) => match self.connections.get_mut(&id) {
                Some(connection) if connection.is_reading() => {
                    let progress = connection.receive(&mut self.block);
                    self.on_progress(id, progress);
                }
                Some(_) => self.on_peer(id, ready),
                None => {}
            },
            Source::Worker(id) => self.on_report(id),
            Source::Output(id) => self.pass_on(id),
        }
    }

    fn on_signals(&mut self) {
        self.interrupts.take();
        if self.interrupts.take_child() {
            self.on_child();
        }
        if self.interrupts.take_reload() {
            self.open_log_again();
            self.reload();
        }
    }

    /// Opens the error log again: log rotation has renamed the file.
    fn open_log_again(&mut self) {
        let Some(log) = &self.settings.error_log else {
            return;
        };
        report::errors_to(log);
        let current = match &mut self.source {
            Workers::Forked { nursery, .. } => Some(nursery),
            Workers::Started(_) => None,
        };
        // They may go on: the application may fail to load again.
        for nursery in current.into_iter().chain(&mut self.successor) {
            nursery.keeps_old_log();
        }
    }

    /// Reports, once, that requests can be answered.
    fn announce(&mut self) {
        if !std::mem::replace(&mut self.is_announced, true) {
            _ = writeln!(io::stdout(), "{}", self.settings.banner);
            notify::tell("READY=1");
        }
    }

    /// Gives memory back to the system after a peak of connections.
    fn give_back(&mut self) {
        self.most = self.most.max(self.connections.len());
        if self.most >= MANY && self.connections.len() <= self.most / 2 {
            self.most = self.connections.len();
            memory::trim_heap();
        }
    }

    fn new_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
