//! A copy of what was read of a message-body, up to a limit, for a record of the request.

use std::io::{self, Read, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

/// Up to this many bytes stay in memory, then they go to a temporary file.
const IN_MEMORY: usize = 256 * 1024;

/// A copy of the first bytes of a body.
#[derive(Debug)]
pub struct KeptBody {
    file: SpooledTempFile,
    length: u64,
    limit: u64,
    /// A write failed, so that nothing more may be added.
    broken: bool,
}

impl KeptBody {
    /// An empty copy that takes up to `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self {
            file: SpooledTempFile::new(IN_MEMORY),
            length: 0,
            limit,
            broken: false,
        }
    }

    /// Whether more would be taken.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.length < self.limit && !self.broken
    }

    /// Adds what was read. If the copy fails, the request goes on.
    pub fn add(&mut self, block: &[u8]) {
        if !self.has_room() {
            return;
        }
        let room = usize::try_from(self.limit - self.length).unwrap_or(usize::MAX);
        let block = &block[..block.len().min(room)];
        match self.file.write_all(block) {
            Ok(()) => self.length += block.len() as u64,
            Err(_) => self.broken = true,
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Writes the first `count` of them.
    pub fn copy_to(&mut self, to: &mut impl Write, count: u64) -> io::Result<u64> {
        self.file.seek(SeekFrom::Start(0))?;
        let copied = io::copy(&mut (&mut self.file).take(self.length.min(count)), to);
        self.file.seek(SeekFrom::Start(self.length))?;
        copied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_the_limit() {
        let mut kept = KeptBody::new(5);
        kept.add(b"abc");
        assert!(kept.has_room());
        kept.add(b"def");
        assert!(!kept.has_room());
        let mut copy = Vec::new();
        assert_eq!(kept.copy_to(&mut copy, 4).expect("copied"), 4);
        assert_eq!(kept.copy_to(&mut copy, 9).expect("copied"), 5);
        assert_eq!(copy, b"abcdabcde");
    }
}
