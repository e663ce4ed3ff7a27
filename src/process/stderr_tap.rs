//! Standard error, looked through line by line: some lines are kept, all others go on to where
//! they were going.

use std::io::{BufRead, BufReader, PipeReader, Write};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, channel};

use rustix::stdio;

/// The last line of the tap's own: others may hold the pipe open, so its end is no sign.
const LAST: &[u8] = b"\0wsgi-cgi: end of standard error\n";

/// Which lines are kept.
pub type IsKept = fn(&[u8]) -> bool;

/// A tap on descriptor 2, until it is stopped or dropped.
#[derive(Debug)]
pub struct StderrTap {
    real: Option<OwnedFd>,
    kept: Receiver<Vec<Vec<u8>>>,
}

impl StderrTap {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system has no pipe or no thread left.
    pub fn start(is_kept: IsKept) -> std::io::Result<Self> {
        let real = rustix::io::fcntl_dupfd_cloexec(stdio::stderr(), 3)?;
        let (reader, writer) = std::io::pipe()?;
        let onward = std::fs::File::from(real.try_clone()?);
        let (sender, kept) = channel();
        std::thread::Builder::new()
            .name("stderr".to_owned())
            .spawn(move || _ = sender.send(listen(reader, onward, is_kept)))?;
        stdio::dup2_stderr(&writer)?;
        Ok(Self {
            real: Some(real),
            kept,
        })
    }

    /// Stops, and gives what was kept.
    pub fn stop(&mut self) -> Vec<Vec<u8>> {
        let Some(real) = self.real.take() else {
            return Vec::new();
        };
        _ = std::io::stderr().write_all(LAST);
        _ = stdio::dup2_stderr(&real);
        self.kept.recv().unwrap_or_default()
    }
}

impl Drop for StderrTap {
    fn drop(&mut self) {
        self.stop();
    }
}

fn listen(reader: PipeReader, mut onward: impl Write, is_kept: IsKept) -> Vec<Vec<u8>> {
    let mut lines = BufReader::new(reader);
    let mut kept = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.read_until(b'\n', &mut line) {
            Ok(1..) if line.ends_with(LAST) => {
                _ = onward.write_all(&line[..line.len() - LAST.len()]);
                return kept;
            }
            Ok(1..) if is_kept(&line) => kept.push(line.clone()),
            Ok(1..) => _ = onward.write_all(&line),
            Ok(0) | Err(_) => return kept,
        }
    }
}
