//! Passes a worker's response on to a web server: the listener reads it as fast as it is written
//! and sends it as fast as the server reads, so that a slow server keeps no worker busy. Nothing is
//! sent before the head is complete, so that a failure before that gets a whole answer.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use process::complete_output;

use super::Entry;
use super::output_buffer::{OutputBuffer, Sent};
use super::output_head::{HeadProgress, OutputHead};

/// How long a peer may take nothing of what is sent to it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many reads in a row one worker gets.
const READS: usize = 16;

/// One response that is passed on.
#[derive(Debug)]
pub(super) struct Relay {
    output: Option<OwnedFd>,
    /// Whether the writer says on the output itself that the response is complete.
    tells_whole: bool,
    /// Whether it had said so when it ended: asked once, as asking clears the socket's error.
    was_told: Option<bool>,
    head: OutputHead,
    held: OutputBuffer,
    /// Bytes of content that the worker has written.
    content: u64,
    /// Whether the worker has ended, and whether it then said that all was sent.
    verdict: Option<bool>,
    how_it_ended: String,
    /// Until when the peer has to take something, while it takes nothing.
    deadline: Option<Instant>,
    pub(super) entry: Entry,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    /// More is to come, or to be taken.
    On,
    /// All of it was sent.
    Whole,
    /// It has ended before its end.
    Cut,
    /// It has ended before its head was complete: nothing was sent.
    Unanswered,
    /// The peer has gone.
    Gone,
}

impl Relay {
    /// A new relay, and the descriptor for a worker, which reports the outcome separately.
    pub(super) fn to_worker(entry: Entry) -> io::Result<(Self, OwnedFd)> {
        let (output, input) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&output, true)?;
        Ok((Self::new(entry, output, false), input))
    }

    /// A new relay, and the standard output for a process.
    pub(super) fn to_process(entry: Entry) -> io::Result<(Self, OwnedFd)> {
        let (output, input) = complete_output::pair()?;
        Ok((Self::new(entry, output, true), input))
    }

    fn new(entry: Entry, output: OwnedFd, tells_whole: bool) -> Self {
        Self {
            output: Some(output),
            tells_whole,
            was_told: None,
            head: OutputHead::default(),
            held: OutputBuffer::default(),
            content: 0,
            verdict: None,
            how_it_ended: String::new(),
            deadline: None,
            entry,
        }
    }

    /// The pipe to poll for more of the response; `None` while no more can be held.
    pub(super) fn output(&self) -> Option<BorrowedFd<'_>> {
        let output = self.output.as_ref().filter(|_| !self.held.is_full());
        output.map(AsFd::as_fd)
    }

    /// Whether the peer has something to take.
    pub(super) fn waits_for_peer(&self) -> bool {
        !self.held.is_empty()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The status, once it is known.
    pub(super) fn status(&self) -> Option<u16> {
        self.head.said().map(|said| said.status)
    }

    pub(super) fn content(&self) -> u64 {
        self.content
    }

    /// The worker has ended, and its whole output is in the pipe. Its report says whether all was sent.
    pub(super) fn worker_has_ended(&mut self, whole: bool, how: &str) {
        self.verdict.get_or_insert(whole);
        how.clone_into(&mut self.how_it_ended);
    }

    pub(super) fn how_it_ended(&self) -> &str {
        &self.how_it_ended
    }

    /// Reads what the worker has written, and sends what the peer takes.
    pub(super) fn advance(
        &mut self,
        peer: BorrowedFd<'_>,
        block: &mut [u8],
    ) -> io::Result<Passing> {
        let is_dry = self.take(block)?;
        match self.held.send(peer)? {
            Sent::All => self.deadline = None,
            Sent::Some(false) if self.deadline.is_some() => {}
            Sent::Some(_) => self.deadline = Some(Instant::now() + PATIENCE),
            Sent::Gone => return Ok(Passing::Gone),
        }
        Ok(self.passing(is_dry))
    }

    fn passing(&mut self, is_dry: bool) -> Passing {
        if !self.held.is_empty() {
            return Passing::On;
        }
        let length = self.head.said().map(|said| said.length);
        if let Some(Some(length)) = length
            && length == self.content
        {
            return Passing::Whole;
        }
        // No content follows such a head, whatever Content-Length says: the web server may close the connection
        // once it has the head.
        if length.is_some() && !self.has_content() {
            return Passing::Whole;
        }
        if self.verdict.is_some() && !is_dry {
            return Passing::On;
        }
        let is_whole = self.verdict.map(|reported| self.was_whole(reported));
        match is_whole {
            Some(_) if length.is_none() => Passing::Unanswered,
            Some(true) if length.flatten().is_some_and(|length| length > self.content) => {
                Passing::Cut
            }
            Some(true) => Passing::Whole,
            Some(false) => Passing::Cut,
            None => Passing::On,
        }
    }

    /// Whether the response is complete: according to the output, if it can say so, else as reported.
    fn was_whole(&mut self, reported: bool) -> bool {
        if !self.tells_whole {
            return reported;
        }
        // A child process of the writer may still have it open.
        let is_marked = || self.output.as_ref().is_some_and(complete_output::is_marked);
        *self.was_told.get_or_insert_with(is_marked)
    }

    /// Whether content follows the head (RFC 9110, section 6.4.1).
    fn has_content(&self) -> bool {
        let status = self.status().unwrap_or(200);
        self.entry.method() != b"HEAD" && !matches!(status, 100..=199 | 204 | 304)
    }

    /// Reads what is there; returns whether all of it was read.
    fn take(&mut self, block: &mut [u8]) -> io::Result<bool> {
        for _ in 0..READS {
            let Some(output) = self.output.as_ref().filter(|_| !self.held.is_full()) else {
                return Ok(self.output.is_none());
            };
            match rustix::io::read(output, &mut *block) {
                Ok(0) => {
                    if self.tells_whole {
                        let is_marked = || complete_output::is_marked(output);
                        self.was_told.get_or_insert_with(is_marked);
                    }
                    self.output = None;
                }
                // The writer closed it without taking the byte: the response is incomplete.
                Err(Errno::CONNRESET) if self.tells_whole => {
                    self.was_told = Some(false);
                    self.output = None;
                }
                Ok(count) => self.keep(&block[..count])?,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        let content = if self.head.said().is_some() {
            bytes
        } else {
            match self.head.add(bytes) {
                HeadProgress::Nothing => return Ok(()),
                HeadProgress::Head(head, used) => {
                    self.held.add(&head)?;
                    &bytes[used..]
                }
                HeadProgress::TooLong => {
                    return Err(io::Error::other(
                        "the headers of the response are longer than 1 MiB",
                    ));
                }
            }
        };
        self.content += content.len() as u64;
        self.held.add(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Peer;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    fn relay() -> (Relay, std::fs::File, UnixStream, UnixStream) {
        let entry = Entry::new(&Peer::new(None, None, true), None);
        let (relay, input) = Relay::to_worker(entry).expect("a relay");
        let (near, far) = UnixStream::pair().expect("a pair");
        (relay, input.into(), near, far)
    }

    /// A peer that reads nothing is not waited for without end.
    #[test]
    fn a_peer_that_stops_reading_has_a_deadline_until_it_reads_again() {
        let (mut relay, mut input, near, mut far) = relay();
        let mut block = vec![0; 64 * 1024];
        input
            .write_all(b"Content-Type: text/plain\r\n\r\n")
            .expect("written");
        let mut advance = |relay: &mut Relay| {
            let passing = relay.advance(near.as_fd(), &mut block);
            assert_eq!(passing.expect("passed on"), Passing::On);
        };
        advance(&mut relay);
        assert_eq!(relay.deadline(), None);
        while relay.deadline().is_none() {
            input.write_all(&[b'x'; 16 * 1024]).expect("written");
            advance(&mut relay);
        }
        let first = relay.deadline().expect("a deadline");
        assert!(first <= Instant::now() + PATIENCE);
        advance(&mut relay);
        assert_eq!(relay.deadline(), Some(first), "nothing was taken");
        let mut taken = vec![0; 16 * 1024 * 1024];
        while relay.deadline() == Some(first) {
            assert_ne!(far.read(&mut taken).expect("read"), 0);
            advance(&mut relay);
        }
    }

    #[test]
    fn an_output_that_ended_too_early_is_incomplete() {
        for (tells, expected) in [(true, Passing::Whole), (false, Passing::Cut)] {
            let entry = Entry::new(&Peer::new(None, None, true), None);
            let (mut relay, input) = Relay::to_process(entry).expect("a relay");
            let (near, _far) = UnixStream::pair().expect("a pair");
            let mut input = std::fs::File::from(input);
            input
                .write_all(b"Content-Type: text/plain\r\n\r\nhalf")
                .expect("written");
            if tells {
                complete_output::mark(&input);
            }
            drop(input);
            // Whatever its exit status says.
            relay.worker_has_ended(!tells, "");
            // However often it is asked.
            for _ in 0..2 {
                let passing = relay.advance(near.as_fd(), &mut [0; 1024]);
                assert_eq!(passing.expect("passed on"), expected);
            }
        }
    }
}
