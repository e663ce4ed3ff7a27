//! HTTP/1.1 without a socket (RFC 9110, RFC 9112): bytes in, events out; a response head in, bytes
//! out. The owner of the connection reads, waits and writes.
//!
//! [`RequestReader`] reads requests, refusing whatever two parsers could read differently;
//! [`meta_variables`] turns a head into what CGI knows; [`ResponseFraming`] decides how the answer
//! is delimited and whether the connection lives on.

mod authority;
mod chunked;
mod fields;
mod framing;
mod grammar;
mod head;
mod limits;
mod lines;
mod meta;
mod reader;
mod refusal;
mod request_line;
mod response;
mod target;

#[cfg(test)]
mod tests;

pub use chunked::{Chunk, ChunkedDecoder};
pub use fields::Fields;
pub use framing::BodyFraming;
pub use head::RequestHead;
pub use limits::Limits;
pub use meta::{Endpoints, meta_variables};
pub use reader::{Event, RequestReader};
pub use refusal::{Refusal, too_large};
pub use request_line::{RequestLine, Version};
pub use response::{CONTINUE, ResponseFraming};
pub use target::{Form, Target};
