//! How much of anything a client may send. Memory held for one connection is bounded by the head
//! and one feed, whatever arrives.

/// The limits of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request line; RFC 9112, section 3 recommends at least 8000. Over it: 414.
    pub request_line: usize,
    /// Bytes of the whole head, line ends included. Over it: 431.
    pub head: usize,
    /// Field lines in a head, or in the trailer section of a body. Over it: 431.
    pub fields: usize,
    /// Bytes of content, decoded. Over it: 413, before the first byte too many is read.
    pub body: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 8 * 1024,
            head: 64 * 1024,
            // As many as Apache takes by default.
            fields: 100,
            body: 1024 * 1024 * 1024,
        }
    }
}

/// The longest method: registered ones have up to 17 letters. Over it: 501 (RFC 9112, section 3).
pub(super) const METHOD: usize = 32;

/// RFC 9112, section 2.2: at least one empty line before the request line is ignored. Old clients
/// send one after a form; two are no client's habit.
pub(super) const EMPTY_LINES: usize = 1;

/// The longest line of a chunk's size and extensions.
pub(super) const CHUNK_LINE: usize = 1024;

/// The extensions of all chunks of one body (RFC 9112, section 7.1.1: a server ought to limit
/// their total length).
pub(super) const CHUNK_EXTENSIONS: usize = 16 * 1024;

/// The trailer section of one body.
pub(super) const TRAILERS: usize = 8 * 1024;
