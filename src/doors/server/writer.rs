//! The worker's side of a connection: writes the response with its framing, and reports to the
//! listening process, which decides whether the connection stays open.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use super::framing::Framing;
use super::{Form, outcome};
use crate::cgi::has_hung_up;
use exchange::{ResponseWriter, Start};
use process::{last_resort, signals};

/// How long a client may take nothing of what is sent to it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A first block up to this size is sent in the same write as the head.
const WITH_HEAD: usize = 16 * 1024;

/// The size of a read of a file where sendfile is not possible.
const FILE_BLOCK: usize = 64 * 1024;

/// Writes the response to the client.
#[derive(Debug)]
pub struct SocketWriter {
    socket: Option<OwnedFd>,
    report: Arc<OwnedFd>,
    form: Form,
    method: Vec<u8>,
    framing: Option<Framing>,
    /// Bytes of content.
    sent: u64,
}

impl SocketWriter {
    /// A writer to `socket` that tells `report` how it went.
    #[must_use]
    pub fn new(socket: OwnedFd, report: Arc<OwnedFd>, form: Form, method: &[u8]) -> Self {
        // It fails where there is no such limit, as for a pipe under inetd.
        _ = set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE));
        Self {
            socket: Some(socket),
            report,
            form,
            method: method.to_vec(),
            framing: None,
            sent: 0,
        }
    }

    fn socket(&self) -> io::Result<BorrowedFd<'_>> {
        self.socket
            .as_ref()
            .map(AsFd::as_fd)
            .ok_or_else(|| Errno::PIPE.into())
    }

    fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        let socket = self.socket()?;
        while !bytes.is_empty() {
            match rustix::io::write(socket, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) => after(error)?,
            }
        }
        Ok(())
    }

    /// A block with its framing, in as few writes as it takes. `begin` is called once all is ready to be written.
    fn framed(
        &self,
        framing: Framing,
        mut start: Vec<u8>,
        block: &[u8],
        begin: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        if block.is_empty() || !framing.has_content() {
            begin()?;
            return self.write_all(&start);
        }
        start.extend(framing.before_block(block.len() as u64));
        let (with_start, rest) = block.split_at(block.len().min(WITH_HEAD));
        start.extend_from_slice(with_start);
        if rest.is_empty() {
            start.extend_from_slice(framing.after_block());
            begin()?;
            return self.write_all(&start);
        }
        begin()?;
        self.write_all(&start)?;
        self.write_all(rest)?;
        self.write_all(framing.after_block())
    }

    fn framing(&self) -> io::Result<Framing> {
        self.framing.ok_or_else(|| Errno::PIPE.into())
    }

    /// Copies through this process where sendfile is not possible.
    fn copy(&mut self, file: BorrowedFd<'_>, offset: u64, count: u64) -> io::Result<u64> {
        let mut block = vec![0; FILE_BLOCK];
        let mut sent = 0;
        while sent < count {
            let wanted = FILE_BLOCK.min(usize::try_from(count - sent).unwrap_or(FILE_BLOCK));
            match rustix::io::pread(file, &mut block[..wanted], offset + sent) {
                Ok(0) => break,
                Ok(read) => {
                    self.block(&block[..read])?;
                    sent += read as u64;
                }
                Err(error) => after(error)?,
            }
        }
        Ok(sent)
    }
}

/// Decides whether a failed system call is tried again.
fn after(error: Errno) -> io::Result<()> {
    match error {
        Errno::INTR | Errno::AGAIN if signals::stopping() => Err(Errno::INTR.into()),
        Errno::INTR => Ok(()),
        // The send timeout: the client does not read.
        Errno::AGAIN => Err(Errno::PIPE.into()),
        error => Err(error.into()),
    }
}

impl ResponseWriter for SocketWriter {
    fn head(&mut self, start: &Start<'_>) -> io::Result<()> {
        let framing = Framing::new(self.form, &self.method, start.head);
        self.framed(framing, framing.head(start.head), start.first, || {
            start.claim()?;
            outcome::begun(&self.report, start.head.status.code());
            Ok(())
        })?;
        self.framing = Some(framing);
        self.sent = start.first.len() as u64;
        Ok(())
    }

    fn block(&mut self, block: &[u8]) -> io::Result<()> {
        self.framed(self.framing()?, Vec::new(), block, || Ok(()))?;
        self.sent += block.len() as u64;
        Ok(())
    }

    fn file(&mut self, file: BorrowedFd<'_>, offset: u64, count: u64) -> io::Result<u64> {
        let framing = self.framing()?;
        if !framing.is_plain() {
            return self.copy(file, offset, count);
        }
        let mut position = offset;
        while position - offset < count {
            let wanted = usize::try_from(count - (position - offset)).unwrap_or(usize::MAX);
            let socket = self.socket()?;
            match rustix::fs::sendfile(socket, file, Some(&mut position), wanted.min(0x4000_0000)) {
                Ok(0) => break,
                Ok(_) => {}
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    let sent = position - offset;
                    self.sent += sent;
                    return Ok(sent + self.copy(file, position, count - sent)?);
                }
                Err(error) => after(error)?,
            }
        }
        self.sent += position - offset;
        Ok(position - offset)
    }

    fn client_is_gone(&self) -> bool {
        self.socket().map_or(true, has_hung_up)
    }

    fn end(&mut self, whole: bool) {
        if self.socket.is_none() {
            return;
        }
        // A response that is cut short must not get the end mark of a complete one.
        let whole = whole
            && self
                .framing
                .is_some_and(|framing| self.write_all(framing.end()).is_ok());
        last_resort::disarm();
        let goes_on = whole && self.framing.is_some_and(|f| f.keeps_alive(self.sent));
        outcome::ended(&self.report, self.sent, whole, goes_on);
        self.socket = None;
    }
}
