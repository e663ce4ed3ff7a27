//! Bytes that a slow peer has not taken yet: some in memory, the rest in a temporary file without a
//! name, so that the worker can end and memory does not fill up.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;

use rustix::io::Errno;
use rustix::net::{SendFlags, send};

/// How many bytes are kept in memory.
const IN_MEMORY: usize = 128 * 1024;

/// What one read of the file takes.
const BLOCK: usize = 64 * 1024;

/// With more than this in the file the worker has to wait, as the disk is finite.
const MOST: u64 = 256 * 1024 * 1024;

/// The bytes, in order: those in memory come first.
#[derive(Debug, Default)]
pub(super) struct OutputBuffer {
    memory: Vec<u8>,
    sent: usize,
    file: Option<InFile>,
}

#[derive(Debug)]
struct InFile {
    file: File,
    start: u64,
    end: u64,
}

/// How sending went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// Nothing is left.
    All,
    /// The peer takes no more now; whether it took some.
    Some(bool),
    /// The peer has gone.
    Gone,
}

impl OutputBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.sent == self.memory.len() && self.file.is_none()
    }

    pub(super) fn is_full(&self) -> bool {
        self.file
            .as_ref()
            // The part that was sent counts too, as the file shrinks only when all was sent.
            .is_some_and(|file| file.end > MOST)
    }

    /// Keeps more.
    ///
    /// Fails when there is no room for temporary files.
    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() && self.memory.len() - self.sent + bytes.len() <= IN_MEMORY {
            self.memory.drain(..std::mem::take(&mut self.sent));
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(InFile {
                file: tempfile::tempfile()?,
                start: 0,
                end: 0,
            });
        }
        if let Some(in_file) = &mut self.file {
            in_file.file.write_all_at(bytes, in_file.end)?;
            in_file.end += bytes.len() as u64;
        }
        Ok(())
    }

    /// Sends what the peer takes without waiting.
    ///
    /// Fails when what is kept in a file cannot be read.
    pub(super) fn send(&mut self, peer: BorrowedFd<'_>) -> io::Result<Sent> {
        let mut took_some = false;
        loop {
            if self.sent == self.memory.len() && !self.refill()? {
                return Ok(Sent::All);
            }
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match send(peer, &self.memory[self.sent..], flags) {
                Ok(count) => {
                    self.sent += count;
                    took_some = true;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Sent::Some(took_some)),
                Err(_) => return Ok(Sent::Gone),
            }
        }
    }

    /// Takes the next block of the file into memory; false when there is none.
    fn refill(&mut self) -> io::Result<bool> {
        self.memory.clear();
        self.sent = 0;
        let Some(in_file) = &mut self.file else {
            return Ok(false);
        };
        let left = usize::try_from(in_file.end - in_file.start).unwrap_or(BLOCK);
        self.memory.resize(left.min(BLOCK), 0);
        in_file
            .file
            .read_exact_at(&mut self.memory, in_file.start)?;
        in_file.start += self.memory.len() as u64;
        if in_file.start == in_file.end {
            self.file = None;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_a_slow_peer_takes_is_complete_and_in_order() {
        let (near, mut far) = UnixStream::pair().expect("a pair");
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let mut held = OutputBuffer::default();
        let mut arrived = Vec::new();
        let mut block = vec![0; 50_000];
        for piece in content.chunks(70_001) {
            held.add(piece).expect("room");
            held.send(near.as_fd()).expect("read");
            let count = far.read(&mut block[..10_000]).expect("read");
            arrived.extend_from_slice(&block[..count]);
        }
        assert!(
            held.file.is_some(),
            "the test is about more than memory holds"
        );
        while held.send(near.as_fd()).expect("read") != Sent::All {
            let count = far.read(&mut block).expect("read");
            arrived.extend_from_slice(&block[..count]);
        }
        assert!(held.is_empty());
        drop(near);
        far.read_to_end(&mut arrived).expect("read");
        assert!(arrived == content);
        held.add(b"more").expect("room");
        drop(far);
    }

    #[test]
    fn a_peer_that_has_gone_is_noticed() {
        let (near, far) = UnixStream::pair().expect("a pair");
        drop(far);
        let mut held = OutputBuffer::default();
        held.add(b"x").expect("room");
        assert_eq!(held.send(near.as_fd()).expect("no file"), Sent::Gone);
    }
}
