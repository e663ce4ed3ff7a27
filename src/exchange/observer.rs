//! Events of an exchange, reported to an observer as they happen. A CGI request has no observer,
//! and pays one comparison for each event.

use std::fmt;

/// One step of an exchange as PEP 3333 sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The interpreter is ready.
    InterpreterStarted,
    /// The application was found and loaded.
    ApplicationLoaded,
    /// The environ has so many entries.
    EnvironMade(usize),
    /// The application is called.
    Called,
    /// The application returned an object of this type.
    Returned(&'a str),
    /// `start_response` was called.
    StartResponse {
        /// The status, completed.
        status: &'a [u8],
        /// How many headers.
        headers: usize,
        /// Whether `exc_info` replaced an earlier head.
        replaced: bool,
    },
    /// The iterable yielded a block of so many bytes.
    Block(usize),
    /// `write` was called with so many bytes.
    Write(usize),
    /// The application returned a file, which is sent from this position.
    File(u64),
    /// This method of `wsgi.input` returned so many bytes.
    Read(&'a str, usize),
    /// The head left for the client, with so many bytes of content.
    HeadSent(usize),
    /// So many bytes of content left for the client.
    Sent(u64),
    /// The response has ended for the client.
    Ended,
    /// The iterable's `close()` was called; false when it has none.
    Closed(bool),
    /// The exchange failed, in one line.
    Failed(&'a str),
    /// The client has disconnected before the end.
    ClientGone,
    /// The interpreter has ended.
    InterpreterEnded,
}

/// Receives the events of an exchange.
pub trait Observer: Send + Sync + fmt::Debug {
    /// Called for each event: for what the application does, before it takes effect; for what the
    /// client gets, after it was sent.
    fn observe(&self, event: Event<'_>);
}
