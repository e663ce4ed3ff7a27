//! How a process that makes an image ends: the image gets its name once a restored process has passed its trial, or
//! the reason why there is none is kept for later processes.

use std::fs::{self, File};
use std::io::Write;

use anyhow::{Context, Result, anyhow, bail};

use super::maker::Making;
use super::trial;
use super::warm_up;
use crate::python;
use exchange::MetaVariables;
use image::attempt::Ended;
use image::basis::{Basis, Changing, Unobserved};
use image::capture;
use image::format::Head;
use image::place::shown;
use image::store::{SAID, UNWARMED, read_head, remove};
use image::{freshness, pace, refusal, sweep};
use process::report::{self, Exit};

/// How many seconds a refusal is kept: its reason may have been outside of what is recorded.
pub(super) const REFUSED: u64 = 3600;
/// The longest time, if the image is refused again and again.
const MOST_REFUSED: u64 = 86_400;

impl Making {
    /// Names the image, or records why there is none, and ends the process.
    pub(super) fn conclude(
        &self,
        around: &MetaVariables,
        lock: Option<(u64, u64)>,
        basis: &Basis,
        written: Result<(Head, File)>,
    ) -> ! {
        if std::process::id() != self.maker {
            end(Ended::Made) // forked by the script while it was loaded, and at its end now
        }
        let ended = self.name(around, lock, basis, written);
        if let Err(error) = ended {
            report::log_error(&error);
            std::process::exit(Exit::Failure.code().into())
        }
        end(Ended::Made)
    }

    fn name(
        &self,
        around: &MetaVariables,
        lock: Option<(u64, u64)>,
        basis: &Basis,
        written: Result<(Head, File)>,
    ) -> Result<()> {
        let files = &self.files;
        let passed = written
            .and_then(|(head, file)| trial::pass(&self.program, &files.at("new"), &file, head));
        if lock.is_none() || files.lock() != lock {
            end(Ended::Again) // the folder was removed, and whatever is there now is another process's
        }
        if let Err(error) = passed {
            remove(&files.at("new"));
            if error.is::<Unobserved>() {
                end(Ended::Again)
            }
            self.refuse(&error, basis)?;
        }
        let is_changed = ["image", "bad"].iter().all(|ending| {
            read_head(&files.at(ending)).is_none_or(|head| {
                freshness::check(&head, &basis.identity, head.made, around).is_err()
            })
        });
        if is_changed || self.by_hand {
            remove(&files.at("crashes"));
        }
        if self.by_hand {
            remove(&files.at("tries"));
        }
        for ending in ["refused", "bad", "pages", "used", "unlucky", SAID, UNWARMED] {
            remove(&files.at(ending));
        }
        fs::rename(files.at("new"), files.at("image"))
            .context("cannot move the new image into place")?;
        sweep::sweep(&files.folder, &files.name);
        std::io::stdout().flush()?;
        Ok(())
    }

    /// Called in a child that the script forked, which would answer instead of this process: refuses
    /// the image, and ends both.
    pub(super) fn refuse_for_a_child(&self, basis: &Basis) -> ! {
        let error = anyhow!("the script answers from a child process (os.fork)");
        if !self.learns {
            match self.keep_refusal(&error, basis) {
                Ok(reason) => report::log(&reason),
                Err(error) => report::log_error(&error),
            }
        }
        // SAFETY: sends a signal.
        unsafe { libc::kill(self.maker.cast_signed(), libc::SIGKILL) };
        end(Ended::Refused)
    }

    /// Records for other processes why there is no image, until one of the things that this depends on changes.
    fn keep_refusal(&self, error: &anyhow::Error, basis: &Basis) -> Result<String> {
        let files = &self.files;
        let reason = format!("{}: no image: {error:#}", self.script.display());
        let reason = shown(reason.as_bytes());
        let changing = pace::wait(self.attempt);
        let max_age = if error.is::<Changing>() {
            changing
        } else {
            (REFUSED << self.attempt.saturating_sub(1).min(5)).min(MOST_REFUSED)
        };
        let head = match basis.refusal(pace::now(), &reason, max_age) {
            Ok(head) => head,
            // If a file has changed meanwhile, it is unknown which content was read.
            Err(_) => Basis {
                identity: basis.identity.clone(),
                max_age: changing,
                ..Basis::default()
            }
            .refusal(pace::now(), &reason, changing)?,
        };
        let written = capture::create(&files.at("new")).and_then(|mut file| {
            file.write_all(&head.encode())?;
            Ok(fs::rename(files.at("new"), files.at("refused"))?)
        });
        if let Err(error) = written {
            remove(&files.at("new"));
            report::log(&format!(
                "cannot save the reason why there is no image: {error:#}"
            ));
        }
        Ok(reason)
    }

    fn refuse(&self, error: &anyhow::Error, basis: &Basis) -> Result<()> {
        // Another attempt may find the file unchanged; the observer knows whether this one was the last.
        let is_kept = error
            .downcast_ref::<Changing>()
            .is_none_or(|changing| changing.by_loading)
            && warm_up::give_up(&self.files, error);
        if is_kept && !error.is::<Changing>() {
            leave();
            end(Ended::Unwarmed)
        }
        let reason = self.keep_refusal(error, basis)?;
        let files = &self.files;
        if self.by_hand {
            remove(&files.at("tries"));
        }
        leave();
        // Loading has run the exit functions too: so it is repeated only if the result may differ.
        if let Some(changing) = error.downcast_ref::<Changing>() {
            end(if changing.by_loading {
                Ended::Settles
            } else {
                Ended::Again
            })
        }
        bail!("{reason}")
    }
}

/// Runs the exit functions of the loaded application. With other threads, they might wait forever.
fn leave() {
    if refusal::refuse_threads_and_timers().is_ok() {
        python::leave();
    }
}

/// Ends a process that cannot learn anything.
pub(super) fn give_up() -> ! {
    leave();
    end(Ended::Refused)
}

/// Ends the process without exit functions, which are for processes that answer requests.
pub(super) fn end(ended: Ended) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(ended.code()) }
}
