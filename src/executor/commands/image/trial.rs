//! The trial: a process is restored from the new image, to see whether it works and which pages it
//! writes to at its start; in later processes these are prepared in advance.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Error, Result, bail};
use rustix::fs::{Timespec, Timestamps};

use crate::python::PythonState;
use image::attempt::Ended;
use image::branch::Handoff;
use image::format::Head;
use image::process_state::Changes;
use image::{capture, freshness, saved_state};
use process::report;
use process::{descriptors, signals};

/// About once in a thousand times the address of the image's stack is in use in the new process.
const ATTEMPTS: usize = 5;

/// Restores a process from the image, which reports its pages and ends; then seals the image with that list.
pub(super) fn pass(program: &Path, image: &Path, file: &File, mut head: Head) -> Result<()> {
    // If the application ignores SIGCHLD, this process could not wait for the child.
    signals::forget_children(false);
    let mut trial = Command::new(program);
    trial
        .arg0(image::restore::TRIAL)
        .arg(image)
        .env_clear()
        .stdin(Stdio::null());
    // SAFETY: a system call and nothing else, in the child before it becomes the program.
    unsafe {
        trial.pre_exec(|| {
            libc::alarm(LONGEST);
            Ok(())
        });
    }
    let mut tried = trial.output();
    for _ in 1..ATTEMPTS {
        let code = tried.as_ref().map(|tried| tried.status.code());
        if code.is_ok_and(|code| code == Some(Ended::Tried.code())) {
            break;
        }
        tried = trial.output();
    }
    let tried = tried.with_context(|| format!("`{}`", program.display()))?;
    if tried.status.code() != Some(Ended::Tried.code()) {
        let said = String::from_utf8_lossy(&tried.stderr);
        bail!(
            "the test process restored from the image {}",
            end(tried.status, said.trim_end())
        );
    }
    let parts = String::from_utf8(tried.stdout)?;
    head.eager = parts
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(start, length)| Some((start.parse().ok()?, length.parse().ok()?)))
        .collect();
    seal(file, &mut head)
}

/// How the trial ended, with what it wrote to its log.
fn end(status: ExitStatus, said: &str) -> String {
    let end = match (status.signal(), status.code()) {
        (Some(libc::SIGALRM), _) => format!("took longer than {LONGEST} s"),
        (Some(signal), _) => format!("was killed by {}", signals::shown(signal)),
        (None, Some(code)) if Ended::of(code) == Some(Ended::Refused) => "failed".into(),
        (None, code) => format!("ended with exit status {}", code.unwrap_or_default()),
    };
    match said {
        "" => end,
        said => format!("{end}: {said}"),
    }
}

/// How many seconds the trial may take; it takes milliseconds.
const LONGEST: u32 = 60;

/// Stores the time of the file in the file: a later write changes the time and shows.
fn seal(file: &File, head: &mut Head) -> Result<()> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    // Whole seconds: no file system rounds them.
    let time = Timespec {
        tv_sec: now.tv_sec,
        tv_nsec: 0,
    };
    head.sealed = freshness::time(time.tv_sec, 0);
    file.write_all_at(&head.encode(), 0)?;
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::futimens(file, &times).context("cannot set the modification time of the image")
}

/// The life of that process.
pub(super) fn live(
    head: &Head,
    handoff: &Handoff,
    python_state: &PythonState,
    changes: &Changes,
) -> ! {
    let tried = || -> Result<()> {
        // The maker reads the real standard output: what the application prints must not go there.
        let mut out = File::from(descriptors::take()?.stdout);
        changes.put_back(true).map_err(Error::msg)?;
        python_state.wake(&saved_state::environment(handoff))?;
        for (start, length) in capture::written_parts(head)? {
            writeln!(out, "{start} {length}")?;
        }
        Ok(())
    };
    let code = match tried() {
        Ok(()) => Ended::Tried.code(),
        Err(error) => {
            report::log_error(&error);
            Ended::Refused.code()
        }
    };
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}
