//! A process restored from an image that has no name yet: whether it lives, and which pages it has
//! to write to, which are prepared in others from the start.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::fs::{Timespec, Timestamps};

use crate::python::Sleeper;
use image::attempt::Ended;
use image::branch::Handoff;
use image::format::Head;
use image::process_state::Changes;
use image::{capture, freshness, wake};
use process::report;
use process::{descriptors, signals};

/// Once in a thousand times something of the new process is where the image has its stack.
const ATTEMPTS: usize = 5;

/// Has a process restored from the image, which looks at itself and ends; then seals the image with
/// what was learnt.
pub(super) fn pass(program: &Path, image: &Path, file: &File, mut head: Head) -> Result<()> {
    // An application that has ignored the ends of its children could not wait for one.
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
        bail!(
            "a process restored from it ended with {}: {}",
            tried.status,
            String::from_utf8_lossy(&tried.stderr).trim_end()
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

/// Its start and its end take milliseconds.
const LONGEST: u32 = 60;

/// Whoever writes to the file from now on changes its time, which is in it.
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
    rustix::fs::futimens(file, &times).context("the image's time")
}

/// The life of that process.
pub(super) fn live(head: &Head, handoff: &Handoff, sleeper: &Sleeper, changes: &Changes) -> ! {
    let tried = || -> Result<()> {
        // What the application prints is not for the maker.
        let mut out = File::from(descriptors::take()?.stdout);
        if let Err(what) = changes.put_back(true) {
            bail!("loading changed {what}, which another process cannot be given");
        }
        sleeper.wake(&wake::environment(handoff))?;
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
