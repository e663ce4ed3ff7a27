//! The terminal itself, whatever the standard descriptors are: a request's content may be one of
//! them and its response another.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::stdio;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// The terminal that this process was started from.
#[derive(Debug)]
pub struct Terminal(OwnedFd);

impl Terminal {
    /// Opens it; fails where there is none.
    pub fn open() -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let terminal = rustix::fs::open("/dev/tty", flags, Mode::empty())?;
        Ok(Self(terminal))
    }

    /// Asks a question and reads a line that is not shown while it is typed, such as a password.
    pub fn ask(self, question: &str) -> io::Result<Vec<u8>> {
        let usual = tcgetattr(&self.0)?;
        let mut secret = usual.clone();
        secret.local_modes.remove(LocalModes::ECHO);
        let mut terminal = BufReader::new(File::from(self.0));
        tcsetattr(terminal.get_ref(), OptionalActions::Flush, &secret)?;
        let mut line = Vec::new();
        let read = terminal
            .get_mut()
            .write_all(question.as_bytes())
            .and_then(|()| terminal.read_until(b'\n', &mut line));
        tcsetattr(terminal.get_ref(), OptionalActions::Now, &usual)?;
        // The newline that was typed was not shown either.
        terminal.get_mut().write_all(b"\n")?;
        read?;
        if line.pop_if(|end| *end == b'\n').is_none() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }

    /// Makes it standard input and output until the loan is dropped.
    pub fn lend(&self) -> io::Result<Loan> {
        let loan = Loan {
            stdin: rustix::io::fcntl_dupfd_cloexec(stdio::stdin(), 3)?,
            stdout: rustix::io::fcntl_dupfd_cloexec(stdio::stdout(), 3)?,
        };
        stdio::dup2_stdin(&self.0)?;
        stdio::dup2_stdout(&self.0)?;
        Ok(loan)
    }
}

/// The terminal is standard input and output.
#[derive(Debug)]
pub struct Loan {
    stdin: OwnedFd,
    stdout: OwnedFd,
}

impl Drop for Loan {
    fn drop(&mut self) {
        _ = stdio::dup2_stdin(&self.stdin);
        _ = stdio::dup2_stdout(&self.stdout);
    }
}
