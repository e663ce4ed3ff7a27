//! Waiting for whatever is ready first.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Connection, EventLoop, Form, Relay, Word, Workers};

/// What is ready.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Interrupts,
    Nursery,
    Successor,
    Listener(usize),
    Connection(u64),
    Worker(u64),
    /// What is written for that connection.
    Output(u64),
}

#[derive(Default)]
struct Watched<'a> {
    sources: Vec<Source>,
    polled: Vec<PollFd<'a>>,
}

impl<'a> Watched<'a> {
    fn add(&mut self, source: Source, descriptor: BorrowedFd<'a>, flags: PollFlags) {
        self.sources.push(source);
        self.polled
            .push(PollFd::from_borrowed_fd(descriptor, flags));
    }
}

impl EventLoop {
    /// Waits until something is ready.
    pub(super) fn wait(&self) -> io::Result<Vec<(Source, PollFlags)>> {
        let mut watched = Watched::default();
        watched.add(Source::Interrupts, self.interrupts.as_fd(), PollFlags::IN);
        if let Workers::Forked { nursery, .. } = &self.source
            && !self.nursery_is_gone
        {
            let mut flags = PollFlags::IN;
            flags.set(PollFlags::OUT, self.is_full);
            watched.add(Source::Nursery, nursery.as_fd(), flags);
        }
        if let Some(successor) = &self.successor {
            watched.add(Source::Successor, successor.as_fd(), PollFlags::IN);
        }
        if self.takes_more() {
            for (index, listener) in self.listeners.iter().enumerate() {
                watched.add(Source::Listener(index), listener.as_fd(), PollFlags::IN);
            }
        }
        for (&id, connection) in &self.connections {
            let source = Source::Connection(id);
            if connection.is_reading() {
                watched.add(source, connection.as_fd(), PollFlags::IN);
            } else if connection.form() == Form::Cgi {
                // That the peer has closed is reported with any flags.
                let mut flags = PollFlags::empty();
                let waits = self.relays.get(&id).is_some_and(Relay::waits_for_peer);
                flags.set(PollFlags::OUT, waits);
                watched.add(source, connection.as_fd(), flags);
            }
        }
        for (&id, worker) in &self.workers {
            if let Word::Report(report) = &worker.word {
                let descriptor = report.descriptor().as_fd();
                watched.add(Source::Worker(id), descriptor, PollFlags::IN);
            }
        }
        for (&id, relay) in &self.relays {
            if let Some(output) = relay.output() {
                watched.add(Source::Output(id), output, PollFlags::IN);
            }
        }
        match poll(&mut watched.polled, self.patience().as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = watched.polled.iter().map(PollFd::revents);
        let ready = watched.sources.iter().copied().zip(ready);
        Ok(ready.filter(|(_, ready)| !ready.is_empty()).collect())
    }

    /// How long until a deadline.
    fn patience(&self) -> Option<Timespec> {
        let reading = self.connections.values().filter_map(Connection::deadline);
        let writing = self.relays.values().filter_map(Relay::deadline);
        let first = reading.chain(writing).chain(self.accept_again).min()?;
        let left = first.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        Timespec::try_from(left).ok()
    }
}
