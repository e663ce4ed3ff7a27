//! A process that is told to stop by whoever holds the other end of a socket, once that says no more there or
//! has gone: the kernel then sends it SIGTERM (fcntl(2), F_SETSIG). Nobody has to know its PID, which might be
//! another's by then.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Which signal is sent in the place of SIGIO; of Linux alone, and in no list of the C library's.
const F_SETSIG: c_int = 10;

/// From now on the end of what can be read at that socket is a SIGTERM for this process.
///
/// # Errors
/// Where the system refuses it.
pub fn by(socket: impl AsFd) -> io::Result<()> {
    let descriptor = socket.as_fd().as_raw_fd();
    // SAFETY: each of these takes a number, and changes nothing but how the kernel treats this descriptor.
    let done = unsafe {
        libc::fcntl(descriptor, libc::F_SETOWN, libc::getpid()) == 0
            && libc::fcntl(descriptor, F_SETSIG, libc::SIGTERM) == 0
            && libc::fcntl(descriptor, libc::F_SETFL, libc::O_ASYNC) == 0
    };
    if done {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
