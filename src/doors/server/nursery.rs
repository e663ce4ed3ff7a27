//! The nursery as the listening process sees it: the process that has Python and forks a worker for
//! each request. Its standard input is its end of the channel.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use rustix::process::{Pid, Signal, kill_process_group};

use super::channel::Told;
use super::freshness::Freshness;
use super::{Channel, Handover};
use process::program;

/// A running one.
#[derive(Debug)]
pub struct Nursery {
    child: Child,
    channel: Channel,
    freshness: Freshness,
    is_ready: bool,
    has_old_log: bool,
}

impl Nursery {
    /// Starts this program with the arguments that make it a nursery.
    pub fn start(arguments: &[OsString]) -> io::Result<Self> {
        let (channel, other_end) = Channel::pair()?;
        let freshness = Freshness::from_now();
        let child = Command::new(program::path())
            .args(arguments)
            // Those sockets are not for the application (`sd_listen_fds(3)`).
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_FDNAMES")
            // Nor may the application report the state of the service (`sd_notify(3)`).
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::from(other_end))
            // Ctrl-C at the terminal is for the listening process alone, which lets work finish.
            .process_group(0)
            .spawn()?;
        Ok(Self {
            child,
            channel,
            freshness,
            is_ready: false,
            has_old_log: false,
        })
    }

    /// Hands a request over. `WouldBlock` when there is no room now.
    pub(super) fn hand_over(&self, request: &Handover) -> io::Result<()> {
        self.channel.hand_over(request)
    }

    /// Reads its messages; false when it has ended.
    pub(super) fn listen(&mut self) -> bool {
        loop {
            match self.channel.told() {
                Ok(Told::Nothing) => return true,
                Ok(Told::Files(files, is_last)) => {
                    self.freshness.add(files);
                    self.is_ready |= is_last;
                }
                Ok(Told::NotLoaded) => {
                    self.freshness.not_loaded();
                    self.is_ready = true;
                }
                Ok(Told::Gone) | Err(_) => return false,
            }
        }
    }

    /// Whether it takes requests.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Whether it takes requests and has loaded the application.
    pub(super) fn has_loaded(&self) -> bool {
        self.is_ready && !self.freshness.has_failed_to_load()
    }

    /// Whether the application it has loaded is the one on disk.
    pub(super) fn is_fresh(&self) -> bool {
        self.freshness.is_fresh()
    }

    /// Whether a file of the loaded application was changed after that time.
    pub(super) fn was_edited_since(&self, then: SystemTime) -> bool {
        self.freshness.was_edited_since(then)
    }

    /// The log was opened again: this one still has the file that was renamed.
    pub(super) fn keeps_old_log(&mut self) {
        self.has_old_log = true;
    }

    /// Whether the log was opened again since this one opened it.
    pub(super) fn has_old_log(&self) -> bool {
        self.has_old_log
    }

    /// Its process group, which its workers are in.
    #[must_use]
    pub fn group(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }

    /// Sends no more requests: it ends once it has taken those that were sent, and its workers when
    /// they are done. The channel stays open until then: if it were closed, unread requests would
    /// be lost.
    pub(super) fn retire(&self) {
        self.channel.close_for_requests();
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }
}

impl AsFd for Nursery {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

/// Asks all processes of a group to stop.
pub(super) fn stop_group(group: Pid, signal: Signal) {
    // It fails where the group has no processes left, which is fine.
    _ = kill_process_group(group, signal);
}
