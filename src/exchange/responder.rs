//! What may be sent when (PEP 3333): the head leaves with the first non-empty block or at the end,
//! never more content than announced, none where the request or the status forbids it.
//!
//! The responder decides, a [`ResponseWriter`] of some transport writes.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;

use super::ResponseHead;

/// One transport's way to put a response on the wire. Every call returns once its bytes are out.
pub trait ResponseWriter: Send {
    /// Sends the head together with the first block, which may be empty.
    ///
    /// # Errors
    /// `BrokenPipe` if the claim was taken by another.
    fn head(&mut self, start: &Start<'_>) -> io::Result<()>;
    /// Whether its descriptor was closed or replaced; from then on it writes to a copy.
    fn descriptor_was_replaced(&mut self) -> bool {
        false
    }
    /// What is sent next is the end of the response, and recognisable as such: a server that has
    /// read it may stop the process before `end` is called. Not called for what `head` sends.
    fn last(&mut self) {}
    /// Sends one more block.
    fn block(&mut self, block: &[u8]) -> io::Result<()>;
    /// Sends up to `count` bytes of `file` from `offset`, without passing them through the
    /// process where the system can; returns how many there were.
    fn file(&mut self, file: BorrowedFd<'_>, offset: u64, count: u64) -> io::Result<u64>;
    /// Whether the client has disconnected.
    fn client_is_gone(&self) -> bool;
    /// Ends the response for the client; `whole` unless it had to be cut short.
    fn end(&mut self, whole: bool);
}

/// What a response begins with.
#[derive(Debug)]
pub struct Start<'a> {
    /// The head.
    pub head: &'a ResponseHead,
    /// The content that leaves together with it.
    pub first: &'a [u8],
    /// Whether it is the whole response, and recognisable as such: see [`ResponseWriter::last`].
    pub is_last: bool,
    claim: Claim,
    /// Whether [`claim`](Self::claim) was called.
    was_asked_for: Cell<bool>,
}

impl Start<'_> {
    /// Takes the claim to the one answer: to be called once all is ready to be written, and before the first byte is.
    /// A process that dies before that is answered for; one that dies, or times out, after it leaves what it has
    /// written.
    ///
    /// # Errors
    /// `BrokenPipe` if it was taken by another.
    pub fn claim(&self) -> io::Result<()> {
        self.was_asked_for.set(true);
        if (self.claim)() {
            Ok(())
        } else {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
}

/// How many bytes at the end of a file are sent separately.
const LAST_OF_A_FILE: u64 = 4096;

/// Whether another block can make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Ask for the next block.
    More,
    /// The response is complete; further blocks are not needed.
    Enough,
}

/// Why a block was not sent.
#[derive(Debug)]
pub enum SendError {
    /// The application sent a block before it called `start_response`.
    NoHead,
    /// The client has disconnected, or another part of the program has answered.
    ClientGone,
    /// The application closed or replaced the response's descriptor.
    Lost,
    /// The system refused to write, or a signal asked to stop.
    Io(io::Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHead => f.write_str("a block was sent before start_response was called"),
            Self::Lost => f.write_str(
                "the application closed or replaced file descriptors that it had not opened, including \
                 the one for the response: close only what it opened (no os.closerange)",
            ),
            Self::ClientGone => f.write_str("the client has disconnected"),
            Self::Io(error) => write!(f, "the response cannot be written: {error}"),
        }
    }
}

impl From<io::Error> for SendError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::ClientGone,
            _ => Self::Io(error),
        }
    }
}

/// Takes the claim to the one answer of an exchange; false where it was taken already, by a signal
/// handler for example.
pub type Claim = fn() -> bool;

/// The answering side of one exchange.
pub struct Responder {
    writer: Box<dyn ResponseWriter>,
    claim: Claim,
    request_is_head: bool,
    head: Option<ResponseHead>,
    /// The whole content is one empty block.
    only_empty: bool,
    sent: Option<Sent>,
}

/// The head is out.
struct Sent {
    status: u16,
    /// Whether content follows it at all.
    content: bool,
    /// What Content-Length leaves to be sent, where one was given.
    left: Option<u64>,
}

impl Responder {
    /// A responder to a request with `method`, which answers once it has the claim.
    #[must_use]
    pub fn new(writer: Box<dyn ResponseWriter>, method: &[u8], claim: Claim) -> Self {
        // RFC 3875, 4.1.12: the method is case-sensitive.
        let request_is_head = method == b"HEAD";
        Self {
            writer,
            claim,
            request_is_head,
            head: None,
            only_empty: false,
            sent: None,
        }
    }

    /// Whether the head is out and can no longer be replaced.
    #[must_use]
    pub fn head_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// The status of the head that is out.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.sent.as_ref().map(|sent| sent.status)
    }

    /// Whether `start_response` gave a head.
    #[must_use]
    pub fn has_head(&self) -> bool {
        self.head.is_some()
    }

    /// Sets the head, or replaces the one that was not sent yet.
    pub fn set_head(&mut self, head: ResponseHead) {
        debug_assert!(
            self.sent.is_none(),
            "the status and headers were already sent and cannot be replaced: call start_response(..., \
             exc_info) before the first content"
        );
        self.head = Some(head);
    }

    /// Sends a block; an empty one sends nothing, not even the head. `only` says that this block
    /// is the whole content, from which Content-Length is computed where it is missing.
    pub fn block(&mut self, block: &[u8], only: bool) -> Result<Flow, SendError> {
        if block.is_empty() {
            // An empty answer to HEAD does not show the length that GET would have.
            self.only_empty = only && !self.request_is_head;
            return self.check_client();
        }
        if self.sent.is_none() {
            return self.send_head(block, only);
        }
        let block = self.allowed(block);
        if !block.is_empty() {
            if self.is_completed_by(block.len() as u64) {
                self.writer.last();
            }
            self.writer.block(block)?;
        }
        Ok(self.count(block.len() as u64))
    }

    /// As [`block`](Self::block), for the `write` callable: its first use sends the head, even with
    /// an empty block (PEP 3333, "The start_response() Callable").
    pub fn write(&mut self, block: &[u8]) -> Result<Flow, SendError> {
        if self.sent.is_none() {
            self.send_head(block, false)
        } else {
            self.block(block, false)
        }
    }

    /// Sends the rest of `file` from `offset`, to its end or to Content-Length.
    pub fn file(&mut self, file: BorrowedFd<'_>, offset: u64) -> Result<(), SendError> {
        if self.sent.is_none() {
            self.send_head(b"", false)?;
        }
        let Some(Sent {
            content: true,
            left,
            ..
        }) = &self.sent
        else {
            return Ok(());
        };
        let left = left.unwrap_or(u64::MAX);
        // The end of a file is sent separately, so that `last` can be called before it.
        let most = left.saturating_sub(LAST_OF_A_FILE);
        let mut sent = 0;
        if left < u64::MAX && most > 0 {
            sent = self.writer.file(file, offset, most)?;
            self.count(sent);
        }
        if left == u64::MAX || sent == most {
            if left < u64::MAX {
                self.writer.last();
            }
            let rest = self.writer.file(file, offset + sent, left - sent)?;
            self.count(rest);
        }
        Ok(())
    }

    /// Whether a `file_wrapper`'s descriptor may be handed over now.
    #[must_use]
    pub fn wants_content(&self) -> bool {
        match (&self.sent, &self.head) {
            (Some(sent), _) => sent.content && sent.left != Some(0),
            (None, Some(head)) => !self.request_is_head && head.status.has_content(),
            (None, None) => false,
        }
    }

    /// Sends the head if no block did, and ends the response. Returns how many of the announced
    /// bytes were not sent.
    pub fn finish(&mut self) -> Result<u64, SendError> {
        if self.sent.is_none() {
            self.send_head(b"", self.only_empty)?;
        }
        let missing = self
            .sent
            .as_ref()
            .filter(|sent| sent.content)
            .and_then(|sent| sent.left)
            .unwrap_or(0);
        self.writer.end(missing == 0);
        Ok(missing)
    }

    /// Ends the response as it stands: nothing more can be sent.
    pub fn abandon(&mut self) {
        self.writer.end(false);
    }

    fn send_head(&mut self, first: &[u8], only: bool) -> Result<Flow, SendError> {
        let head = self.head.as_mut().ok_or(SendError::NoHead)?;
        if self.writer.descriptor_was_replaced() {
            return Err(SendError::Lost);
        }
        head.settle_length();
        let has_content = head.status.has_content();
        let length = head.headers.content_length();
        if only && length.is_none() && has_content {
            let computed = first.len().to_string();
            head.headers
                .push(b"Content-Length", computed.as_bytes())
                .expect("a number");
        }
        // RFC 3875, 4.3.3: a HEAD request is answered without content.
        let content = has_content && !self.request_is_head;
        self.sent = Some(Sent {
            status: head.status.code(),
            content,
            left: head.headers.content_length(),
        });
        let first = self.allowed(first);
        let is_last = self.is_completed_by(first.len() as u64);
        let head = self.head.take().expect("looked at above");
        let start = Start {
            head: &head,
            first,
            is_last,
            claim: self.claim,
            was_asked_for: Cell::new(false),
        };
        let written = self.writer.head(&start);
        if written.is_err() && !start.was_asked_for.get() {
            // Nothing was sent, and another head may be.
            self.head = Some(head);
            self.sent = None;
        }
        written?;
        Ok(self.count(first.len() as u64))
    }

    /// The part of a block that may still be sent.
    fn allowed<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        match &self.sent {
            Some(Sent {
                content: true,
                left: Some(left),
                ..
            }) => {
                &block[..block
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX))]
            }
            Some(Sent {
                content: true,
                left: None,
                ..
            }) => block,
            _ => b"",
        }
    }

    /// Whether nothing follows after so many bytes more.
    fn is_completed_by(&self, bytes: u64) -> bool {
        let sent = self.sent.as_ref();
        sent.is_some_and(|sent| !sent.content || sent.left == Some(bytes))
    }

    fn count(&mut self, sent: u64) -> Flow {
        match &mut self.sent {
            Some(Sent { content: false, .. }) => Flow::Enough,
            Some(Sent {
                left: Some(left), ..
            }) => {
                *left -= sent;
                if *left == 0 { Flow::Enough } else { Flow::More }
            }
            _ => Flow::More,
        }
    }

    fn check_client(&self) -> Result<Flow, SendError> {
        if self.writer.client_is_gone() {
            Err(SendError::ClientGone)
        } else {
            Ok(Flow::More)
        }
    }
}
