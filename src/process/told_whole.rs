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
/// Where the system has no room for it.
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

/// Says that everything was sent. Harmless with the output of any web server: that is a pipe, or a socket from
/// which the whole message-body was read.
pub fn tell(output: impl AsFd) {
    _ = recv(&output, &mut [0; 1], RecvFlags::DONTWAIT);
}

/// Whether the writer has said so.
#[must_use]
pub fn was_told(reader: impl AsFd) -> bool {
    let mut left: libc::c_int = 0;
    let descriptor = reader.as_fd().as_raw_fd();
    // SAFETY: the request writes one int, to a place that is one.
    let asked = unsafe { libc::ioctl(descriptor, libc::TIOCOUTQ, &raw mut left) };
    // Closing a socket with unread data discards the data and gives its peer an error: then the byte was not
    // taken, although it is gone.
    asked == 0 && left == 0 && sockopt::socket_error(&reader).is_ok_and(|error| error.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{Shutdown, shutdown};

    #[test]
    fn it_is_known_before_and_after_the_writer_ends() {
        let (reader, writer) = pair().expect("a pair");
        assert!(!was_told(&reader));
        tell(&writer);
        assert!(was_told(&reader));
        drop(writer);
        assert!(was_told(&reader));
    }

    #[test]
    fn a_writer_that_just_ends_has_not_said_so() {
        for closes_first in [false, true] {
            let (reader, writer) = pair().expect("a pair");
            if closes_first {
                shutdown(&writer, Shutdown::Write).expect("half closed");
                assert!(!was_told(&reader));
            }
            drop(writer);
            assert!(!was_told(&reader));
        }
    }

    #[test]
    fn a_pipe_has_nothing_to_take() {
        let (_reader, writer) = io::pipe().expect("a pipe");
        tell(&writer);
    }
}
