//! The worker's report to the listening process on a socket: a line with the status when the response
//! begins, and when it ends a line with the bytes of content and whether the connection stays open.
//! If the socket closes without the first line, nothing was sent. The listening process sends nothing; it
//! closes its direction when the client has gone and the response is not needed any more.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown, send, shutdown};

/// The response begins. Allocates nothing: a process that dies here leaves no response.
pub(super) fn begun(report: &OwnedFd, status: u16) {
    let [hundreds, tens, ones] = [100, 10, 1].map(|place| b'0' + (status / place % 10) as u8);
    write(report, &[hundreds, tens, ones, b'\n']);
}

/// The response has ended.
pub(super) fn ended(report: &OwnedFd, sent: u64, whole: bool, goes_on: bool) {
    let connection = match (whole, goes_on) {
        (true, true) => "keep",
        (true, false) => "close",
        (false, _) => "cut",
    };
    write(report, format!("{sent} {connection}\n").as_bytes());
}

/// Does not block: the line is short, and the socket holds nothing else. Errors are
/// ignored: then the listening process has ended.
fn write(report: &OwnedFd, line: &[u8]) {
    while let Err(Errno::INTR) = send(report, line, SendFlags::NOSIGNAL) {}
}

/// What is known of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The status, once the response has begun.
    pub(super) status: Option<u16>,
    /// The bytes of content, once it has ended.
    pub(super) sent: Option<u64>,
    /// Whether all of the response was sent.
    pub(super) is_whole: bool,
    /// Whether the connection may be used again.
    pub(super) goes_on: bool,
}

/// The listening end of the socket.
#[derive(Debug)]
pub(super) struct Report {
    socket: UnixStream,
    text: Vec<u8>,
    pub(super) outcome: Outcome,
}

impl Report {
    /// The end of the listening process, and the worker's end.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (near, far) = UnixStream::pair()?;
        let report = Self {
            socket: near,
            text: Vec::new(),
            outcome: Outcome::default(),
        };
        Ok((report, far.into()))
    }

    pub(super) fn descriptor(&self) -> &UnixStream {
        &self.socket
    }

    /// Tells the worker to stop: its response is not needed any more.
    pub(super) fn tell_to_stop(&self) {
        _ = shutdown(&self.socket, Shutdown::Write);
    }

    /// Reads once, when there is something to read. False when the worker has gone.
    pub(super) fn read(&mut self) -> bool {
        let mut block = [0; 256];
        match self.socket.read(&mut block) {
            Ok(0) => false,
            Ok(read) => {
                self.text.extend_from_slice(&block[..read]);
                self.outcome = parse(&self.text);
                true
            }
            Err(error) => error.kind() == io::ErrorKind::Interrupted,
        }
    }
}

/// A child of the worker could write here too: what cannot be parsed is ignored.
fn parse(text: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(text);
    let mut lines = text
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'));
    let status = lines.next().and_then(|line| line.parse().ok());
    let mut end = lines.next().unwrap_or_default().split(' ');
    let sent = end.next().and_then(|sent| sent.parse().ok());
    let connection = end.next().unwrap_or_default();
    Outcome {
        status,
        sent,
        is_whole: matches!(connection, "keep" | "close"),
        goes_on: connection == "keep",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_told_line_by_line() {
        let (mut report, worker) = Report::pair().expect("a pair");
        begun(&worker, 404);
        assert!(report.read());
        assert_eq!(report.outcome.status, Some(404));
        assert_eq!(report.outcome.sent, None);
        ended(&worker, 12, true, true);
        assert!(report.read());
        assert_eq!(report.outcome.sent, Some(12));
        assert!(report.outcome.goes_on && report.outcome.is_whole);
        drop(worker);
        assert!(!report.read());
    }

    #[test]
    fn half_a_line_is_not_parsed() {
        assert_eq!(parse(b"20"), Outcome::default());
        assert_eq!(parse(b"200\n1").sent, None);
    }
}
