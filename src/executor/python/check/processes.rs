//! Processes that the application starts: children that it leaves behind, and forked copies of this
//! process that return from the application and would continue the check.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use rustix::pipe::{PipeFlags, pipe_with};

use super::notes::Notes;
use super::side_effects::PATIENCE;
use checking::rules;

/// Child processes, and forked copies of this one.
pub(super) struct Processes {
    process: i32,
    had_children: bool,
    /// A forked copy writes here before it ends.
    ends: (OwnedFd, OwnedFd),
}

/// The state of the child processes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Children {
    None,
    Running,
    Ended,
}

impl Processes {
    pub(super) fn new() -> PyResult<Self> {
        let ends = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
        Ok(Self {
            process: rustix::process::getpid().as_raw_nonzero().get(),
            had_children: children() != Children::None,
            ends: ends.map_err(std::io::Error::from)?,
        })
    }

    /// Ends this process if it is a copy forked by the application.
    pub(super) fn end_if_forked(&self) {
        if rustix::process::getpid().as_raw_nonzero().get() != self.process {
            _ = rustix::io::write(&self.ends.1, b"f");
            // SAFETY: ends the process without cleaning up.
            unsafe { libc::_exit(0) }
        }
    }

    /// Records processes that were not there before.
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
            let text = "a process forked by the application returned to the gateway";
            notes.found(&rules::FORK_RETURNS, application, text);
            // Reaps the copy of this process.
            // SAFETY: waits for a child, without its status.
            unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
            return;
        }
        match left {
            Children::None => {}
            Children::Running => {
                let text = "a child process is still running after the answer";
                notes.found(&rules::PROCESS_LEFT, application, text);
            }
            Children::Ended => {
                let text = "a child process ended, but the application did not wait for it";
                notes.found(&rules::PROCESS_LEFT, application, text);
            }
        }
    }
}

/// Looks without reaping a child.
fn children() -> Children {
    // SAFETY: all bytes zero are a value of this type.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is written to, and lives as long as the call.
    let found = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) };
    if found != 0 {
        return Children::None;
    }
    // SAFETY: after a successful call it has a PID, 0 if none has ended.
    if unsafe { info.si_pid() } == 0 {
        Children::Running
    } else {
        Children::Ended
    }
}
