//! Counts what was sent of an answer, and notes when the application was called: for the access log and for
//! `Server-Timing`. If a second process waits for the one that answers, the tally is in memory shared by both, so
//! that it is still known after the answering process was killed. Safe in a signal handler.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU64, Ordering};

use crate::times;

/// The tally of one answer.
#[derive(Debug, Default)]
pub struct Tally {
    /// The status that was sent; 0 before the head is sent.
    status: AtomicU16,
    /// The bytes of content that were sent.
    bytes: AtomicU64,
    /// When the application was called, on the clock of [`times::now`]; 0 before that.
    called: AtomicU64,
    /// Whether this process is writing the line of the access log, or has written it.
    is_claimed: AtomicBool,
    /// Whether the line was written, or the error log says why not.
    is_done: AtomicBool,
}

/// The tally of a process for which no other process waits.
static OWN: Tally = Tally {
    status: AtomicU16::new(0),
    bytes: AtomicU64::new(0),
    called: AtomicU64::new(0),
    is_claimed: AtomicBool::new(false),
    is_done: AtomicBool::new(false),
};

/// The tally in memory shared with the process that waits; null without one.
static SHARED: AtomicPtr<Tally> = AtomicPtr::new(null_mut());

/// The tally of the answer that this process sends.
#[must_use]
pub fn own() -> &'static Tally {
    // SAFETY: null, or a reference that lives as long as the process.
    unsafe { SHARED.load(Ordering::Acquire).as_ref() }.unwrap_or(&OWN)
}

/// Begins to count anew: an image has what was counted of the warm-up.
pub fn begin() {
    SHARED.store(null_mut(), Ordering::Release);
    OWN.status.store(0, Ordering::Release);
    OWN.bytes.store(0, Ordering::Release);
    OWN.called.store(0, Ordering::Release);
    OWN.is_claimed.store(false, Ordering::Release);
    OWN.is_done.store(false, Ordering::Release);
}

/// From now on this process uses a tally in shared memory.
pub(crate) fn share(tally: &'static Tally) {
    SHARED.store(std::ptr::from_ref(tally).cast_mut(), Ordering::Release);
}

/// In a forked child: what it does is not counted for the answer.
pub(crate) fn let_go() {
    SHARED.store(null_mut(), Ordering::Release);
}

impl Tally {
    /// Notes that a head with this status is sent.
    pub fn head(&self, status: u16) {
        self.status.store(status, Ordering::Release);
    }

    /// Adds to the bytes of content that were sent.
    pub fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Notes that the application is called now.
    pub fn call(&self) {
        self.called.store(times::now(), Ordering::Release);
    }

    /// The status and the number of bytes of content that were sent.
    #[must_use]
    pub fn sent(&self) -> (u16, u64) {
        let status = self.status.load(Ordering::Acquire);
        (status, self.bytes.load(Ordering::Acquire))
    }

    /// When the application was called; 0 before that.
    #[must_use]
    pub fn called(&self) -> u64 {
        self.called.load(Ordering::Acquire)
    }

    /// Claims the right to write the line of the access log; true for the first caller only.
    #[must_use]
    pub fn claim_line(&self) -> bool {
        !self.is_claimed.swap(true, Ordering::AcqRel)
    }

    /// Notes that the line was written, or that the error log says why not: no other process has to write it.
    pub fn done_with_line(&self) {
        self.is_done.store(true, Ordering::Release);
    }

    /// Whether nobody has to write the line of the access log any more.
    #[must_use]
    pub fn is_done_with_line(&self) -> bool {
        self.is_done.load(Ordering::Acquire)
    }

    /// Continues with the values of another process's tally.
    pub fn take_over(&self, of: &Self) {
        let (status, bytes) = of.sent();
        self.status.store(status, Ordering::Release);
        self.bytes.store(bytes, Ordering::Release);
        let is_done = of.is_done_with_line();
        self.is_claimed.store(is_done, Ordering::Release);
        self.is_done.store(is_done, Ordering::Release);
    }
}
