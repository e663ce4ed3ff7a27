//! Elapsed time and CPU time, in nanoseconds, and what children have used. Read through the C library, which works even at the very start of a
//! process.

use std::mem::MaybeUninit;

/// The monotonic clock, which counts from an unspecified start. Safe in a signal handler.
#[must_use]
pub fn now() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// CPU time used by all threads of this process. Safe in a signal handler.
#[must_use]
pub fn processor() -> u64 {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// CPU time used by those children of this process that it has waited for.
#[must_use]
pub fn processor_of_children() -> u64 {
    let usage = usage_of_children();
    let nanoseconds = |time: libc::timeval| {
        u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
            + u64::try_from(time.tv_usec).unwrap_or(0) * 1000
    };
    nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)
}

/// The most bytes of memory that one of these children had.
#[must_use]
pub fn most_memory_of_children() -> u64 {
    u64::try_from(usage_of_children().ru_maxrss).unwrap_or(0) * 1024
}

fn usage_of_children() -> libc::rusage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the structure is a local; it stays zeros if the call fails.
    unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    }
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the structure is a local; it stays zeros if the call fails.
    let time = unsafe {
        libc::clock_gettime(clock, time.as_mut_ptr());
        time.assume_init()
    };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}
