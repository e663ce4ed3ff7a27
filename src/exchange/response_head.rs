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

impl ResponseHead {
    /// Corrects Content-Length: none where there cannot be any content (RFC 9110, section 8.6), and
    /// 0 where there must be none but the client expects some (sections 15.3.5 and 15.3.6). For
    /// HEAD and 304 it is the length that a 200 to GET would have.
    pub(super) fn settle_length(&mut self) {
        match self.status.code() {
            204 => self.headers.set_content_length(None),
            205 => self.headers.set_content_length(Some(0)),
            _ => {}
        }
    }
}
