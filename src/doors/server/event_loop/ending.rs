//! Shutting down: first no new requests are accepted, then running ones are stopped.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal};

use super::super::nursery::stop_group;
use super::{Connection, EventLoop, Word};
use process::notify;

/// How long workers may take to stop when they are told to: they give themselves two seconds.
const GRACE: Duration = Duration::from_secs(3);

impl EventLoop {
    /// Accepts no new connections; running requests go on.
    pub(super) fn wind_down(&mut self) {
        if self.listeners.is_empty() {
            return;
        }
        // Clients that have connected already are still served. At an inherited socket they wait for the next
        // process that uses it.
        for index in 0..self.listeners.len() {
            while self.listeners[index].is_own() && self.accept(index) {}
        }
        self.listeners.clear();
        self.discard_successor();
        notify::tell("STOPPING=1");
        self.connections
            .retain(|_, connection| !connection.is_idle());
        // A worker whose response has ended needs no more time.
        let answering = self.workers.values().filter(|w| w.connection.is_some());
        let running = answering.count() + self.queue.len();
        if running > 0 {
            let notice = "press Ctrl-C again to end the requests that are still running";
            _ = writeln!(io::stdout(), "{notice} ({running}).");
        }
    }

    pub(super) fn is_done(&self) -> bool {
        let is_awaited = |connection: &Connection| !connection.is_idle();
        self.listeners.is_empty()
            && self.workers.is_empty()
            && self.queue.is_empty()
            && !self.connections.values().any(is_awaited)
    }

    /// Stops the workers, with SIGTERM first.
    pub(super) fn stop_workers(&mut self) {
        self.discard_successor();
        let mut groups: Vec<Pid> = self.workers.values().filter_map(|w| w.group).collect();
        groups.dedup();
        for &group in &groups {
            stop_group(group, Signal::TERM);
        }
        let end = Instant::now() + GRACE;
        while !self.workers.is_empty() && Instant::now() < end {
            let left = Timespec::try_from(end.saturating_duration_since(Instant::now())).ok();
            let workers = self.workers.iter();
            let (mut ids, mut polled): (Vec<u64>, Vec<PollFd<'_>>) = workers
                .filter_map(|(&id, worker)| match &worker.word {
                    Word::Report(report) => {
                        Some((id, PollFd::new(report.descriptor(), PollFlags::IN)))
                    }
                    Word::Process(_) => None,
                })
                .unzip();
            ids.push(0);
            polled.push(PollFd::new(&self.interrupts, PollFlags::IN));
            let waited = poll(&mut polled, left.as_ref());
            let ready: Vec<u64> = ids
                .into_iter()
                .zip(&polled)
                .filter(|(_, polled)| !polled.revents().is_empty())
                .map(|(id, _)| id)
                .collect();
            if waited.is_err_and(|error| error != Errno::INTR) {
                break;
            }
            self.interrupts.take();
            if self.interrupts.take_child() {
                self.on_child();
            }
            for id in ready {
                self.on_report(id);
            }
        }
        for group in groups {
            stop_group(group, Signal::KILL);
        }
    }
}
