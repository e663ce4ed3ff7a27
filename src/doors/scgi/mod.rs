//! SCGI without a socket: bytes in, one request out (<https://python.ca/scgi/protocol.txt>). A connection
//! carries one request: a netstring with the meta-variables, then as much content as CONTENT_LENGTH says.
//!
//! [`Reader`] reads it, `head` makes meta-variables of the netstring and refuses what two parsers
//! could read as different requests. The owner of the connection reads, waits and writes.

mod head;
mod names;
mod reader;

pub(crate) use names::may_be_set;
pub use reader::{Event, Reader};
