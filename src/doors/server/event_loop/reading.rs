//! Connections, from their beginning to a complete request.

use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::{Connection, Entry, EventLoop, Progress, Protocol, Relay, Waiting};
use crate::server::Peer;
use process::{limits, report};

/// How many refused machines are remembered.
const REFUSED_MACHINES: usize = 1000;

/// How many connections are accepted in a row.
const ACCEPTS: usize = 64;

/// How long to wait before accepting again, after the system could not open a connection.
const PAUSE: Duration = Duration::from_millis(100);

impl EventLoop {
    /// Accepts some of the waiting connections. Returns false when none is left, or none can be accepted now.
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
                    report::log(&format!(
                        "a connection to {} cannot be accepted: {error}{}",
                        self.listeners[index],
                        remedy(&error)
                    ));
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

    /// Whether connections are accepted. With SCGI, connections beyond the limit wait: no
    /// connection of a web server is closed to make room.
    pub(super) fn takes_more(&self) -> bool {
        self.accept_again.is_none()
            && (matches!(self.settings.protocol, Protocol::Http(_)) || !self.is_full_up())
    }

    /// SCGI has no authentication: of other machines only those that `--allow` names may connect.
    fn is_allowed(&mut self, peer: &Peer) -> bool {
        let Some(ip) = peer.ip().filter(|ip| !ip.to_canonical().is_loopback()) else {
            return true;
        };
        let allowed = &self.settings.allowed;
        if allowed.is_empty() || allowed.iter().any(|network| network.has(ip)) {
            return true;
        }
        if self.refused_machines.len() < REFUSED_MACHINES && self.refused_machines.insert(ip) {
            report::log(&format!(
                "connections from {ip} are closed: --allow does not name it"
            ));
        }
        false
    }

    /// Closes the connection with the earliest deadline, so that a client that holds many open
    /// blocks no others.
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
                    let (status, reason) = (Some(refused.status), Some(&*refused.reason));
                    self.settings
                        .log
                        .write(&entry, status, refused.sent, reason);
                }
            }
            Progress::Request(asked, _) if asked.asks_health => self.answer_health(id, &asked.meta),
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
                let progress = connection.on_deadline();
                self.on_progress(id, progress);
            }
        }
    }
}

/// What to do where the system has no descriptor for a connection.
fn remedy(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => format!(
            ": raise the limit of {} open files (ulimit -Hn)",
            limits::open_files()
        ),
        _ => String::new(),
    }
}
