//! CGI: the request is in the environment and on standard input, the response goes to standard
//! output (RFC 3875). NPH differs in the form of the head alone.
//!
//! The writer avoids a deadlock with a server that is still writing the body: while output would
//! block, it reads and stores the rest of the message-body.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::sockopt;

use super::wire::{self, Form};
use exchange::{
    BodyLength, MessageBody, MetaVariables, PATIENCE, Request, ResponseHead, ResponseWriter,
    SharedBody, Start,
};
use process::unread_body::Patience;
use process::{complete_output, last_resort, signals, tally, times};

/// How much a pipe that polls as writable takes without blocking (POSIX: PIPE_BUF, at least 512).
const PIPE_BUF: usize = 4096;

/// A first block up to this size is sent in the same write as the head.
const WITH_HEAD: usize = 16 * 1024;

/// The size of a read of a file where sendfile is not possible.
const FILE_BLOCK: usize = 64 * 1024;

/// For files of this size and above the pipe is made larger.
const LARGE_FILE: u64 = 1024 * 1024;

/// Makes the request of the server's meta-variables and the pipe with the message-body.
#[must_use]
pub fn request(meta: MetaVariables, stdin: OwnedFd, length: BodyLength) -> Request {
    let body = MessageBody::new(stdin, length);
    Request {
        meta,
        body: std::sync::Arc::new(std::sync::Mutex::new(body)),
    }
}

/// Writes the response to the server.
#[derive(Debug)]
pub struct CgiWriter {
    stdout: Option<OwnedFd>,
    body: SharedBody,
    form: Form,
    /// When the program began, if the response is to have a `Server-Timing` field.
    began: Option<u64>,
}

impl CgiWriter {
    /// A writer to `stdout` that also reads `body` where needed.
    #[must_use]
    pub fn new(stdout: OwnedFd, body: SharedBody, form: Form) -> Self {
        Self {
            stdout: Some(stdout),
            body,
            form,
            began: None,
        }
    }

    /// Adds a `Server-Timing` field to the head; `began` is when the program began.
    pub fn add_times_since(&mut self, began: u64) {
        self.began = Some(began);
    }

    fn stdout(&self) -> io::Result<BorrowedFd<'_>> {
        self.stdout
            .as_ref()
            .map(AsFd::as_fd)
            .ok_or_else(|| Errno::PIPE.into())
    }

    fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        let stdout = self.stdout()?;
        while !bytes.is_empty() {
            let room = self.make_room(stdout)?.min(bytes.len());
            match rustix::io::write(stdout, &bytes[..room]) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) => Self::after(error, stdout)?,
            }
        }
        Ok(())
    }

    /// Waits until something can be written; returns how many bytes will not block.
    fn make_room(&self, stdout: BorrowedFd<'_>) -> io::Result<usize> {
        // A thread that holds the lock is reading the body: the server is not kept waiting.
        let Ok(mut body) = self.body.try_lock() else {
            return Ok(usize::MAX);
        };
        while let Some(source) = body.pending() {
            let mut ready = [
                PollFd::new(&stdout, PollFlags::OUT),
                PollFd::new(&source, PollFlags::IN),
            ];
            let waited = poll(&mut ready, Some(&PATIENCE));
            let [output, input] = ready.map(|descriptor| descriptor.revents());
            match waited {
                Ok(_) if !output.is_empty() => return Ok(PIPE_BUF),
                // Nothing for a while: a signal may have come just before the wait.
                Ok(_) if input.is_empty() && signals::stopping() => return Err(Errno::INTR.into()),
                Ok(_) if input.is_empty() => {}
                Ok(_) => match body.spool_some() {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                        Self::after(Errno::INTR, stdout)?;
                    }
                    spooled => spooled?,
                },
                Err(error) => Self::after(error, stdout)?,
            }
        }
        Ok(usize::MAX)
    }

    /// Decides whether a failed system call is tried again.
    fn after(error: Errno, stdout: BorrowedFd<'_>) -> io::Result<()> {
        match error {
            Errno::INTR | Errno::AGAIN if signals::stopping() => Err(Errno::INTR.into()),
            Errno::INTR => Ok(()),
            // The server made the pipe non-blocking for itself and us.
            Errno::AGAIN => {
                _ = poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], Some(&PATIENCE));
                Ok(())
            }
            error => Err(error.into()),
        }
    }

    /// Reads the rest of the body, as some servers read the response only after that, and as a
    /// socket that is closed with unread data is reset, so that the server may lose the response.
    fn drain(&self) {
        let Ok(mut body) = self.body.try_lock() else {
            return;
        };
        let Some(mut patience) = body.pending().and_then(Patience::begin) else {
            return;
        };
        while body
            .pending()
            .is_some_and(|source| patience.wait(source, signals::has_to_end))
        {
            match body.discard_some() {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
                _ => {}
            }
        }
    }

    /// Copies through this process, for files and outputs that sendfile does not support.
    fn copy(&self, file: BorrowedFd<'_>, offset: u64, count: u64) -> io::Result<u64> {
        let mut block = vec![0; FILE_BLOCK];
        let mut sent = 0;
        while sent < count {
            let wanted = FILE_BLOCK.min(usize::try_from(count - sent).unwrap_or(FILE_BLOCK));
            match rustix::io::pread(file, &mut block[..wanted], offset + sent) {
                Ok(0) => break,
                Ok(read) => {
                    self.write_all(&block[..read])?;
                    tally::own().add(read as u64);
                    sent += read as u64;
                }
                Err(error) => Self::after(error, self.stdout()?)?,
            }
        }
        Ok(sent)
    }
}

impl ResponseWriter for CgiWriter {
    fn head(&mut self, start: &Start<'_>) -> io::Result<()> {
        let mut bytes = match self.began {
            Some(began) => wire::head(&with_times(start.head, began), self.form),
            None => wire::head(start.head, self.form),
        };
        let (with_head, rest) = start.first.split_at(start.first.len().min(WITH_HEAD));
        bytes.extend_from_slice(with_head);
        // It may have to store the body first.
        self.make_room(self.stdout()?)?;
        start.claim()?;
        if start.is_last {
            self.last();
        }
        let tally = tally::own();
        tally.head(start.head.status.code());
        self.write_all(&bytes)?;
        tally.add(with_head.len() as u64);
        self.write_all(rest)?;
        tally.add(rest.len() as u64);
        Ok(())
    }

    fn descriptor_was_replaced(&mut self) -> bool {
        let Some(copy) = last_resort::replace_lost() else {
            return false;
        };
        // That descriptor is now another file, which is not ours to close.
        self.stdout.replace(copy).map(IntoRawFd::into_raw_fd);
        if let Ok(mut body) = self.body.try_lock() {
            _ = body.lose_source();
        }
        true
    }

    fn last(&mut self) {
        last_resort::ends_now();
    }

    fn block(&mut self, block: &[u8]) -> io::Result<()> {
        self.write_all(block)?;
        tally::own().add(block.len() as u64);
        Ok(())
    }

    fn file(&mut self, file: BorrowedFd<'_>, offset: u64, count: u64) -> io::Result<u64> {
        let stdout = self.stdout()?;
        // sendfile would block on a full pipe while the server still waits to be read.
        if self
            .body
            .try_lock()
            .map_or(true, |body| body.pending().is_some())
        {
            return self.copy(file, offset, count);
        }
        if count > LARGE_FILE {
            _ = rustix::pipe::fcntl_setpipe_size(stdout, 1024 * 1024);
        }
        let mut position = offset;
        while position - offset < count {
            let wanted = usize::try_from(count - (position - offset)).unwrap_or(usize::MAX);
            match rustix::fs::sendfile(stdout, file, Some(&mut position), wanted.min(0x4000_0000)) {
                Ok(0) => break,
                Ok(sent) => tally::own().add(sent as u64),
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    let sent = position - offset;
                    return Ok(sent + self.copy(file, position, count - sent)?);
                }
                Err(error) => Self::after(error, stdout)?,
            }
        }
        Ok(position - offset)
    }

    fn client_is_gone(&self) -> bool {
        self.stdout().map_or(true, has_hung_up)
    }

    fn end(&mut self, whole: bool) {
        last_resort::disarm();
        let Some(stdout) = self.stdout.take() else {
            return;
        };
        let (is_left, may_be_in_stdout) = self.body.try_lock().map_or((false, false), |body| {
            let source = body.pending();
            let is_socket = source.is_some_and(|source| sockopt::socket_type(source).is_ok());
            (source.is_some(), is_socket)
        });
        let is_awaited = is_left && !has_hung_up(stdout.as_fd());
        if whole && !may_be_in_stdout {
            complete_output::mark(&stdout);
        }
        // Apache's mod_cgid uses one socket for standard input and output: while the former is
        // open, closing the latter does not end the response. On a pipe this fails, which does no
        // harm.
        _ = rustix::net::shutdown(&stdout, rustix::net::Shutdown::Write);
        drop(stdout);
        if is_awaited {
            self.drain();
        }
    }
}

/// The head with a `Server-Timing` field: the time until the application was called, and the time since then.
fn with_times(head: &ResponseHead, began: u64) -> ResponseHead {
    let milliseconds = |from: u64, to: u64| {
        let tenths = to.saturating_sub(from) / 100_000;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    let (now, called) = (times::now(), tally::own().called());
    let parts = if called == 0 {
        String::new()
    } else {
        let (load, app) = (milliseconds(began, called), milliseconds(called, now));
        format!("load;dur={load}, app;dur={app}, ")
    };
    let times = format!("{parts}total;dur={}", milliseconds(began, now));
    let mut head = head.clone();
    _ = head.headers.push(b"Server-Timing", times.as_bytes());
    head
}

/// Whether the other end of a pipe is closed.
pub(super) fn has_hung_up(output: BorrowedFd<'_>) -> bool {
    let mut output = [PollFd::new(&output, PollFlags::OUT)];
    let now = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut output, Some(&now)).is_ok()
        && output[0]
            .revents()
            .intersects(PollFlags::ERR | PollFlags::HUP)
}
