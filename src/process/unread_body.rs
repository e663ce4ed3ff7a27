//! What is left of a message-body once the answer is out. fcgiwrap and uWSGI's cgi plugin write the
//! whole body before they read a byte of the answer: a script that ends without reading it breaks
//! their pipe, and the client gets a 502 instead of the answer. So the rest is read, for a limited
//! time.
//!
//! System calls and nothing else: safe in a signal handler.

use std::cell::UnsafeCell;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::time::{ClockId, clock_gettime};

/// How many seconds a server may send nothing.
const IDLE: i64 = 5;
/// How many seconds in all the rest is read and dropped.
const ALL: i64 = 60;
/// How long one wait lasts before the limits are checked again.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};

/// How many bytes the server has still to send; the reader of the body keeps it up to date.
pub static LEFT: AtomicU64 = AtomicU64::new(0);

/// The time that one server is given.
#[derive(Debug)]
pub struct Patience {
    idle_until: i64,
    until: i64,
}

impl Patience {
    /// The time begins. `None` for a file or a terminal, where no server waits until the body is
    /// read.
    #[must_use]
    pub fn begin(source: BorrowedFd<'_>) -> Option<Self> {
        let kind = FileType::from_raw_mode(rustix::fs::fstat(source).ok()?.st_mode);
        matches!(kind, FileType::Fifo | FileType::Socket).then(|| Self {
            idle_until: now() + IDLE,
            until: now() + ALL,
        })
    }

    /// Waits until there is something to read, or the end; false once the time is over or `enough`
    /// returns true.
    pub fn wait(&mut self, source: BorrowedFd<'_>, enough: impl Fn() -> bool) -> bool {
        while !enough() && now() < self.until.min(self.idle_until) {
            let mut ready = [PollFd::new(&source, PollFlags::IN)];
            if poll(&mut ready, Some(&TICK)).is_ok_and(|count| count > 0) {
                self.idle_until = now() + IDLE;
                return true;
            }
        }
        false
    }
}

fn now() -> i64 {
    clock_gettime(ClockId::Monotonic).tv_sec
}

/// The place for bytes that are dropped.
struct Nowhere(UnsafeCell<[u8; 64 * 1024]>);

// SAFETY: it is written to by the kernel alone and never read.
unsafe impl Sync for Nowhere {}

static NOWHERE: Nowhere = Nowhere(UnsafeCell::new([0; 64 * 1024]));

/// Whether a server at the other end may be waiting until the rest is read.
pub fn is_awaited(source: BorrowedFd<'_>) -> bool {
    LEFT.load(Ordering::Acquire) > 0 && Patience::begin(source).is_some()
}

/// Reads and drops the rest. Uses no buffer on the stack, as that of a signal handler is small.
pub fn drain(source: BorrowedFd<'_>) {
    let Some(mut patience) = Patience::begin(source) else {
        return;
    };
    while patience.wait(source, || LEFT.load(Ordering::Acquire) == 0) {
        let left = LEFT.load(Ordering::Acquire);
        let wanted = usize::try_from(left).map_or(64 * 1024, |left| left.min(64 * 1024));
        // SAFETY: the place is so large and lives for ever; the descriptor is open.
        let read = unsafe { libc::read(source.as_raw_fd(), NOWHERE.0.get().cast(), wanted) };
        match u64::try_from(read) {
            Ok(0) => return,
            Ok(read) => LEFT.store(left.saturating_sub(read), Ordering::Release),
            Err(_) => {
                let error = std::io::Error::last_os_error().kind();
                if !matches!(
                    error,
                    std::io::ErrorKind::Interrupted | std::io::ErrorKind::WouldBlock
                ) {
                    return;
                }
            }
        }
    }
}
