//! One connection: reads requests, and answers refusals. Nothing here blocks; the owner of the
//! connection waits.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use super::intake::{Intake, Protocol, ReadLimit, Step};
use super::{Asked, Form, Peer, Refused, Spool};

/// How long a head may take, and how long a connection may be silent between two requests.
const HEAD: Duration = Duration::from_secs(10);
/// How long a client may be silent inside the content.
const CONTENT: Duration = Duration::from_secs(30);
/// How long, and how many bytes, a client is read from after a refusal: a connection that is closed
/// with unread data is reset, and the refusal lost (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

/// How many reads in a row one connection gets.
const READS: usize = 16;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    pub(super) socket: OwnedFd,
    pub(super) peer: Peer,
    intake: Intake,
    state: State,
    deadline: Instant,
}

#[derive(Debug)]
enum State {
    Reading,
    /// A worker answers.
    Answering,
    /// Up to so many bytes more are read and dropped.
    Lingering(usize),
}

/// How far it is.
#[derive(Debug)]
pub enum Progress {
    /// There is nothing to do until more arrives.
    Waiting,
    /// A request is complete and has to be answered.
    Request(Box<Asked>, Spool),
    /// A request was refused, and the client was told so.
    Refused(Refused),
    /// It has ended.
    Closed,
}

impl Connection {
    /// A connection that has just been accepted.
    #[must_use]
    pub fn new(socket: OwnedFd, peer: Peer, protocol: &Protocol) -> Self {
        Self {
            socket,
            intake: Intake::new(protocol, peer.clone()),
            peer,
            state: State::Reading,
            deadline: Instant::now() + HEAD,
        }
    }

    /// The protocol of an error page.
    #[must_use]
    pub fn form(&self) -> Form {
        self.intake.form()
    }

    /// Where its response goes.
    pub(super) fn peer_socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The deadline for the client; `None` while it is answered.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.is_reading().then_some(self.deadline)
    }

    /// Whether something is expected to arrive.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        !matches!(self.state, State::Answering)
    }

    /// Whether it may be closed now without losing a request or a response.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        match self.state {
            State::Reading => self.intake.may_be_silent(),
            State::Answering => false,
            State::Lingering(_) => true,
        }
    }

    /// Reads what has arrived, with `block` as a buffer.
    pub fn receive(&mut self, block: &mut [u8]) -> Progress {
        if let State::Lingering(left) = &mut self.state {
            return linger(&self.socket, left, block);
        }
        for _ in 0..READS {
            match self.advance() {
                Progress::Waiting => {}
                done => return done,
            }
            let (most, flags) = match self.intake.read_limit() {
                ReadLimit::AtMost(most) => (most.min(block.len()), RecvFlags::DONTWAIT),
                ReadLimit::PeekOne => (1, RecvFlags::DONTWAIT | RecvFlags::PEEK),
            };
            match recv(&self.socket, &mut block[..most], flags) {
                Ok((length, _)) => {
                    // The time for a head runs from its first byte on.
                    if self.intake.is_idle() {
                        self.deadline = Instant::now() + HEAD;
                    }
                    if self.intake.is_in_content() {
                        self.deadline = Instant::now() + CONTENT;
                    }
                    self.intake.feed(&block[..length]);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Progress::Waiting,
                Err(_) => return Progress::Closed,
            }
        }
        self.advance()
    }

    /// Begins to read the next request, part of which may have arrived already.
    pub fn resume(&mut self, block: &mut [u8]) -> Progress {
        self.state = State::Reading;
        self.deadline = Instant::now() + HEAD;
        self.receive(block)
    }

    /// The deadline has passed.
    pub fn on_deadline(&mut self) -> Progress {
        match self.state {
            State::Reading if !self.intake.may_be_silent() => self.refuse(self.intake.timed_out()),
            _ => Progress::Closed,
        }
    }

    /// Answers with a refusal. The rest of the request is dropped.
    fn refuse(&mut self, refused: Refused) -> Progress {
        self.end_with(&refused.response);
        Progress::Refused(refused)
    }

    /// Ends it, with a whole response that was made beforehand.
    pub fn end_with(&mut self, response: &[u8]) {
        self.send(response);
        self.hang_up();
    }

    /// Ends it after a complete response, so that the client gets all of it.
    pub fn hang_up(&mut self) {
        _ = shutdown(&self.socket, Shutdown::Write);
        // With something unread in it the socket would be reset when it is closed, which may be soon.
        _ = recv(&self.socket, &mut [0; 4096], RecvFlags::DONTWAIT);
        self.state = State::Lingering(LINGER_BYTES);
        self.deadline = Instant::now() + LINGER;
    }

    fn advance(&mut self) -> Progress {
        let was_in_content = self.intake.is_in_content();
        let step = self.intake.step();
        if self.intake.is_in_content() && !was_in_content {
            self.deadline = Instant::now() + CONTENT;
        }
        match step {
            Step::NeedMore { say } => {
                if !say.is_empty() {
                    self.send(say);
                }
                Progress::Waiting
            }
            Step::Request(asked, content) => {
                self.state = State::Answering;
                Progress::Request(asked, content)
            }
            Step::Refused(refused) => self.refuse(refused),
            Step::Closed => Progress::Closed,
        }
    }

    /// What the client does not take at once is lost, which happens only if it has long read
    /// nothing.
    fn send(&self, bytes: &[u8]) {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        _ = send(&self.socket, bytes, flags);
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn linger(socket: &OwnedFd, left: &mut usize, block: &mut [u8]) -> Progress {
    match recv(socket, &mut *block, RecvFlags::DONTWAIT) {
        Ok((1.., length)) if length < *left => {
            *left -= length;
            Progress::Waiting
        }
        Err(Errno::AGAIN | Errno::INTR) => Progress::Waiting,
        _ => Progress::Closed,
    }
}
