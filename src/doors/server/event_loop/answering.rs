//! Requests, from the queue to the end of their responses.

use std::io;

use super::Entry;
use super::{EventLoop, Handover, Nursery, Report, Spool, Waiting, Worker};
use exchange::error_page;
use process::report;

impl EventLoop {
    /// Hands over what there is room for.
    pub(super) fn dispatch(&mut self) {
        while self.workers.len() < self.settings.jobs && !self.is_full {
            let Some(waiting) = self.queue.pop_front() else {
                return;
            };
            if (self.nursery_is_gone || !self.nursery.is_fresh())
                && let Err(error) = self.renew_nursery()
            {
                report::log(&format!("Python cannot be started: {error}"));
            }
            self.hand_over(waiting);
        }
    }

    fn renew_nursery(&mut self) -> io::Result<()> {
        let nursery = Nursery::start(&self.settings.nursery)?;
        let former = std::mem::replace(&mut self.nursery, nursery);
        self.retired.push(former.retire());
        self.nursery_is_gone = false;
        Ok(())
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
        let handed_over = Report::pipe().and_then(|(report, workers_end)| {
            let request = Handover {
                meta: asked.meta.clone(),
                form: if self.listeners.is_empty() {
                    asked.form.closing()
                } else {
                    asked.form
                },
                is_local: asked.is_local,
                length,
                socket: connection.socket.try_clone()?,
                content: content.into_descriptor()?,
                report: workers_end,
            };
            match self.nursery.hand_over(&request) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Err(request)),
                handed_over => handed_over.map(|()| Ok(report)),
            }
        });
        match handed_over {
            Ok(Ok(report)) => {
                let worker = Worker {
                    report,
                    connection: Some(id),
                    entry,
                    group: self.nursery.group(),
                };
                let key = self.new_id();
                self.workers.insert(key, worker);
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
                report::log(&format!("the request cannot be handed over: {error}"));
                self.fail(id, &entry, "no worker could be started");
            }
        }
    }

    /// A worker has said something, or has gone.
    pub(super) fn on_report(&mut self, id: u64) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        let is_there = worker.report.read();
        let outcome = worker.report.outcome;
        let has_ended = outcome.sent.is_some() || !is_there;
        if let Some(connection) = worker.connection.take_if(|_| has_ended) {
            let entry = worker.entry.clone();
            if outcome.status.is_none() {
                self.fail(connection, &entry, "the worker ended without an answer");
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

    /// What becomes of a connection: the next request, a proper end, or none.
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

    /// The request gets a whole answer, though nobody was there to give one.
    fn fail(&mut self, id: u64, entry: &Entry, why: &str) {
        let error = report::error_id();
        report::log(&format!("error {error}: {why}"));
        let (head, page) = error_page(500, &error);
        let length = page.len() as u64;
        self.settings.log.write(entry, Some(500), length, Some(why));
        if let Some(connection) = self.connections.get_mut(&id) {
            let response = connection.form().whole(entry.method(), &head, &page);
            connection.last_words(&response);
        }
    }
}
