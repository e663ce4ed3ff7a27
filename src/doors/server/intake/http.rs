//! The requests of one HTTP connection, one after the other.

use std::time::SystemTime;

use super::{Step, log_no_room};
use crate::http::{
    CONTINUE, Event, Limits, Refusal, RequestHead, RequestLine, RequestReader, Version,
};
use crate::server::{Asked, Form, Line, Peer, Refused, Spool};

/// Collects the requests of a connection that stays open between them.
#[derive(Debug)]
pub struct HttpIntake {
    reader: RequestReader,
    peer: Peer,
    content: Option<Content>,
}

#[derive(Debug)]
struct Content {
    head: Box<RequestHead>,
    spool: Spool,
    /// The client waits to be told to go on.
    expects_continue: bool,
}

impl HttpIntake {
    /// At the start of a connection.
    #[must_use]
    pub fn new(limits: Limits, peer: Peer) -> Self {
        Self {
            reader: RequestReader::new(limits),
            peer,
            content: None,
        }
    }

    /// Takes what has arrived; an empty slice is the end of the input.
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

    /// The request did not arrive in time.
    #[must_use]
    pub fn timed_out(&self) -> Refused {
        self.refused(Refusal::TIMEOUT)
    }

    /// The protocol of an error page.
    #[must_use]
    pub fn form(&self) -> Form {
        Form::Http {
            version: Version::Http11,
            keep_alive: false,
        }
    }

    fn refused(&self, refusal: Refusal) -> Refused {
        let asked = self.reader.asked();
        Refused {
            response: refusal.response(asked, SystemTime::now()),
            status: refusal.status(),
            sent: refusal.sent(asked),
            reason: refusal.reason(),
            line: asked.map(|line| line_of(line, None)),
        }
    }

    fn asked(&self, head: &RequestHead, length: u64) -> Asked {
        Asked {
            meta: self.peer.meta(head, length),
            form: Form::Http {
                version: head.line.version,
                keep_alive: head.keep_alive,
            },
            is_local: self.peer.is_person_here(head),
            asks_health: false,
            line: line_of(&head.line, Some(head)),
        }
    }

    /// Goes on with what was fed.
    pub fn step(&mut self) -> Step {
        loop {
            match self.reader.next_event() {
                Event::NeedMore => {
                    let content = self.content.as_mut();
                    let expects = content.is_some_and(|c| std::mem::take(&mut c.expects_continue));
                    // RFC 9110, section 10.1.1: once the head is accepted, nothing is left to decide.
                    let say = if expects { CONTINUE } else { b"" };
                    return Step::NeedMore { say };
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
                            log_no_room(Some(&line_of(&content.head.line, None)), &error);
                            return Step::Refused(self.refused(Refusal::NO_ROOM));
                        }
                    }
                }
                Event::End => {
                    if let Some(Content { head, spool, .. }) = self.content.take() {
                        let asked = self.asked(&head, spool.length());
                        return Step::Request(Box::new(asked), spool);
                    }
                }
                Event::Refused(refusal) => return Step::Refused(self.refused(refusal)),
                Event::Closed => return Step::Closed,
            }
        }
    }
}

fn line_of(asked: &RequestLine, head: Option<&RequestHead>) -> Line {
    let field = |name| {
        let value = head.and_then(|head| head.fields.all(name).next());
        value.unwrap_or_default().to_vec()
    };
    Line {
        method: asked.method.clone(),
        target: asked.target.request_uri(),
        protocol: asked.version.name(),
        referer: field("referer"),
        agent: field("user-agent"),
        client: None,
    }
}
