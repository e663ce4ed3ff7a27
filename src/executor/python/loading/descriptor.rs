//! File descriptor 1 while a script is loaded. What is written there without `sys.stdout` (by C code,
//! another program, `os.write`) is kept in memory until loading ends; then it is searched for a CGI
//! head and copied to the log. What a program writes after that is lost.
//!
//! A script may close descriptors that it did not open, so each use here first checks that a descriptor
//! still refers to the same file.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{MemfdFlags, fstat, memfd_create};
use rustix::io::{fcntl_dupfd_cloexec, pread};
use rustix::stdio::{dup2_stdout, stderr, stdout};

/// The lowest descriptor used here, so that the script's descriptors have their usual numbers.
const LOWEST: i32 = 24;
/// How many bytes are kept; the rest is lost.
const MOST: u64 = 16 << 20;

/// Whether the script may write there through a buffer of its own.
static MAY_BE_BUFFERED: AtomicBool = AtomicBool::new(false);

/// The file of a descriptor: device and inode.
type Identity = (u64, u64);

fn identity(descriptor: BorrowedFd<'_>) -> Option<Identity> {
    fstat(descriptor)
        .ok()
        .map(|file| (file.st_dev, file.st_ino))
}

/// Descriptor 1 replaced by a file in memory.
pub(super) struct Descriptor {
    kept: Duplicate,
    log: Arc<Duplicate>,
}

impl Descriptor {
    /// None if the server closed descriptor 1, or a file in memory cannot be made.
    pub(super) fn begin() -> Option<Self> {
        let log = Arc::new(Duplicate::of(stdout())?);
        let file = memfd_create("stdout", MemfdFlags::CLOEXEC).ok()?;
        let kept = Duplicate::of(file.as_fd())?;
        MAY_BE_BUFFERED.store(false, Ordering::Relaxed);
        dup2_stdout(&file).ok()?;
        Some(Self { kept, log })
    }

    /// The script has asked for the descriptor's number.
    pub(super) fn note_number_used() {
        MAY_BE_BUFFERED.store(true, Ordering::Relaxed);
    }

    pub(super) fn may_be_buffered() -> bool {
        MAY_BE_BUFFERED.load(Ordering::Relaxed)
    }

    /// Whether that descriptor refers to the file in memory.
    pub(super) fn is(&self, number: RawFd) -> bool {
        if number < 0 {
            return false;
        }
        // SAFETY: only used for `fstat`, which fails for a closed descriptor.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        identity(descriptor) == Some(self.kept.identity)
    }

    /// The log, meanwhile.
    pub(super) fn log(&self) -> Arc<Duplicate> {
        self.log.clone()
    }

    /// Puts the log back on descriptor 1, and returns what was written.
    pub(super) fn end(self) -> Vec<u8> {
        // SAFETY: writes out what the C library's own buffers hold.
        unsafe { libc::fflush(std::ptr::null_mut()) };
        // If the script closed descriptor 1, or put another file there, it stays so.
        let is_there = self.is(stdout().as_raw_fd());
        let written = match self.kept.own() {
            Some(kept) => content(kept),
            None if is_there => content(stdout()),
            None => Vec::new(),
        };
        if is_there {
            _ = dup2_stdout(self.log.own().unwrap_or(stderr()));
        }
        written
    }
}

fn content(file: BorrowedFd<'_>) -> Vec<u8> {
    let length = fstat(file).map_or(0, |file| file.st_size.unsigned_abs());
    let mut content = vec![0; usize::try_from(length.min(MOST)).unwrap_or(0)];
    let mut there = 0;
    while there < content.len() {
        match pread(file, &mut content[there..], there as u64) {
            Ok(0) | Err(_) => break,
            Ok(read) => there += read,
        }
    }
    content.truncate(there);
    content
}

/// A duplicate of a descriptor; the script may close it.
pub(super) struct Duplicate {
    identity: Identity,
    number: RawFd,
}

impl Duplicate {
    fn of(descriptor: BorrowedFd<'_>) -> Option<Self> {
        Some(Self {
            identity: identity(descriptor)?,
            number: fcntl_dupfd_cloexec(descriptor, LOWEST).ok()?.into_raw_fd(),
        })
    }

    /// The descriptor, if it still refers to the same file.
    pub(super) fn own(&self) -> Option<BorrowedFd<'_>> {
        // SAFETY: checked before it is used, as the script may have closed it.
        let own = unsafe { BorrowedFd::borrow_raw(self.number) };
        (identity(own) == Some(self.identity)).then_some(own)
    }
}

impl Drop for Duplicate {
    fn drop(&mut self) {
        if let Some(own) = self.own() {
            // SAFETY: made here, still open, and not used any more.
            unsafe { libc::close(own.as_raw_fd()) };
        }
    }
}
