//! What has been sent of an answer, and when the application was called: for the access log and for
//! `Server-Timing`. Where a process waits beside the one that answers, it lies in the page that both have, so
//! that of one that was killed somebody knows it too. Safe in a signal handler.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU64, Ordering};

use crate::times;

/// Of one answer.
#[derive(Debug, Default)]
pub struct Tally {
    /// The status that was sent; 0 before that.
    status: AtomicU16,
    /// The bytes of content that were sent.
    bytes: AtomicU64,
    /// When the application was called, as [`times::now`] has it; 0 before that.
    called: AtomicU64,
    /// Whether the access log has its line.
    is_in_log: AtomicBool,
}

/// Where nobody waits beside this process.
static OWN: Tally = Tally {
    status: AtomicU16::new(0),
    bytes: AtomicU64::new(0),
    called: AtomicU64::new(0),
    is_in_log: AtomicBool::new(false),
};

/// Where somebody waits: the one in the page.
static SHARED: AtomicPtr<Tally> = AtomicPtr::new(null_mut());

/// The one of this process's answer.
#[must_use]
pub fn own() -> &'static Tally {
    // SAFETY: null, or a reference that lives as long as the process.
    unsafe { SHARED.load(Ordering::Acquire).as_ref() }.unwrap_or(&OWN)
}

/// From now on this process's is one that another process sees.
pub(crate) fn share(tally: &'static Tally) {
    SHARED.store(std::ptr::from_ref(tally).cast_mut(), Ordering::Release);
}

/// What a forked process does is no part of the answer.
pub(crate) fn let_go() {
    SHARED.store(null_mut(), Ordering::Release);
}

impl Tally {
    /// A head with that status is sent.
    pub fn head(&self, status: u16) {
        self.status.store(status, Ordering::Release);
    }

    /// So much more content is sent.
    pub fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    /// The application is called.
    pub fn call(&self) {
        self.called.store(times::now(), Ordering::Release);
    }

    /// The status and the bytes of content.
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

    /// Takes the right to write the line of the access log; true for the first who asks.
    #[must_use]
    pub fn claim_line(&self) -> bool {
        !self.is_in_log.swap(true, Ordering::AcqRel)
    }

    /// Whether the access log has its line.
    #[must_use]
    pub fn has_line(&self) -> bool {
        self.is_in_log.load(Ordering::Acquire)
    }

    /// This process goes on with what another one has sent.
    pub fn take_over(&self, of: &Self) {
        let (status, bytes) = of.sent();
        self.status.store(status, Ordering::Release);
        self.bytes.store(bytes, Ordering::Release);
        self.is_in_log.store(of.has_line(), Ordering::Release);
    }
}
