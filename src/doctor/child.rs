//! Runs the processes that checks start: as the user who owns the script, in an environment as a server gives
//! it, with limits on time and output.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::Case;
use exchange::MetaVariables;
use image::freshness;

/// The most output that is read, in bytes; a response head is shorter.
const MOST: usize = 64 << 10;

/// A process's output and exit status; `None` where it was killed, as it took too long or wrote too much.
pub(super) struct Said {
    pub(super) status: Option<ExitStatus>,
    pub(super) output: Vec<u8>,
    pub(super) log: Vec<u8>,
}

impl Case<'_> {
    /// A command for a process that sees what a server's script would.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir("/").stdin(Stdio::null());
        for (name, value) in of_no_request(self).iter() {
            command.env(OsStr::from_bytes(name), OsStr::from_bytes(value));
        }
        if let Some((user, group)) = self.user() {
            command.uid(user).gid(group);
        }
        command
    }

    /// The user and group to run as, if this is root: the owner of the script or its folder.
    pub(super) fn user(&self) -> Option<(u32, u32)> {
        let script = self
            .script
            .filter(|_| rustix::process::geteuid().is_root())?;
        let owners = [Some(script), script.parent()].into_iter().flatten();
        owners
            .filter_map(|path| fs::metadata(path).ok())
            .map(|about| (about.uid(), about.gid()))
            .find(|(user, _)| *user != 0)
    }

    /// Runs it to its end, or to the end of the time that all of this may take.
    pub(super) fn run(&self, mut command: Command) -> io::Result<Said> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (mut output, mut log) = (Vec::new(), Vec::new());
        let whole = match (child.stdout.take(), child.stderr.take()) {
            (Some(stdout), Some(stderr)) => {
                read(stdout, stderr, &mut output, &mut log, self.until)?
            }
            _ => false,
        };
        let status = if whole {
            wait(&mut child, self.until)?
        } else {
            None
        };
        if status.is_none() {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                _ = kill_process_group(group, Signal::KILL);
            }
            child.wait()?;
        }
        Ok(Said {
            status,
            output,
            log,
        })
    }
}

/// The variables that a server gives every script: none of this request, and on a terminal none of the shell
/// except `WSGI_CGI_*`.
fn of_no_request(case: &Case) -> MetaVariables {
    let mut kept = freshness::outside(case.environment);
    if !case.is_page {
        kept = MetaVariables::from_pairs(
            kept.iter()
                .filter(|(name, _)| name.starts_with(b"WSGI_CGI_"))
                .map(|(name, value)| (name.to_vec(), value.to_vec())),
        );
        kept.set("PATH", b"/usr/local/bin:/usr/bin:/bin".to_vec());
    }
    kept
}

/// Reads both to their ends; false where there is too much output or the time is up.
fn read(
    mut stdout: impl Read + AsFd,
    mut stderr: impl Read + AsFd,
    output: &mut Vec<u8>,
    log: &mut Vec<u8>,
    until: Instant,
) -> io::Result<bool> {
    let mut open = [true, true];
    while open != [false, false] {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).ok();
        let ends: [BorrowedFd; 2] = [stdout.as_fd(), stderr.as_fd()];
        let mut waiting: Vec<PollFd> = (0..2)
            .filter(|&place| open[place])
            .map(|place| PollFd::from_borrowed_fd(ends[place], PollFlags::IN))
            .collect();
        if left.is_zero() || poll(&mut waiting, timeout.as_ref())? == 0 {
            return Ok(false);
        }
        let mut ready = waiting.iter().map(|end| !end.revents().is_empty());
        let ready = open.map(|is_open| is_open && ready.next().unwrap_or(false));
        let mut block = [0; 4096];
        if ready[0] {
            let count = stdout.read(&mut block)?;
            open[0] = count > 0;
            output.extend_from_slice(&block[..count]);
            if output.len() > MOST {
                return Ok(false);
            }
        }
        if ready[1] {
            let count = stderr.read(&mut block)?;
            open[1] = count > 0;
            // The rest is read, so that the process does not block, and discarded.
            let room = MOST.saturating_sub(log.len());
            log.extend_from_slice(&block[..count.min(room)]);
        }
    }
    Ok(true)
}

/// Waits for the end of a process that has closed its pipes.
fn wait(child: &mut Child, until: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
