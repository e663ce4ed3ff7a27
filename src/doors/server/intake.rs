//! The requests of one connection, each collected to its end, head and content; no socket.

use super::Spool;
use crate::http::{Event, Limits, Refusal, RequestHead, RequestLine, RequestReader};
use process::report;

/// Collects requests.
#[derive(Debug)]
pub struct Intake {
    reader: RequestReader,
    content: Option<Content>,
}

#[derive(Debug)]
struct Content {
    head: Box<RequestHead>,
    spool: Spool,
    /// The client waits to be told to go on.
    expects_continue: bool,
}

/// How far the next request is.
#[derive(Debug)]
pub enum Step {
    /// More is needed.
    NeedMore {
        /// The client has to be told to go on first (RFC 9110, section 10.1.1): once the head is
        /// accepted, nothing is left to decide.
        go_on: bool,
    },
    /// It is complete.
    Request(Box<RequestHead>, Spool),
    /// It cannot be answered otherwise, and the connection has to end.
    Refused(Refusal),
    /// There is none.
    Closed,
}

impl Intake {
    /// At the start of a connection.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            reader: RequestReader::new(limits),
            content: None,
        }
    }

    /// Takes what has arrived; nothing means that nothing more will.
    pub fn feed(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.reader.end_of_input();
        } else {
            self.reader.feed(bytes);
        }
    }

    /// Whether a request's head is complete, and its content is not.
    #[must_use]
    pub fn is_in_content(&self) -> bool {
        self.content.is_some()
    }

    /// Whether no request has begun.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.content.is_none() && self.reader.is_idle()
    }

    /// What the request asks for that is collected, or was refused.
    #[must_use]
    pub fn asked(&self) -> Option<&RequestLine> {
        self.reader.asked()
    }

    /// Goes on with what was fed.
    pub fn step(&mut self) -> Step {
        loop {
            match self.reader.next_event() {
                Event::NeedMore => {
                    let content = self.content.as_mut();
                    let go_on = content.is_some_and(|c| std::mem::take(&mut c.expects_continue));
                    return Step::NeedMore { go_on };
                }
                Event::Head(head) => {
                    self.content = Some(Content {
                        expects_continue: head.expects_continue,
                        head,
                        spool: Spool::default(),
                    });
                }
                Event::Body(piece) => {
                    if let Some(content) = &mut self.content {
                        content.expects_continue = false;
                        if let Err(error) = content.spool.add(piece) {
                            report::log(&format!("the content cannot be kept: {error}"));
                            return Step::Refused(Refusal::NO_ROOM);
                        }
                    }
                }
                Event::End => {
                    if let Some(Content { head, spool, .. }) = self.content.take() {
                        return Step::Request(head, spool);
                    }
                }
                Event::Refused(refusal) => return Step::Refused(refusal),
                Event::Closed => return Step::Closed,
            }
        }
    }
}
