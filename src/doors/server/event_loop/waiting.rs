//! Waiting for whatever is ready first.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Connection, EventLoop};

/// What is ready.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Interrupts,
    Nursery,
    Listener(usize),
    Connection(u64),
    Worker(u64),
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
        if !self.nursery_is_gone {
            let mut flags = PollFlags::IN;
            flags.set(PollFlags::OUT, self.is_full);
            watched.add(Source::Nursery, self.nursery.as_fd(), flags);
        }
        for (index, listener) in self.listeners.iter().enumerate() {
            watched.add(Source::Listener(index), listener.as_fd(), PollFlags::IN);
        }
        for (&id, connection) in &self.connections {
            if connection.is_reading() {
                watched.add(Source::Connection(id), connection.as_fd(), PollFlags::IN);
            }
        }
        for (&id, worker) in &self.workers {
            let descriptor = worker.report.descriptor().as_fd();
            watched.add(Source::Worker(id), descriptor, PollFlags::IN);
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
        let first = self
            .connections
            .values()
            .filter_map(Connection::deadline)
            .min()?;
        let left = first.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        Timespec::try_from(left).ok()
    }
}
