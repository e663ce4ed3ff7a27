//! What a command is at, for a person who waits: a line on the terminal for each step that takes longer than a
//! second. Steps may be told by another process too, which has the other end as standard output.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use process::report;

/// What takes less is not worth a line.
const LONG: Duration = Duration::from_secs(1);

/// Says what is going on, until it is dropped.
#[derive(Debug)]
pub(super) struct Progress(Option<Watched>);

#[derive(Debug)]
struct Watched {
    steps: UnixStream,
    teller: JoinHandle<()>,
}

impl Progress {
    /// Nothing is said where standard error is no terminal.
    pub(super) fn begin() -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let watched = UnixStream::pair().map(|(steps, told)| Watched {
            steps,
            teller: std::thread::spawn(move || tell(told)),
        });
        // What cannot be told is no reason to fail.
        Self(watched.ok())
    }

    /// This is what begins now.
    pub(super) fn at(&self, step: &str) {
        if let Some(Watched { steps, .. }) = &self.0 {
            _ = writeln!(&*steps, "{}", report::one_line(step));
        }
    }

    /// Where another process says what it is at, a line for each step.
    pub(super) fn other_end(&self) -> Option<OwnedFd> {
        let watched = self.0.as_ref()?;
        watched.steps.try_clone().ok().map(OwnedFd::from)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Watched { steps, teller }) = self.0.take() {
            _ = steps.shutdown(std::net::Shutdown::Write);
            drop(steps);
            _ = teller.join();
        }
    }
}

/// Reads steps to the end, and says each that no other follows in time.
fn tell(told: UnixStream) {
    if told.set_read_timeout(Some(LONG)).is_err() {
        return;
    }
    let mut lines = BufReader::new(told);
    let mut step = None;
    loop {
        let mut line = String::new();
        match lines.read_line(&mut line) {
            Ok(0) => return,
            Ok(_) => step = Some(line),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if let Some(step) = step.take() {
                    report::log(&format!("{} ...", step.trim_end()));
                }
            }
            Err(_) => return,
        }
    }
}
