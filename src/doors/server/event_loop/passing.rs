//! Responses that are passed on to a web server, and the ends of the processes that made them.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::event::PollFlags;
use rustix::process::{Signal, kill_process_group};

use super::super::relay::Passing;
use super::{EventLoop, Word, Workers};
use exchange::{MetaVariables, plain_page};
use process::{report, signals};

impl EventLoop {
    /// The worker for that connection has ended: how, for the log.
    pub(super) fn worker_has_ended(&mut self, connection: u64, whole: bool, how: &str) {
        if let Some(relay) = self.relays.get_mut(&connection) {
            relay.worker_has_ended(whole, how);
            self.pass_on(connection);
        }
    }

    /// Processes have ended.
    pub(super) fn on_child(&mut self) {
        let mut ended = Vec::new();
        self.workers.retain(|_, worker| {
            let Word::Process(child) = &mut worker.word else {
                return true;
            };
            match child.try_wait() {
                Ok(None) => true,
                how => {
                    ended.extend(worker.connection.map(|id| (id, child.id(), how)));
                    false
                }
            }
        });
        for (connection, pid, how) in ended {
            let whole = matches!(&how, Ok(Some(status)) if status.success());
            self.worker_has_ended(connection, whole, &how_it_ended(pid, &how));
        }
    }

    /// A web server takes more, or has gone.
    pub(super) fn on_peer(&mut self, id: u64, ready: PollFlags) {
        if ready.intersects(PollFlags::HUP | PollFlags::ERR) {
            if self.relays.contains_key(&id) {
                self.give_up(id, "the web server has closed the connection");
            } else {
                // Its request is still in the queue and need not be answered.
                self.connections.remove(&id);
                let log = self.settings.log;
                self.queue.retain(|waiting| {
                    if waiting.connection == id {
                        log.write(
                            &waiting.entry,
                            None,
                            0,
                            Some("the web server has closed the connection"),
                        );
                    }
                    waiting.connection != id
                });
            }
        } else {
            self.pass_on(id);
        }
    }

    /// Takes what the worker has written, and sends what the web server takes.
    pub(super) fn pass_on(&mut self, id: u64) {
        let (Some(relay), Some(connection)) =
            (self.relays.get_mut(&id), self.connections.get_mut(&id))
        else {
            self.relays.remove(&id);
            return;
        };
        let passing = relay.advance(connection.peer_socket(), &mut self.block);
        match passing {
            Ok(Passing::On) => {}
            Ok(Passing::Whole) => self.conclude(id, None),
            Ok(Passing::Cut) => self.conclude(id, Some("cut short")),
            Ok(Passing::Gone) => self.give_up(id, "the web server has closed the connection"),
            Ok(Passing::Unanswered) => {
                if let Some(relay) = self.relays.remove(&id) {
                    self.fail(id, &relay.entry, relay.how_it_ended());
                }
            }
            Err(error) => {
                let why = format!("cannot send the response to the web server: {error}");
                if relay.status().is_some() {
                    report::log(&format!("{}: {why}", relay.entry.request()));
                    self.conclude(id, Some("cut short"));
                } else if let Some(relay) = self.relays.remove(&id) {
                    self.fail(id, &relay.entry, &why);
                }
            }
        }
    }

    /// The response has ended: properly, or, where something is missing, so that the web server sees it.
    fn conclude(&mut self, id: u64, remark: Option<&str>) {
        let Some(relay) = self.relays.remove(&id) else {
            return;
        };
        self.log_relay(&relay, remark);
        match self.connections.get_mut(&id) {
            Some(connection) if remark.is_none() => connection.hang_up(),
            // It has unread data, so that closing it resets it.
            _ => _ = self.connections.remove(&id),
        }
    }

    /// The web server does not take the response: its worker is told to stop.
    pub(super) fn give_up(&mut self, id: u64, why: &str) {
        self.connections.remove(&id);
        if let Some(relay) = self.relays.remove(&id) {
            self.log_relay(&relay, Some(why));
        }
        for worker in self
            .workers
            .values()
            .filter(|worker| worker.connection == Some(id))
        {
            match (&worker.word, worker.group) {
                (Word::Report(report), _) => report.tell_to_stop(),
                // A worker that has just ended need not be notified.
                (Word::Process(_), Some(group)) => {
                    _ = kill_process_group(group, Signal::TERM);
                }
                (Word::Process(_), None) => {}
            }
        }
    }

    fn log_relay(&self, relay: &super::Relay, remark: Option<&str>) {
        let log = &self.settings.log;
        log.write(&relay.entry, relay.status(), relay.content(), remark);
    }

    /// Answers a request for the health path.
    pub(super) fn answer_health(&mut self, id: u64, meta: &MetaVariables) {
        let is_ready = match &self.source {
            Workers::Started(_) => true,
            Workers::Forked { nursery, .. } => nursery.has_loaded() && !self.nursery_is_gone,
        };
        let (mut head, content) = if is_ready && !self.listeners.is_empty() {
            plain_page(200, "ready")
        } else {
            plain_page(503, "not ready")
        };
        head.headers
            .push(b"Cache-Control", b"no-store")
            .expect("a field written here is good");
        let method = meta.get("REQUEST_METHOD").unwrap_or_default();
        if let Some(connection) = self.connections.get_mut(&id) {
            let response = connection.form().whole(method, &head, &content);
            connection.end_with(&response);
        }
    }
}

/// How a process ended that should have answered.
fn how_it_ended(pid: u32, how: &io::Result<Option<ExitStatus>>) -> String {
    let process = format!("the process that should answer (PID {pid})");
    let status = match how {
        Ok(Some(status)) => status,
        Ok(None) => return format!("{process} has ended"),
        Err(error) => {
            return format!("{process} has ended, and its exit status is unknown: {error}");
        }
    };
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("{process} was killed by {}", signals::shown(signal)),
        (None, code) => format!(
            "{process} ended with exit status {} before it answered",
            code.unwrap_or_default()
        ),
    }
}
