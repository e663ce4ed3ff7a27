//! Copies of the response's descriptor and of the log's, out of reach of an application that closes
//! or replaces descriptors that it did not open (`os.closerange(0, 21)`, `dup2` over all): where
//! possible they are above the limit, where `dup2` does not reach. Without them the server would
//! get no answer, and the log no reason.
//!
//! All but `keep` is safe in a signal handler.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The kernel would have to make a larger table for higher descriptors, which takes time.
const HIGH: u64 = 4200;
/// How many there are.
const COPIES: u64 = 2;

static RESPONSE: AtomicI32 = AtomicI32::new(-1);
static LOG: AtomicI32 = AtomicI32::new(-1);

/// Makes the copies; goes on without where there is no room for them.
pub fn keep(response: BorrowedFd<'_>) {
    let limits = getrlimit(Resource::Nofile);
    let current = limits.current.unwrap_or(HIGH);
    // Applications that close a range of descriptors end it at the limit, at 256, 1024 or 4096.
    let most = limits
        .maximum
        .unwrap_or(u64::MAX)
        .min(HIGH.max(current + COPIES));
    let raised = Rlimit {
        current: Some(most),
        maximum: limits.maximum,
    };
    let is_raised =
        current < most && current <= HIGH && setrlimit(Resource::Nofile, raised).is_ok();
    let room = if is_raised { most } else { current.min(HIGH) };
    let lowest = room.saturating_sub(COPIES);
    let lowest = RawFd::try_from(lowest).unwrap_or(RawFd::MAX);
    for (place, descriptor) in [(&RESPONSE, response), (&LOG, rustix::stdio::stderr())] {
        if let Ok(copy) = rustix::io::fcntl_dupfd_cloexec(descriptor, lowest) {
            place.store(copy.into_raw_fd(), Ordering::Release);
        }
    }
    if is_raised {
        _ = setrlimit(Resource::Nofile, limits);
    }
}

/// The log is another file from now on.
pub fn keep_log(log: BorrowedFd<'_>) {
    if let Some(copy) = descriptor(&LOG) {
        // SAFETY: the copy's descriptor, which only this module uses; no ownership is claimed here.
        unsafe { libc::dup3(log.as_raw_fd(), copy.as_raw_fd(), libc::O_CLOEXEC) };
    }
}

/// The copy of the response, where `given` was closed or has become another file.
#[must_use]
pub fn instead_of(given: BorrowedFd<'_>) -> Option<BorrowedFd<'static>> {
    let copy = descriptor(&RESPONSE)?;
    let is = |descriptor| rustix::fs::fstat(descriptor).map(|file| (file.st_dev, file.st_ino));
    let kept = is(copy).ok()?;
    (is(given) != Ok(kept)).then_some(copy)
}

/// Whether it is one of the copies.
pub(super) fn has(descriptor: BorrowedFd<'_>) -> bool {
    [&RESPONSE, &LOG]
        .iter()
        .any(|place| place.load(Ordering::Acquire) == descriptor.as_raw_fd())
}

/// Makes standard error lead to the log again, where `response` was closed or replaced.
pub fn mend_log(response: BorrowedFd<'_>) {
    if instead_of(response).is_some()
        && let Some(copy) = descriptor(&LOG)
    {
        _ = rustix::stdio::dup2_stderr(copy);
    }
}

/// The copy of the response, which is the caller's from now on.
#[must_use]
pub fn take_response() -> Option<OwnedFd> {
    let raw = RESPONSE.swap(-1, Ordering::AcqRel);
    // SAFETY: made here, open, and nobody else has it any more.
    (raw >= 0).then(|| unsafe { OwnedFd::from_raw_fd(raw) })
}

fn descriptor(place: &AtomicI32) -> Option<BorrowedFd<'static>> {
    let raw = place.load(Ordering::Acquire);
    // SAFETY: what is there was made here and stays open until it is taken.
    (raw >= 0).then(|| unsafe { BorrowedFd::borrow_raw(raw) })
}
