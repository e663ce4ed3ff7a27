//! Shows a person who waits what a command is doing: a line on the terminal for each step that takes longer than
//! a second. Another process can report steps too, by writing them to the other end as its standard output.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use process::report;

/// Steps that take less time are not shown.
const LONG: Duration = Duration::from_secs(1);

/// Shows the steps until it is dropped.
#[derive(Debug)]
pub(super) struct Progress(Option<Watched>);

#[derive(Debug)]
struct Watched {
    steps: UnixStream,
    thread: JoinHandle<()>,
}

impl Progress {
    /// Shows nothing if standard error is not a terminal.
    pub(super) fn begin() -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let watched = UnixStream::pair().map(|(steps, reader)| Watched {
            steps,
            thread: std::thread::spawn(move || show_steps(reader)),
        });
        // A command does not fail because its steps cannot be shown.
        Self(watched.ok())
    }

    /// This step begins now.
    pub(super) fn at(&self, step: &str) {
        if let Some(Watched { steps, .. }) = &self.0 {
            _ = writeln!(&*steps, "{}", report::one_line(step));
        }
    }

    /// Where another process can write its steps, one per line.
    pub(super) fn other_end(&self) -> Option<OwnedFd> {
        let watched = self.0.as_ref()?;
        watched.steps.try_clone().ok().map(OwnedFd::from)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Watched { steps, thread }) = self.0.take() {
            _ = steps.shutdown(std::net::Shutdown::Write);
            drop(steps);
            _ = thread.join();
        }
    }
}

/// Reads steps until the end, and shows each step that takes too long.
fn show_steps(reader: UnixStream) {
    if reader.set_read_timeout(Some(LONG)).is_err() {
        return;
    }
    let mut lines = BufReader::new(reader);
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
