//! Whether system calls are filtered: a filter may end a process that makes a call newer than the
//! filter.

/// Whether a filter of system calls is in force (seccomp(2)).
#[must_use]
pub fn is_on() -> bool {
    // SAFETY: an old call, which changes nothing.
    unsafe { libc::prctl(libc::PR_GET_SECCOMP, 0, 0, 0, 0) > 0 }
}

/// Closes all descriptors of a range.
pub fn close(from: u32, to: u32) {
    if from > to {
        return;
    }
    // SAFETY: the caller knows that nothing in this process owns any of them.
    unsafe {
        if !is_on() && libc::syscall(libc::SYS_close_range, from, to, 0) == 0 {
            return;
        }
        let open = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let most = open.unwrap_or(MOST).clamp(256, MOST);
        let end = u64::from(to).min(most);
        for number in u64::from(from)..=end {
            libc::close(i32::try_from(number).unwrap_or(-1));
        }
    }
}

/// Descriptors beyond this are not closed one by one.
const MOST: u64 = 65_536;
