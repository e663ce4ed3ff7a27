//! A standard output that shows its reader whether a response without Content-Length is complete: a socket that
//! holds one byte for the writer, which takes it after it has sent everything. A process that ends earlier
//! (killed, `os._exit`, exec of another program) does not take it, whatever its exit status is.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair, sockopt,
};

/// The reader's end, which does not block, and the writer's.
///
/// # Errors
/// If the system cannot create the sockets.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    send(&reader, b"\n", SendFlags::NOSIGNAL)?;
    rustix::io::ioctl_fionbio(&reader, true)?;
    Ok((reader, writer))
}

/// The writer marks its output as complete. Harmless with the output of any web server: that is a pipe, or a socket
/// from which the whole message-body was read.
pub fn mark(output: impl AsFd) {
    _ = recv(&output, &mut [0; 1], RecvFlags::DONTWAIT);
}

/// Whether the writer marked its output as complete.
#[must_use]
pub fn is_marked(reader: impl AsFd) -> bool {
    let mut left: libc::c_int = 0;
    let descriptor = reader.as_fd().as_raw_fd();
    // SAFETY: the request writes one int to a local of that type.
    let asked = unsafe { libc::ioctl(descriptor, libc::TIOCOUTQ, &raw mut left) };
    // If the writer closes its socket without reading the byte, the byte is discarded and the reader's socket
    // gets an error.
    asked == 0 && left == 0 && sockopt::socket_error(&reader).is_ok_and(|error| error.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{Shutdown, shutdown};

    #[test]
    fn the_mark_is_seen_before_and_after_the_writer_ends() {
        let (reader, writer) = pair().expect("a pair");
        assert!(!is_marked(&reader));
        mark(&writer);
        assert!(is_marked(&reader));
        drop(writer);
        assert!(is_marked(&reader));
    }

    #[test]
    fn a_writer_that_ends_without_the_mark_is_seen() {
        for closes_first in [false, true] {
            let (reader, writer) = pair().expect("a pair");
            if closes_first {
                shutdown(&writer, Shutdown::Write).expect("half closed");
                assert!(!is_marked(&reader));
            }
            drop(writer);
            assert!(!is_marked(&reader));
        }
    }

    #[test]
    fn marking_a_pipe_does_nothing() {
        let (_reader, writer) = io::pipe().expect("a pipe");
        mark(&writer);
    }
}
