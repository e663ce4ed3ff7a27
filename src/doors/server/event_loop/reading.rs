//! Connections, from their beginning to a complete request.

use std::time::{Duration, Instant};

use super::{Connection, Entry, EventLoop, Progress, Protocol, Relay, Waiting};
use crate::server::Peer;
use process::report;

/// So many machines that are sent away are remembered.
const SENT_AWAY: usize = 1000;

/// How many connections are accepted in a row.
const ACCEPTS: usize = 64;

/// How long nothing is accepted after the system had no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

impl EventLoop {
    /// Accepts some of those that wait; false when none waits any more, or there is no room.
    pub(super) fn accept(&mut self, index: usize) -> bool {
        for _ in 0..ACCEPTS {
            if !self.takes_more() || self.is_full_up() && !self.make_room() {
                return false;
            }
            match self.listeners[index].accept() {
                Ok(Some((_, peer))) if !self.is_allowed(&peer) => {}
                Ok(Some((socket, peer))) => {
                    let mut connection = Connection::new(socket, peer, &self.settings.protocol);
                    let progress = connection.receive(&mut self.block);
                    let id = self.new_id();
                    self.connections.insert(id, connection);
                    self.on_progress(id, progress);
                }
                Ok(None) => return false,
                Err(error) => {
                    report::log(&format!("a connection cannot be accepted: {error}"));
                    self.accept_again = Some(Instant::now() + PAUSE);
                    return false;
                }
            }
        }
        true
    }

    fn is_full_up(&self) -> bool {
        self.connections.len() >= self.settings.connections
    }

    /// Whether connections are accepted. A web server's are not closed in favour of others: those wait.
    pub(super) fn takes_more(&self) -> bool {
        self.accept_again.is_none()
            && (matches!(self.settings.protocol, Protocol::Http(_)) || !self.is_full_up())
    }

    /// SCGI has no log-in: from another machine only those that were named are let in.
    fn is_allowed(&mut self, peer: &Peer) -> bool {
        let Some(ip) = peer.ip().filter(|ip| !ip.to_canonical().is_loopback()) else {
            return true;
        };
        let allowed = &self.settings.allowed;
        if allowed.is_empty() || allowed.iter().any(|network| network.has(ip)) {
            return true;
        }
        if self.sent_away.len() < SENT_AWAY && self.sent_away.insert(ip) {
            report::log(&format!(
                "connections from {ip} are closed: --allow does not name it"
            ));
        }
        false
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
            Progress::Request(asked, _) if asked.asks_health => self.tell_health(id, &asked.meta),
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
        self.accept_again = self.accept_again.filter(|&at| at > now);
        let is_over = |connection: &Connection| connection.deadline().is_some_and(|at| at <= now);
        let over: Vec<u64> = self
            .connections
            .iter()
            .filter(|(_, connection)| is_over(connection))
            .map(|(&id, _)| id)
            .collect();
        let late = |relay: &Relay| relay.deadline().is_some_and(|at| at <= now);
        let relays = self.relays.iter().filter(|(_, relay)| late(relay));
        let stalled: Vec<u64> = relays.map(|(&id, _)| id).collect();
        for id in stalled {
            self.give_up(id, "the web server has stopped reading the response");
        }
        for id in over {
            if let Some(connection) = self.connections.get_mut(&id) {
                let progress = connection.time_is_over();
                self.on_progress(id, progress);
            }
        }
    }
}
