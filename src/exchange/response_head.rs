//! The head of a response: one value, replaced as a whole. (One gateway kept the old
//! Content-Length after an `exc_info` replacement and cut its error page with it.)

use super::{Headers, Status};

/// Status and headers, before any transport's own fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status.
    pub status: Status,
    /// The headers in the application's order.
    pub headers: Headers,
}
