//! Stopping a process through a socket: when the other end is closed, or closed for writing, the kernel sends
//! this process SIGTERM (fcntl(2), F_SETSIG). So no PID is needed, which might belong to another process by then.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

/// Sets the signal that is sent instead of SIGIO. Linux only; libc has no constant for it.
const F_SETSIG: c_int = 10;

/// From now on this process gets SIGTERM when the other end of the socket is closed for writing.
///
/// # Errors
/// If the system refuses one of the calls.
pub fn watch(socket: impl AsFd) -> io::Result<()> {
    let descriptor = socket.as_fd().as_raw_fd();
    // SAFETY: these calls take integers and only change how the kernel treats this descriptor.
    let done = unsafe {
        libc::fcntl(descriptor, libc::F_SETOWN, libc::getpid()) == 0
            && libc::fcntl(descriptor, F_SETSIG, libc::SIGTERM) == 0
            && libc::fcntl(descriptor, libc::F_SETFL, libc::O_ASYNC) == 0
    };
    if !done {
        return Err(io::Error::last_os_error());
    }
    // What happened before is not signalled.
    let mut now = [PollFd::new(&socket, PollFlags::RDHUP)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    if poll(&mut now, Some(&at_once))? > 0 {
        rustix::process::kill_process(rustix::process::getpid(), Signal::TERM)?;
    }
    Ok(())
}
