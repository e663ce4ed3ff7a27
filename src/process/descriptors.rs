//! The standard descriptors: the server's pipes are taken for the exchange alone, and what the
//! application or a C library prints goes to the error log.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::{fs, stdio};

use super::descriptor_copies;
use crate::filter;

/// The two ends that the server gave this process.
#[derive(Debug)]
pub struct Private {
    /// The message-body arrives here.
    pub stdin: OwnedFd,
    /// The response leaves here.
    pub stdout: OwnedFd,
}

/// Takes standard input and output for the exchange. Afterwards descriptor 0 is empty and
/// descriptor 1 is the error log. Both private ends are closed on exec: the server reads until
/// end-of-file, so no descendant may keep them open (RFC 3875, section 6.4).
///
/// mini_httpd and others use one pipe for the response and the log: then there is no log.
pub fn take() -> io::Result<Private> {
    let is_mixed = is_same_pipe(stdio::stdout(), stdio::stderr())?;
    take_from(is_mixed)
}

/// As [`take`], for a person who may send the log to where the response goes, with `2>&1 |` for
/// example.
pub fn take_by_hand() -> io::Result<Private> {
    take_from(false)
}

/// Takes over the private ends that the program left open when this process executed Python.
///
/// # Errors
/// Where they are not open.
pub fn adopt((stdin, stdout): (RawFd, RawFd)) -> io::Result<Private> {
    let adopt = |number: RawFd| -> io::Result<OwnedFd> {
        // SAFETY: a number is looked at; that nothing is open there is an error.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC)?;
        // SAFETY: it is open, and the program left it open for this process alone.
        Ok(unsafe { OwnedFd::from_raw_fd(number) })
    };
    Ok(Private {
        stdin: adopt(stdin)?,
        stdout: adopt(stdout)?,
    })
}

/// Puts `/dev/null` in the place of the private ends.
///
/// # Errors
/// Where that cannot be opened.
pub fn let_go(private: &mut Private) -> io::Result<()> {
    let null = fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    for end in [&mut private.stdin, &mut private.stdout] {
        rustix::io::dup3(&null, end, rustix::io::DupFlags::CLOEXEC)?;
    }
    Ok(())
}

/// Leaves the private ends open for the program that this process becomes.
///
/// # Errors
/// Where the system refuses it.
pub fn hand_on(private: &Private) -> io::Result<()> {
    for end in [&private.stdin, &private.stdout] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::empty())?;
    }
    Ok(())
}

fn take_from(is_mixed: bool) -> io::Result<Private> {
    let private = Private {
        stdin: rustix::io::fcntl_dupfd_cloexec(stdio::stdin(), 3)?,
        stdout: rustix::io::fcntl_dupfd_cloexec(stdio::stdout(), 3)?,
    };
    let null = fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    stdio::dup2_stdin(&null)?;
    if is_mixed {
        stdio::dup2_stderr(&null)?;
    }
    stdio::dup2_stdout(stdio::stderr())?;
    Ok(private)
}

/// Sends the error log, and what is printed, to the end of a file.
pub fn log_to(path: &Path) -> io::Result<()> {
    let file = open_log(path)?;
    stdio::dup2_stderr(&file)?;
    stdio::dup2_stdout(&file)?;
    descriptor_copies::keep_log(file.as_fd());
    Ok(())
}

/// Appends only the error log to a file: standard output is left unchanged.
pub fn errors_to(path: &Path) -> io::Result<()> {
    Ok(stdio::dup2_stderr(open_log(path)?)?)
}

/// Opens an error log, to write at its end. A FIFO without a reader is an error: no request waits
/// for one.
pub fn open_log(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
    let at_once = flags | OFlags::NONBLOCK;
    let file = match fs::open(path, at_once, Mode::from_raw_mode(0o640)) {
        Err(Errno::NXIO) => return Err(io::Error::other("no process reads from this FIFO")),
        file => file?,
    };
    // Blocking again, so that a write does not fail where the reader is slow.
    fs::fcntl_setfl(&file, OFlags::APPEND)?;
    Ok(file)
}

/// The descriptors from 3 on that the parent process left open for this one (`sd_listen_fds(3)`).
/// Has to be called before anything else is opened. They are closed on exec from now on.
pub fn inherited(count: i32) -> io::Result<Vec<OwnedFd>> {
    let mut inherited = Vec::new();
    for raw in 3..3_i32.saturating_add(count) {
        // SAFETY: a number is looked at; that nothing is open there is an error.
        let descriptor = unsafe { BorrowedFd::borrow_raw(raw) };
        rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC)?;
        // SAFETY: it is open, and the caller sees to it that nobody else has taken it.
        inherited.push(unsafe { OwnedFd::from_raw_fd(raw) });
    }
    Ok(inherited)
}

/// Closes all descriptors but the standard ones and that one. Has to be called before anything else is opened.
pub fn close_others(kept: Option<BorrowedFd<'_>>) {
    let mut first = 3;
    if let Some(kept) = kept.and_then(|kept| u32::try_from(kept.as_raw_fd()).ok()) {
        if kept > first {
            filter::close(first, kept - 1);
        }
        first = kept + 1;
    }
    filter::close(first, u32::MAX);
}

fn is_same_pipe(one: impl AsFd, other: impl AsFd) -> io::Result<bool> {
    let (one, other) = (fs::fstat(one)?, fs::fstat(other)?);
    let kind = FileType::from_raw_mode(one.st_mode);
    Ok(matches!(kind, FileType::Fifo | FileType::Socket)
        && (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}
