//! An output by which its reader learns whether a response without a length was whole: one end of a socket that
//! holds a byte for the writer, who takes it when all is sent. One that ends before (killed, `os._exit`, another
//! program in its place) leaves it, whatever its exit status. For every other writer the output is like any other.

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

/// Says that all was sent. An output of a web server's own has nothing to take: it is a pipe, or a socket of which
/// the message-body has been read to its end.
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
    // A socket that is closed with something unread in it loses that, and tells its peer so (unix(7)): what was
    // lost was not taken.
    asked == 0 && left == 0 && sockopt::socket_error(&reader).is_ok_and(|error| error.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{Shutdown, shutdown};

    #[test]
    fn it_is_told_before_and_after_the_writer_has_gone() {
        let (reader, writer) = pair().expect("a pair");
        assert!(!was_told(&reader));
        tell(&writer);
        assert!(was_told(&reader));
        drop(writer);
        assert!(was_told(&reader));
    }

    #[test]
    fn who_ends_without_a_word_has_not_told_it() {
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
