//! A timer that sends a signal to this process once. By system calls: a C library before 2.34 has the functions in a
//! library of their own, which would have to be loaded.

use std::ffi::c_int;
use std::io;
use std::ptr::null_mut;
use std::time::Duration;

// The system calls take the C library's structures as they are.
const _: () = assert!(size_of::<libc::time_t>() == size_of::<libc::c_long>());

/// A timer that runs until it is dropped.
#[derive(Debug)]
pub struct Timer(c_int);

impl Timer {
    /// Starts one that sends `signal` when this time is over.
    ///
    /// # Errors
    /// Where the system has no timer.
    pub fn start(signal: c_int, after: Duration) -> io::Result<Self> {
        let mut timer = Self(0);
        // SAFETY: structures of zeros are values of each, and live through both calls.
        unsafe {
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_SIGNAL;
            event.sigev_signo = signal;
            let (clock, number) = (libc::CLOCK_MONOTONIC, &raw mut timer.0);
            if libc::syscall(libc::SYS_timer_create, clock, &raw const event, number) != 0 {
                std::mem::forget(timer);
                return Err(io::Error::last_os_error());
            }
            let mut time: libc::itimerspec = std::mem::zeroed();
            time.it_value.tv_sec =
                libc::time_t::try_from(after.as_secs()).unwrap_or(libc::time_t::MAX);
            time.it_value.tv_nsec = after.subsec_nanos().into();
            let none = null_mut::<libc::itimerspec>();
            if libc::syscall(libc::SYS_timer_settime, timer.0, 0, &raw const time, none) != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(timer)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: a timer of this process.
        unsafe { libc::syscall(libc::SYS_timer_delete, self.0) };
    }
}
