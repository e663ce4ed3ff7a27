//! The listening side of `serve`: sockets, connections, the queue, and the worker's side of one
//! connection. Requests are read to their end here and handed over one by one to a process that
//! has Python; nothing here has.
//!
//! `listener` (where) → `connection` (reading, by an `intake`) → `event_loop` (who is next) → `channel`
//! (handing over) → a worker's `writer` (the response) → `outcome` (how it went) → `access_log`.
//!
//! What a protocol is made of is in `intake` (one reader) and `form` (one writer); between them a request is
//! `asked`, and nothing knows which protocol it came by. A web server's requests may go to `processes` of
//! their own too; what is answered to a web server passes through a `relay`.

mod access_log;
mod asked;
mod channel;
mod conditions;
mod connection;
mod event_loop;
mod form;
mod framing;
mod freshness;
mod held;
mod intake;
mod listener;
mod nursery;
mod outcome;
mod output_head;
mod peer;
mod person;
mod processes;
mod relay;
mod spool;
mod static_files;
mod writer;

pub use access_log::{AccessLog, Entry};
pub use asked::{Asked, Line, Refused};
pub use channel::{Channel, Handover};
pub use conditions::{Selected, Validators};
pub use connection::{Connection, Progress};
pub use event_loop::{Ended, EventLoop, Settings, Workers};
pub use form::Form;
pub use intake::{HttpIntake, Protocol, Step, Terms};
pub use listener::{Access, Listener};
pub use nursery::Nursery;
pub use peer::Peer;
pub use processes::Processes;
pub use spool::Spool;
pub use static_files::{StaticFile, StaticFolder};
pub use writer::SocketWriter;
