//! The listening side of `serve`: sockets, connections, the queue, and the worker's side of one
//! connection. Requests are read to their end here and handed over one by one to a process that
//! has Python; nothing here has.
//!
//! `listener` (where) → `connection` (reading, by an `intake`) → `event_loop` (who is next) → `channel`
//! (handing over) → a worker's `writer` (the response) → `outcome` (how it went) → `access_log`.
//!
//! What a protocol is made of is in `intake` (one reader) and `form` (one writer); between them a request is
//! `asked`, and nothing knows which protocol it came by.

mod access_log;
mod asked;
mod channel;
mod conditions;
mod connection;
mod event_loop;
mod form;
mod freshness;
mod intake;
mod listener;
mod nursery;
mod outcome;
mod peer;
mod person;
mod spool;
mod static_files;
mod writer;

pub use access_log::{AccessLog, Entry};
pub use asked::{Asked, Line, Refused};
pub use channel::{Channel, Handover};
pub use conditions::{Selected, Validators};
pub use connection::{Connection, Progress};
pub use event_loop::{Ended, EventLoop, Settings};
pub use form::Form;
pub use intake::{Intake, Step};
pub use listener::Listener;
pub use nursery::Nursery;
pub use peer::Peer;
pub use spool::Spool;
pub use static_files::{StaticFile, StaticFolder};
pub use writer::HttpWriter;
