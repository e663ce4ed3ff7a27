//! Passes a worker's response on to a web server: the listener reads it as fast as it is written
//! and sends it as fast as the server reads, so that a slow server keeps no worker busy. Nothing is
//! sent before the head is complete, so that a failure before that gets a whole answer.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use super::Entry;
use super::held::{Held, Sent};
use super::output_head::{HeadProgress, OutputHead};

/// How long a peer may take nothing of what is sent to it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many reads in a row one worker gets.
const READS: usize = 16;

/// One response that is passed on.
#[derive(Debug)]
pub(super) struct Relay {
    output: Option<OwnedFd>,
    head: OutputHead,
    held: Held,
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
    /// A new one, and the descriptor that the worker writes to.
    pub(super) fn new(entry: Entry) -> io::Result<(Self, OwnedFd)> {
        let (output, input) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&output, true)?;
        let relay = Self {
            output: Some(output),
            head: OutputHead::default(),
            held: Held::default(),
            content: 0,
            verdict: None,
            how_it_ended: String::new(),
            deadline: None,
            entry,
        };
        Ok((relay, input))
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

    /// The worker has ended; what it had to write is in the pipe.
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

    fn passing(&self, is_dry: bool) -> Passing {
        if !self.held.is_empty() {
            return Passing::On;
        }
        let length = self.head.said().map(|said| said.length);
        if let Some(Some(length)) = length
            && length == self.content
        {
            return Passing::Whole;
        }
        match self.verdict {
            Some(_) if !is_dry => Passing::On,
            Some(_) if length.is_none() => Passing::Unanswered,
            // No content follows such a head, whatever Content-Length says.
            Some(_) if !self.has_content() => Passing::Whole,
            Some(true) if length.flatten().is_some_and(|length| length > self.content) => {
                Passing::Cut
            }
            Some(true) => Passing::Whole,
            Some(false) => Passing::Cut,
            None => Passing::On,
        }
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
                Ok(0) => self.output = None,
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
                    return Err(io::Error::other("its head is longer than 1 MiB"));
                }
            }
        };
        self.content += content.len() as u64;
        self.held.add(content)
    }
}
