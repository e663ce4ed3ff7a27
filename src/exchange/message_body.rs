//! The message-body: never more than announced, and no deadlock with a server that writes the whole
//! body before it reads a byte of the answer (fcgiwrap, uWSGI's cgi plugin).
//!
//! Blocks that [`MessageBody::spool_some`] stored are read first, in order, then the source.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tempfile::SpooledTempFile;

use super::{BodyLength, KeptBody};

/// A spooled body stays in memory up to this many bytes, then goes to a temporary file.
const SPOOL_IN_MEMORY: usize = 256 * 1024;

/// What one read for the spool takes: the size of a pipe.
const SPOOL_BLOCK: usize = 64 * 1024;

/// How long one wait lasts before a check whether a signal asked to stop.
pub const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};

/// The body of one request.
#[derive(Debug)]
pub struct MessageBody {
    source: OwnedFd,
    /// What may still be read from the source.
    left: BodyLength,
    spool: Option<Spool>,
    /// How many announced bytes never came.
    missing: u64,
    /// A copy of what was read, where one is wanted.
    kept: Option<KeptBody>,
    /// Where signal handlers see how much is left.
    tally: Option<&'static AtomicU64>,
}

#[derive(Debug)]
struct Spool {
    file: SpooledTempFile,
    read: u64,
    written: u64,
}

impl MessageBody {
    /// A body of `length` that arrives on `source`.
    #[must_use]
    pub fn new(source: OwnedFd, length: BodyLength) -> Self {
        Self {
            source,
            left: length,
            spool: None,
            missing: 0,
            kept: None,
            tally: None,
        }
    }

    /// From now on `tally` says how many bytes the server has still to send.
    pub fn count_in(&mut self, tally: &'static AtomicU64) {
        self.tally = Some(tally);
        self.count();
    }

    fn count(&self) {
        if let Some(tally) = self.tally {
            let left = match self.left {
                BodyLength::Bytes(left) => left,
                BodyLength::UntilEnd => u64::MAX,
            };
            tally.store(left, Ordering::Release);
        }
    }

    /// From now on up to `limit` bytes of what is read are kept.
    pub fn keep(&mut self, limit: u64) {
        self.kept = Some(KeptBody::new(limit));
    }

    /// The copy, to which whatever can be read without waiting is added first.
    pub fn kept(&mut self) -> Option<&mut KeptBody> {
        let mut block = vec![0; SPOOL_BLOCK];
        while self.kept.as_ref().is_some_and(KeptBody::has_room) && self.is_ready() {
            match self.read(&mut block) {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
        self.kept.as_mut()
    }

    /// Reads into `buffer`, at most once from the source; 0 means the end, for ever.
    ///
    /// Fails as `read(2)` does, `Interrupted` included.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.read_once(buffer)?;
        if let Some(kept) = &mut self.kept {
            kept.add(&buffer[..read]);
        }
        Ok(read)
    }

    fn read_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(spool) = &mut self.spool {
            let read = spool.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
        }
        self.read_source(buffer)
    }

    /// Moves one block from the source to the spool.
    pub fn spool_some(&mut self) -> io::Result<()> {
        let mut block = vec![0; SPOOL_BLOCK];
        let read = self.read_source(&mut block)?;
        let spool = self.spool.get_or_insert_with(|| Spool {
            file: SpooledTempFile::new(SPOOL_IN_MEMORY),
            read: 0,
            written: 0,
        });
        spool.write(&block[..read])
    }

    /// The source's descriptor was replaced: nothing more is read from it, and it is not closed.
    pub fn lose_source(&mut self) -> io::Result<()> {
        let none = std::fs::File::open("/dev/null")?;
        _ = std::mem::replace(&mut self.source, none.into()).into_raw_fd();
        self.left = BodyLength::Bytes(0);
        self.count();
        Ok(())
    }

    /// Where the length is known only at the end, moves all of the source to the spool and returns
    /// the length.
    pub fn spool_to_end(&mut self, stop: impl Fn() -> bool) -> io::Result<Option<u64>> {
        if self.left != BodyLength::UntilEnd {
            return Ok(None);
        }
        while self.pending().is_some() {
            match self.spool_some() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted && !stop() => {}
                spooled => spooled?,
            }
        }
        Ok(self.remaining())
    }

    /// Drops one block of what the source still has, after adding it to the copy where one is kept.
    /// Its absence does not count as missing.
    pub fn discard_some(&mut self) -> io::Result<()> {
        let (mut block, missing) = (vec![0; SPOOL_BLOCK], self.missing);
        let read = self.read_source(&mut block)?;
        self.missing = missing;
        if self
            .spool
            .as_ref()
            .is_none_or(|spool| spool.read == spool.written)
            && let Some(kept) = &mut self.kept
        {
            kept.add(&block[..read]);
        }
        Ok(())
    }

    /// The source, while the server may still be writing to it.
    #[must_use]
    pub fn pending(&self) -> Option<BorrowedFd<'_>> {
        (self.left != BodyLength::Bytes(0)).then(|| self.source.as_fd())
    }

    /// How many bytes are known to be still to come, spooled ones included.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        match self.left {
            BodyLength::Bytes(left) => Some(
                left + self
                    .spool
                    .as_ref()
                    .map_or(0, |spool| spool.written - spool.read),
            ),
            BodyLength::UntilEnd => None,
        }
    }

    /// How many of the announced bytes the server did not send, once that is known.
    #[must_use]
    pub fn missing(&self) -> Option<u64> {
        (self.missing > 0).then_some(self.missing)
    }

    /// Whether a read returns at once.
    fn is_ready(&self) -> bool {
        let is_spooled = |spool: &Spool| spool.read < spool.written;
        if self.spool.as_ref().is_some_and(is_spooled) {
            return true;
        }
        let Some(source) = self.pending() else {
            return false;
        };
        let mut input = [PollFd::new(&source, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut input, Some(&now)).is_ok_and(|ready| ready > 0)
    }

    fn read_source(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = match self.left {
            BodyLength::Bytes(left) => buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX)),
            BodyLength::UntilEnd => buffer.len(),
        };
        if wanted == 0 {
            return Ok(0);
        }
        let read = match rustix::io::read(&self.source, &mut buffer[..wanted]) {
            // The caller checks for signals and reads again.
            Err(Errno::AGAIN) => {
                _ = poll(
                    &mut [PollFd::new(&self.source, PollFlags::IN)],
                    Some(&PATIENCE),
                );
                return Err(Errno::INTR.into());
            }
            read => read?,
        };
        self.left = match self.left {
            BodyLength::Bytes(left) if read == 0 => {
                self.missing = left;
                BodyLength::Bytes(0)
            }
            BodyLength::UntilEnd if read == 0 => BodyLength::Bytes(0),
            BodyLength::Bytes(left) => BodyLength::Bytes(left - read as u64),
            BodyLength::UntilEnd => BodyLength::UntilEnd,
        };
        self.count();
        Ok(read)
    }
}

impl Spool {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.written {
            return Ok(0);
        }
        self.file.seek(SeekFrom::Start(self.read))?;
        let read = self.file.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }

    fn write(&mut self, block: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.written))?;
        self.file.write_all(block)?;
        self.written += block.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;

    fn body(content: &[u8], length: BodyLength) -> MessageBody {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        writer.write_all(content).expect("a short write");
        drop(writer);
        MessageBody::new(OwnedFd::from(reader), length)
    }

    fn read_all(body: &mut MessageBody) -> Vec<u8> {
        let mut all = Vec::new();
        let mut block = [0; 3];
        while let read @ 1.. = body.read(&mut block).expect("a readable body") {
            all.extend_from_slice(&block[..read]);
        }
        all
    }

    #[test]
    fn no_more_is_read_than_was_announced() {
        let mut body = body(b"0123456789", BodyLength::Bytes(4));
        assert_eq!(read_all(&mut body), b"0123");
        assert!(body.pending().is_none());
    }

    #[test]
    fn a_short_body_ends_at_end_of_file() {
        assert_eq!(read_all(&mut body(b"012", BodyLength::Bytes(100))), b"012");
    }

    #[test]
    fn without_a_length_the_body_ends_with_the_pipe() {
        assert_eq!(
            read_all(&mut body(b"0123456789", BodyLength::UntilEnd)),
            b"0123456789"
        );
    }

    #[test]
    fn what_was_spooled_comes_first_and_is_bounded_too() {
        let mut body = body(b"0123456789", BodyLength::Bytes(8));
        let mut first = [0; 2];
        assert_eq!(body.read(&mut first).expect("a readable body"), 2);
        body.spool_some().expect("room in memory");
        assert!(
            body.pending().is_none(),
            "all eight were taken from the pipe"
        );
        assert_eq!(body.remaining(), Some(6));
        assert_eq!(read_all(&mut body), b"234567");
    }

    #[test]
    fn the_copy_has_what_was_read_and_what_has_arrived() {
        let mut body = body(b"0123456789", BodyLength::Bytes(9));
        body.keep(7);
        let mut first = [0; 2];
        assert_eq!(body.read(&mut first).expect("a readable body"), 2);
        body.spool_some().expect("room in memory");
        let mut copy = Vec::new();
        let kept = body.kept().expect("kept");
        kept.copy_to(&mut copy, u64::MAX).expect("copied");
        assert_eq!(copy, b"0123456");
    }

    #[test]
    fn the_copy_waits_for_nothing() {
        let (reader, _writer) = io::pipe().expect("a pipe");
        let mut body = MessageBody::new(OwnedFd::from(reader), BodyLength::Bytes(9));
        body.keep(7);
        assert_eq!(body.kept().expect("kept").length(), 0);
    }
}
