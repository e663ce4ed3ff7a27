//! Requests, from the queue to the end of their responses.

use std::io;

use rustix::process::Pid;

use super::Entry;
use super::{EventLoop, Form, Handover, Relay, Report, Spool, Waiting, Word, Worker, Workers};
use exchange::error_page;
use process::{log_subject, report};

const NO_ANSWER: &str =
    "the process for this request ended without an answer: an earlier entry of the log may say why";

impl EventLoop {
    /// Starts workers for queued requests, up to the limit.
    pub(super) fn dispatch(&mut self) {
        while self.workers.len() < self.settings.jobs && !self.is_full {
            let Some(waiting) = self.queue.pop_front() else {
                return;
            };
            match &self.source {
                Workers::Started(_) => self.start(waiting),
                Workers::Forked { .. } => {
                    self.keep_fresh();
                    self.hand_over(waiting);
                }
            }
        }
    }

    /// Starts a process for a request.
    fn start(&mut self, waiting: Waiting) {
        let Workers::Started(processes) = &self.source else {
            return;
        };
        let id = waiting.connection;
        if !self.connections.contains_key(&id) {
            return;
        }
        let entry = waiting.entry;
        let started = Relay::to_process(entry.clone()).and_then(|(relay, output)| {
            let content = waiting.content.into_descriptor()?;
            let child = processes.start(waiting.asked.meta, content, output)?;
            Ok((relay, child))
        });
        match started {
            Ok((relay, child)) => {
                let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                let worker = Worker {
                    word: Word::Process(child),
                    is_relayed: true,
                    connection: Some(id),
                    entry,
                    group,
                };
                let key = self.new_id();
                self.workers.insert(key, worker);
                self.relays.insert(id, relay);
            }
            Err(error) => {
                let why = format!("cannot start a process for this request: {error}");
                self.fail(id, &entry, &why);
            }
        }
    }

    fn hand_over(&mut self, waiting: Waiting) {
        let Some(connection) = self.connections.get(&waiting.connection) else {
            return;
        };
        let Waiting {
            connection: id,
            entry,
            asked,
            content,
        } = waiting;
        let length = content.length();
        let Workers::Forked { nursery, .. } = &self.source else {
            return;
        };
        let handed_over = Report::pair().and_then(|(report, workers_end)| {
            let (relay, socket) = match asked.form {
                Form::Http { .. } => (None, connection.socket.try_clone()?),
                Form::Cgi => {
                    let (relay, output) = Relay::to_worker(entry.clone())?;
                    (Some(relay), output)
                }
            };
            let request = Handover {
                meta: asked.meta.clone(),
                form: if self.listeners.is_empty() {
                    asked.form.closing()
                } else {
                    asked.form
                },
                is_local: asked.is_local,
                opens_log: nursery.has_old_log(),
                length,
                socket,
                content: content.into_descriptor()?,
                report: workers_end,
            };
            match nursery.hand_over(&request) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Err(request)),
                handed_over => handed_over.map(|()| Ok((report, relay))),
            }
        });
        match handed_over {
            Ok(Ok((report, relay))) => {
                let worker = Worker {
                    word: Word::Report(report),
                    is_relayed: relay.is_some(),
                    connection: Some(id),
                    entry,
                    group: nursery.group(),
                };
                let key = self.new_id();
                self.workers.insert(key, worker);
                if let Some(relay) = relay {
                    self.relays.insert(id, relay);
                }
            }
            Ok(Err(request)) => {
                self.is_full = true;
                let content = Spool::from_descriptor(request.content, length);
                self.queue.push_front(Waiting {
                    connection: id,
                    entry,
                    asked,
                    content,
                });
            }
            Err(error) => {
                let why = format!("cannot pass this request to a worker process: {error}");
                self.fail(id, &entry, &why);
            }
        }
    }

    /// A worker has reported something, or has ended.
    pub(super) fn on_report(&mut self, id: u64) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        let Word::Report(report) = &mut worker.word else {
            return;
        };
        let is_there = report.read();
        let outcome = report.outcome;
        let has_ended = outcome.sent.is_some() || !is_there;
        if let Some(connection) = worker.connection.take_if(|_| has_ended) {
            let entry = worker.entry.clone();
            if worker.is_relayed {
                self.worker_has_ended(connection, outcome.is_whole, NO_ANSWER);
            } else if outcome.status.is_none() {
                self.fail(connection, &entry, NO_ANSWER);
            } else {
                let remark = outcome.sent.is_none().then_some("cut short");
                let sent = outcome.sent.unwrap_or(0);
                self.settings
                    .log
                    .write(&entry, outcome.status, sent, remark);
                self.after_response(connection, outcome.goes_on, outcome.sent.is_some());
            }
        }
        if !is_there {
            self.workers.remove(&id);
        }
    }

    /// After a response: reads the next request, ends the connection properly, or closes it.
    fn after_response(&mut self, id: u64, goes_on: bool, is_whole: bool) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if goes_on && !self.listeners.is_empty() {
            let progress = connection.resume(&mut self.block);
            self.on_progress(id, progress);
        } else if is_whole {
            connection.hang_up();
        } else {
            self.connections.remove(&id);
        }
    }

    /// Answers a request with an error page where no worker did.
    pub(super) fn fail(&mut self, id: u64, entry: &Entry, why: &str) {
        let error = report::error_id();
        let request = format!("{}{}", log_subject::prefix(), entry.request());
        report::log_failure(&error, &request, why);
        let (head, page) = error_page(500, &error);
        let length = page.len() as u64;
        self.settings.log.write(entry, Some(500), length, Some(why));
        if let Some(connection) = self.connections.get_mut(&id) {
            let response = connection.form().whole(entry.method(), &head, &page);
            connection.end_with(&response);
        }
    }
}
