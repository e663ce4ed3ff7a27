//! Descriptor 1 while a script is loaded. What is written there by other ways than `sys.stdout` (from C, by
//! another program, by number) is kept in memory until loading ends; then it is looked through, and
//! goes to the log. A program that lives on writes there for nobody.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{MemfdFlags, fstat, memfd_create};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::stdio::{dup2_stdout, stdout};

/// An application's descriptors have the numbers that they would have without ours.
const LOWEST: i32 = 24;
/// More of it is not looked through.
const MOST: u64 = 1 << 20;

/// Whether somebody may write there through a buffer of its own.
static MAY_BE_BUFFERED: AtomicBool = AtomicBool::new(false);

/// In its place there is a file in memory.
pub(super) struct Descriptor {
    kept: File,
    log: Arc<OwnedFd>,
}

impl Descriptor {
    /// None where the server closed descriptor 1, or the system has no such files or no room.
    pub(super) fn begin() -> Option<Self> {
        let log = fcntl_dupfd_cloexec(stdout(), LOWEST).ok()?;
        let kept = memfd_create("stdout", MemfdFlags::CLOEXEC).ok()?;
        let kept = fcntl_dupfd_cloexec(&kept, LOWEST).ok()?;
        MAY_BE_BUFFERED.store(false, Ordering::Relaxed);
        dup2_stdout(&kept).ok()?;
        Some(Self {
            kept: kept.into(),
            log: Arc::new(log),
        })
    }

    /// Somebody has asked for its number.
    pub(super) fn is_asked_for() {
        MAY_BE_BUFFERED.store(true, Ordering::Relaxed);
    }

    pub(super) fn may_be_buffered() -> bool {
        MAY_BE_BUFFERED.load(Ordering::Relaxed)
    }

    /// Whether that number is another of the same file.
    pub(super) fn is(&self, number: i32) -> bool {
        let is = |file: rustix::fs::Stat| (file.st_dev, file.st_ino);
        // SAFETY: but looked at, and closed or not the system answers.
        let other = unsafe { BorrowedFd::borrow_raw(number.max(0)) };
        match (fstat(&self.kept), fstat(other)) {
            (Ok(own), Ok(other)) => is(own) == is(other),
            _ => false,
        }
    }

    /// Where the log is meanwhile.
    pub(super) fn log(&self) -> Arc<OwnedFd> {
        self.log.clone()
    }

    /// Puts the log back in its place, and gives what was written.
    pub(super) fn end(self) -> Vec<u8> {
        // SAFETY: writes out what the C library's own buffers hold.
        unsafe { libc::fflush(std::ptr::null_mut()) };
        // Whoever put a third file there meant to.
        if self.is(1) {
            _ = dup2_stdout(self.log.as_fd());
        }
        let length = fstat(&self.kept).map_or(0, |file| file.st_size.unsigned_abs());
        let mut written = vec![0; usize::try_from(length.min(MOST)).unwrap_or(0)];
        match self.kept.read_exact_at(&mut written, 0) {
            Ok(()) => written,
            Err(_) => Vec::new(),
        }
    }
}
