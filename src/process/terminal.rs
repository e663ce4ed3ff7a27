//! The terminal itself, whatever the standard descriptors are: a request's content may be one of
//! them and its response another.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::stdio;

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
