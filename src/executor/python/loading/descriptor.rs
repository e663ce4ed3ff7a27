//! Descriptor 1 while a script is loaded. What is written there by other ways than `sys.stdout` (from C, by
//! another program, by number) is kept in memory until loading ends; then it is looked through, and
//! goes to the log. What a program still writes there after that is lost.
//!
//! A script may close by number what it did not open, so that nothing here takes for granted that a
//! number is still its own.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{MemfdFlags, fstat, memfd_create};
use rustix::io::{fcntl_dupfd_cloexec, pread};
use rustix::stdio::{dup2_stdout, stderr, stdout};

/// Our numbers begin here, so that the script's descriptors have the numbers that they would have anyway.
const LOWEST: i32 = 24;
/// So many bytes are kept; what follows them is lost.
const MOST: u64 = 16 << 20;

/// Whether somebody may write there through a buffer of its own.
static MAY_BE_BUFFERED: AtomicBool = AtomicBool::new(false);

/// What a descriptor leads to.
type Identity = (u64, u64);

fn identity(descriptor: BorrowedFd<'_>) -> Option<Identity> {
    fstat(descriptor)
        .ok()
        .map(|file| (file.st_dev, file.st_ino))
}

/// In its place there is a file in memory.
pub(super) struct Descriptor {
    kept: Copy,
    log: Arc<Copy>,
}

impl Descriptor {
    /// None where the server closed descriptor 1, or the system has no such files or no room.
    pub(super) fn begin() -> Option<Self> {
        let log = Arc::new(Copy::of(stdout())?);
        let file = memfd_create("stdout", MemfdFlags::CLOEXEC).ok()?;
        let kept = Copy::of(file.as_fd())?;
        MAY_BE_BUFFERED.store(false, Ordering::Relaxed);
        dup2_stdout(&file).ok()?;
        Some(Self { kept, log })
    }

    /// Somebody has asked for its number.
    pub(super) fn is_asked_for() {
        MAY_BE_BUFFERED.store(true, Ordering::Relaxed);
    }

    pub(super) fn may_be_buffered() -> bool {
        MAY_BE_BUFFERED.load(Ordering::Relaxed)
    }

    /// Whether that number is another of the same file.
    pub(super) fn is(&self, number: RawFd) -> bool {
        if number < 0 {
            return false;
        }
        // SAFETY: looked at, and nothing else: of one that is closed the system says so.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        identity(descriptor) == Some(self.kept.identity)
    }

    /// Where the log is meanwhile.
    pub(super) fn log(&self) -> Arc<Copy> {
        self.log.clone()
    }

    /// Puts the log back in its place, and gives what was written.
    pub(super) fn end(self) -> Vec<u8> {
        // SAFETY: writes out what the C library's own buffers hold.
        unsafe { libc::fflush(std::ptr::null_mut()) };
        // Whoever closed it, or put a third file there, meant to.
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

/// Another number for a file, as long as nobody closes it.
pub(super) struct Copy {
    identity: Identity,
    number: RawFd,
}

impl Copy {
    fn of(descriptor: BorrowedFd<'_>) -> Option<Self> {
        Some(Self {
            identity: identity(descriptor)?,
            number: fcntl_dupfd_cloexec(descriptor, LOWEST).ok()?.into_raw_fd(),
        })
    }

    /// It, where it is still that file's.
    pub(super) fn own(&self) -> Option<BorrowedFd<'_>> {
        // SAFETY: looked at first: closed by somebody else, it is none of ours any more.
        let own = unsafe { BorrowedFd::borrow_raw(self.number) };
        (identity(own) == Some(self.identity)).then_some(own)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Some(own) = self.own() {
            // SAFETY: made here, still open, and nobody uses it any more.
            unsafe { libc::close(own.as_raw_fd()) };
        }
    }
}
