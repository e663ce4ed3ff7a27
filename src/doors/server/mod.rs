//! The listening side of `serve`: sockets, connections, the queue, and the worker's side of one
//! connection. Requests are read to their end here and passed one by one to a process with Python;
//! nothing here uses Python.
//!
//! `listener` (where) → `connection` (reading, by an `intake`) → `event_loop` (who is next) → `channel`
//! (handing over) → a worker's `writer` (the response) → `outcome` (how it went) → `access_log`.
//!
//! A protocol has a reader in `intake` and a writer in `form`; between them a request is an
//! `asked`, and no code knows which protocol it came by. Requests of a web server may also go to
//! `processes` of their own; responses to a web server pass through a `relay`.

mod access_log;
mod asked;
mod channel;
mod conditions;
mod connection;
mod event_loop;
mod form;
mod framing;
mod freshness;
mod intake;
mod listener;
mod local_user;
mod nursery;
mod outcome;
mod output_buffer;
mod output_head;
mod peer;
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
