//! Connections, from their beginning to a complete request.

use std::time::Instant;

use super::{Connection, Entry, EventLoop, Progress, Waiting};
use process::report;

/// How many connections are accepted in a row.
const ACCEPTS: usize = 64;

impl EventLoop {
    pub(super) fn accept(&mut self, index: usize) {
        for _ in 0..ACCEPTS {
            if self.connections.len() >= self.settings.connections && !self.make_room() {
                return;
            }
            match self.listeners[index].accept() {
                Ok(Some((socket, peer))) => {
                    let mut connection = Connection::new(socket, peer, self.settings.limits);
                    let progress = connection.receive(&mut self.block);
                    let id = self.new_id();
                    self.connections.insert(id, connection);
                    self.on_progress(id, progress);
                }
                Ok(None) => return,
                Err(error) => {
                    report::log(&format!("a connection cannot be accepted: {error}"));
                    self.make_room();
                    return;
                }
            }
        }
    }

    /// Closes the connection whose time is over first: who holds many open does not keep others out.
    fn make_room(&mut self) -> bool {
        let deadlines = self.connections.iter();
        let first = deadlines
            .filter_map(|(&id, connection)| Some((connection.deadline()?, id)))
            .min();
        first.is_some_and(|(_, id)| self.connections.remove(&id).is_some())
    }

    pub(super) fn on_progress(&mut self, id: u64, progress: Progress) {
        match progress {
            Progress::Waiting => {}
            Progress::Closed => _ = self.connections.remove(&id),
            Progress::Refused(refused) => {
                if let Some(connection) = self.connections.get(&id) {
                    let entry = Entry::new(&connection.peer, refused.line);
                    let (status, reason) = (Some(refused.status), Some(refused.reason));
                    self.settings
                        .log
                        .write(&entry, status, refused.sent, reason);
                }
            }
            Progress::Request(asked, content) => {
                if let Some(connection) = self.connections.get(&id) {
                    self.queue.push_back(Waiting {
                        connection: id,
                        entry: Entry::new(&connection.peer, Some(asked.line.clone())),
                        asked,
                        content,
                    });
                }
            }
        }
    }

    pub(super) fn on_time(&mut self) {
        let now = Instant::now();
        let is_over = |connection: &Connection| connection.deadline().is_some_and(|at| at <= now);
        let over: Vec<u64> = self
            .connections
            .iter()
            .filter(|(_, connection)| is_over(connection))
            .map(|(&id, _)| id)
            .collect();
        for id in over {
            if let Some(connection) = self.connections.get_mut(&id) {
                let progress = connection.time_is_over();
                self.on_progress(id, progress);
            }
        }
    }
}
