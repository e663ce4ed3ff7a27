//! The content of a request, read to its end before a worker is started: a slow client keeps no
//! worker waiting, and CONTENT_LENGTH is known even for chunks. Small content stays in memory,
//! larger content goes to a temporary file without a name.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;

use rustix::fs::MemfdFlags;

/// Content up to this many bytes stays in memory: a thousand slow clients may send some at a time.
const IN_MEMORY: usize = 64 * 1024;

/// Content that arrives.
#[derive(Debug, Default)]
pub struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    length: u64,
}

impl Spool {
    /// Takes a piece of it.
    ///
    /// Fails when there is no room for temporary files.
    pub fn add(&mut self, piece: &[u8]) -> io::Result<()> {
        self.length += piece.len() as u64;
        if self.file.is_none() && self.memory.len() + piece.len() > IN_MEMORY {
            let mut file = tempfile::tempfile()?;
            file.write_all(&self.memory)?;
            self.memory = Vec::new();
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            return file.write_all(piece);
        }
        self.memory.extend_from_slice(piece);
        Ok(())
    }

    /// Content that is there already, in a file.
    #[must_use]
    pub fn from_descriptor(descriptor: OwnedFd, length: u64) -> Self {
        Self {
            memory: Vec::new(),
            file: Some(descriptor.into()),
            length,
        }
    }

    /// How much there is.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// A descriptor that the content is read from.
    pub fn into_descriptor(self) -> io::Result<OwnedFd> {
        let mut file = match self.file {
            Some(file) => file,
            None if self.memory.is_empty() => return Ok(File::open("/dev/null")?.into()),
            None => {
                let memory = rustix::fs::memfd_create("content", MemfdFlags::CLOEXEC)?;
                let mut file = File::from(memory);
                file.write_all(&self.memory)?;
                file
            }
        };
        file.rewind()?;
        Ok(file.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[track_caller]
    fn comes_back(length: usize) {
        let content: Vec<u8> = (0..length).map(|n| n.to_le_bytes()[0]).collect();
        let mut spool = Spool::default();
        for piece in content.chunks(70_001) {
            spool.add(piece).expect("room");
        }
        assert_eq!(spool.length(), length as u64);
        let mut back = Vec::new();
        File::from(spool.into_descriptor().expect("a descriptor"))
            .read_to_end(&mut back)
            .expect("read");
        assert_eq!(back, content);
    }

    #[test]
    fn empty_content_has_no_bytes() {
        comes_back(0);
    }

    #[test]
    fn small_content_comes_back() {
        comes_back(100_000);
    }

    #[test]
    fn large_content_comes_back() {
        comes_back(IN_MEMORY + 100_000);
    }
}
