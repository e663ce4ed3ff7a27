//! A process forked to call the application, and what it writes to a pipe until it ends or is killed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group, waitpid,
};

use crate::python;

/// How long to wait for the pipe at most: a process that the application started may keep it open.
const LOOK: Duration = Duration::from_millis(20);

/// The process, seen from the one that waits.
pub(super) struct Child {
    process: Pid,
    pipe: OwnedFd,
    status: Option<WaitStatus>,
}

/// What the pipe and the process showed.
pub(super) enum Seen {
    /// More was written.
    Said(Vec<u8>),
    /// Nothing new.
    Nothing,
    /// It has ended, and all that it wrote was read.
    Ended(WaitStatus),
}

impl Child {
    /// Forks, does the work in the new process, and ends that.
    pub(super) fn start(work: impl FnOnce(OwnedFd)) -> Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).context("cannot create a pipe")?;
        let Some(process) = python::fork_for_child()? else {
            drop(read);
            // The processes that it starts are killed with it, and it is killed if the waiting process dies.
            _ = rustix::process::setpgid(None, None);
            _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
            work(write);
            // SAFETY: ends the process without cleaning up, which the parent does.
            unsafe { libc::_exit(0) }
        };
        drop(write);
        let process = Pid::from_raw(process).context("cannot start a process: fork() failed")?;
        rustix::fs::fcntl_setfl(&read, rustix::fs::OFlags::NONBLOCK)?;
        Ok(Self {
            process,
            pipe: read,
            status: None,
        })
    }

    /// Waits for a short while for something new.
    pub(super) fn look(&mut self) -> Result<Seen> {
        let mut block = vec![0; 65536];
        match rustix::io::read(&self.pipe, &mut block) {
            Ok(0) | Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(count) => {
                block.truncate(count);
                return Ok(Seen::Said(block));
            }
            Err(error) => return Err(io::Error::from(error).into()),
        }
        if python::is_interrupted() {
            self.end();
            bail!("interrupted");
        }
        if let Some(status) = self.status {
            self.end_group();
            return Ok(Seen::Ended(status));
        }
        let ended = waitpid(Some(self.process), WaitOptions::NOHANG)?;
        self.status = ended.map(|(_, status)| status);
        if self.status.is_none() {
            let mut ends = [PollFd::from_borrowed_fd(self.pipe.as_fd(), PollFlags::IN)];
            let look = Timespec::try_from(LOOK).ok();
            match poll(&mut ends, look.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
            // The pipe closes a moment before the process has ended.
            if ends[0].revents().contains(PollFlags::HUP) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(Seen::Nothing)
    }

    /// Kills it.
    pub(super) fn end(&mut self) {
        if self.status.is_none() {
            self.end_group();
            _ = kill_process(self.process, Signal::KILL);
            _ = waitpid(Some(self.process), WaitOptions::empty());
        }
    }

    /// Kills the processes that it left behind.
    fn end_group(&self) {
        _ = kill_process_group(self.process, Signal::KILL);
    }

    /// All that it writes until it ends; None if that takes longer.
    pub(super) fn read_to_end(mut self, timeout: Duration) -> Result<Option<Vec<u8>>> {
        let until = Instant::now() + timeout;
        let mut all = Vec::new();
        loop {
            match self.look()? {
                Seen::Said(block) => all.extend(block),
                Seen::Nothing => {}
                Seen::Ended(_) => return Ok(Some(all)),
            }
            if Instant::now() > until {
                self.end();
                return Ok(None);
            }
        }
    }
}
