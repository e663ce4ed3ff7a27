//! Processes beside the one that calls the application: children that it leaves behind, and copies of the
//! process itself, forked by the application, that would go on as if they were it.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use rustix::pipe::{PipeFlags, pipe_with};

use super::around::PATIENCE;
use super::notes::Notes;
use checking::rules;

/// Child processes, and copies of this one that would go on as if they were it.
pub(super) struct Beside {
    process: i32,
    had_children: bool,
    /// A copy of this process says here that it ends.
    ends: (OwnedFd, OwnedFd),
}

/// What is known of this process's children.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Children {
    None,
    Running,
    Ended,
}

impl Beside {
    pub(super) fn new() -> PyResult<Self> {
        let ends = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
        Ok(Self {
            process: rustix::process::getpid().as_raw_nonzero().get(),
            had_children: children() != Children::None,
            ends: ends.map_err(std::io::Error::from)?,
        })
    }

    /// Ends a process that the application has forked, and that has come back to us.
    pub(super) fn end_a_fork(&self) {
        if rustix::process::getpid().as_raw_nonzero().get() != self.process {
            _ = rustix::io::write(&self.ends.1, b"f");
            // SAFETY: nothing of this process is to go on, and nothing to be tidied up.
            unsafe { libc::_exit(0) }
        }
    }

    /// Says what is there of processes that was not there before.
    pub(super) fn judge(&self, notes: &Notes, application: &str) {
        if self.had_children {
            return;
        }
        let until = Instant::now() + PATIENCE;
        let mut left = children();
        while left == Children::Running && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
            left = children();
        }
        let mut came = [0];
        if rustix::io::read(&self.ends.0, &mut came) == Ok(1) {
            let text = "a process that the application forked returned from the application too";
            notes.found(&rules::FORK_RETURNS, application, text);
            // It was a copy of this process, which nobody else waits for.
            // SAFETY: a child is waited for, without a place for its status.
            unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
            return;
        }
        match left {
            Children::None => {}
            Children::Running => {
                let text = "a child process goes on after the answer";
                notes.found(&rules::PROCESS_LEFT, application, text);
            }
            Children::Ended => {
                let text = "a child process has ended, and was not waited for";
                notes.found(&rules::PROCESS_LEFT, application, text);
            }
        }
    }
}

/// Looks without taking anybody's status.
fn children() -> Children {
    // SAFETY: all bytes zero are a value of this type.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is written to, and lives as long as the call.
    let found = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) };
    if found != 0 {
        return Children::None;
    }
    // SAFETY: after a successful call it has a process number, 0 where none has ended.
    if unsafe { info.si_pid() } == 0 {
        Children::Running
    } else {
        Children::Ended
    }
}
