//! Requests out of the bytes of one connection, one after the other: each head, its content, its
//! end. How the bytes were cut into pieces makes no difference to what comes out.

use std::ops::Range;

use super::chunked::{Chunk, ChunkedDecoder};
use super::lines::{LineScan, SectionScan};
use super::{BodyFraming, Fields, Limits, Refusal, RequestHead, RequestLine, limits};

/// Reads the requests of one connection.
#[derive(Debug)]
pub struct RequestReader {
    limits: Limits,
    input: Vec<u8>,
    /// How many bytes of the input were processed.
    taken: usize,
    input_ended: bool,
    keep_alive: bool,
    /// The request line of the request that is being read.
    asked: Option<RequestLine>,
    state: State,
}

#[derive(Debug)]
enum State {
    Line {
        scan: LineScan,
        /// Empty lines before the request line.
        empty: usize,
    },
    Fields {
        line: Box<RequestLine>,
        scan: SectionScan,
        /// What the request line leaves of the head's limit.
        limit: usize,
    },
    Content(u64),
    Chunked(ChunkedDecoder),
    Closed,
}

/// What comes next on a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Nothing until more is fed.
    NeedMore,
    /// A request begins.
    Head(Box<RequestHead>),
    /// Some of its content.
    Body(&'a [u8]),
    /// The request is complete. What follows is the next one, where the connection is kept alive.
    End,
    /// No request, or no more of this one: to be answered so, unless its response has begun, and
    /// the connection closed.
    Refused(Refusal),
    /// There will be no further request.
    Closed,
}

/// An event that borrows nothing yet.
enum Step {
    NeedMore,
    Head(Box<RequestHead>),
    Body(Range<usize>),
    End,
    Closed,
}

impl RequestReader {
    /// A reader at the start of a connection.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            input: Vec::new(),
            taken: 0,
            input_ended: false,
            keep_alive: true,
            asked: None,
            state: State::START,
        }
    }

    /// Takes bytes as they arrived. Fed after [`Event::NeedMore`] only, the reader holds no more
    /// than one head and one feed.
    pub fn feed(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Closed) {
            return;
        }
        self.input.drain(..self.taken);
        self.taken = 0;
        self.input.extend_from_slice(bytes);
    }

    /// Says that nothing more will arrive: the client has closed its side.
    pub fn end_of_input(&mut self) {
        self.input_ended = true;
    }

    /// Whether the next request has not begun: a client may be silent here for longer, and the
    /// connection may be closed without an answer.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Line { .. }) && self.taken == self.input.len()
    }

    /// The request line of the request that is being read or was refused, once it has arrived.
    #[must_use]
    pub fn asked(&self) -> Option<&RequestLine> {
        self.asked.as_ref()
    }

    /// The next event.
    pub fn next_event(&mut self) -> Event<'_> {
        match self.step() {
            Ok(Step::NeedMore) => {
                self.give_back();
                Event::NeedMore
            }
            Ok(Step::Head(head)) => Event::Head(head),
            Ok(Step::Body(range)) => Event::Body(&self.input[range]),
            Ok(Step::End) => Event::End,
            Ok(Step::Closed) => Event::Closed,
            Err(refusal) => {
                self.close();
                Event::Refused(refusal)
            }
        }
    }

    fn step(&mut self) -> Result<Step, Refusal> {
        loop {
            let input = &self.input[self.taken..];
            match &mut self.state {
                State::Line { scan, empty } => {
                    // RFC 9112, section 3: 414 for a target longer than is parsed.
                    const TOO_LONG: Refusal = Refusal::new(414, "the request line is too long");
                    let Some(length) = scan.find(input, self.limits.request_line, TOO_LONG)? else {
                        return self.starved();
                    };
                    let line = &input[..length];
                    if line.is_empty() && *empty < limits::EMPTY_LINES {
                        *empty += 1;
                    } else {
                        let line = RequestLine::parse(line)?;
                        self.asked = Some(line.clone());
                        self.state = State::Fields {
                            line: Box::new(line),
                            scan: SectionScan::default(),
                            limit: self.limits.head.saturating_sub(length + 2),
                        };
                    }
                    self.taken += length + 2;
                }
                State::Fields { line, scan, limit } => {
                    let Some(length) = scan.find(input, *limit, &self.limits)? else {
                        return self.starved();
                    };
                    let fields = Fields::parse(&input[..length], self.limits.fields)?;
                    let head = RequestHead::new(line.as_ref().clone(), fields, &self.limits)?;
                    self.taken += length;
                    self.keep_alive = head.keep_alive;
                    self.state = match head.framing {
                        BodyFraming::None => State::Content(0),
                        BodyFraming::Length(length) => State::Content(length),
                        BodyFraming::Chunked => State::Chunked(ChunkedDecoder::new(self.limits)),
                    };
                    return Ok(Step::Head(Box::new(head)));
                }
                State::Content(0) => return Ok(self.end()),
                State::Content(left) => {
                    let length = input
                        .len()
                        .min(usize::try_from(*left).unwrap_or(usize::MAX));
                    if length == 0 {
                        return self.starved();
                    }
                    *left -= length as u64;
                    return Ok(Step::Body(self.take(length)));
                }
                State::Chunked(decoder) => match decoder.next(input)? {
                    Chunk::NeedMore => return self.starved(),
                    Chunk::Framing(length) => self.taken += length,
                    Chunk::Content(length) => return Ok(Step::Body(self.take(length))),
                    Chunk::End(length) => {
                        self.taken += length;
                        return Ok(self.end());
                    }
                },
                State::Closed => return Ok(Step::Closed),
            }
        }
    }

    /// The input does not hold the next event. RFC 9112, section 8: an incomplete request may be
    /// answered; a connection that ends between two was just closed.
    fn starved(&mut self) -> Result<Step, Refusal> {
        if !self.input_ended {
            return Ok(Step::NeedMore);
        }
        if self.is_idle() {
            self.close();
            return Ok(Step::Closed);
        }
        Err(Refusal::bad("the connection ended inside the request"))
    }

    fn take(&mut self, length: usize) -> Range<usize> {
        let start = self.taken;
        self.taken += length;
        start..self.taken
    }

    /// Frees the buffer while waiting: there may be many clients, silent for long.
    fn give_back(&mut self) {
        const SMALL: usize = 4096;
        let left = self.input.len() - self.taken;
        if self.input.capacity() > SMALL && left <= self.input.capacity() / 4 {
            self.input = self.input[self.taken..].to_vec();
            self.taken = 0;
        }
    }

    /// RFC 9112, section 9.6: after `close` no further request is processed.
    fn end(&mut self) -> Step {
        self.asked = None;
        if self.keep_alive {
            self.state = State::START;
        } else {
            self.close();
        }
        Step::End
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.input = Vec::new();
        self.taken = 0;
    }
}

impl State {
    const START: Self = Self::Line {
        scan: LineScan::new(),
        empty: 0,
    };
}
