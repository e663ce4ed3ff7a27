//! The process that waits beside the one that answers, and ends as it ends. So it sees what no handler in
//! that process can catch: SIGKILL, `os._exit`, `exec` of another program, a Python that cannot start.

mod cause;

use std::ffi::c_int;
use std::io;
use std::os::fd::AsFd;

use super::panicking;
use crate::becoming::Becoming;
use crate::restoring::fallback;
use crate::restoring::started::{Started, exec};
use process::answering_child;
use process::claim::{self, Claim};
use process::descriptors::{self, Private};
use process::handed_on::HandedOn;
use process::tally;

pub(crate) use cause::SAID_ABOVE;

/// How the process that was to answer has ended.
pub(super) enum Ended {
    /// It could not be started: why, and what to do.
    NotStarted(String),
    /// It has answered, or has begun to: what `waitpid` says of it.
    Answered(c_int),
    /// It has not: its status as `waitpid` returns it, and whether its Python had started.
    Unanswered(c_int, bool),
}

/// Starts the Python that answers, and waits for its end. Where no second process can be started, this one
/// becomes it and does not return; `before_alone` is called before.
pub(super) fn beside_python(
    private: &mut Private,
    started: &Started,
    python: &Becoming,
    mut handed_on: HandedOn,
    before_alone: &dyn Fn(),
) -> Ended {
    handed_on.hand_pipes(private);
    let claim = Claim::new().ok();
    if let Some((_, page)) = &claim {
        handed_on.hand_claim(page.as_fd());
    }
    let (file, words) = python.c_words(&handed_on);
    let become_it = |private: &Private| match descriptors::hand_on(private) {
        Ok(()) => exec(&file, &words, &started.environment),
        Err(error) => error,
    };
    let not_started = |error: &io::Error| {
        Ended::NotStarted(cause::of_no_start(
            error,
            &started.environment,
            python.python(),
        ))
    };
    let alone = |private: &Private| {
        before_alone();
        not_started(&become_it(private))
    };
    let Some((claim, page)) = claim else {
        return alone(private);
    };
    let answering = match answering_child::start(claim) {
        Ok(Some(answering)) => answering,
        Ok(None) => {
            claim.note_failure(&become_it(private));
            // SAFETY: ends the process.
            unsafe { libc::_exit(127) }
        }
        // No second process: no other one knows the page of the claim.
        Err(_) => return alone(private),
    };
    drop(page);
    let status = answering.wait(claim, Some(private));
    match claim.failure() {
        Some(error) => not_started(&error),
        None => Ended::of(status, claim),
    }
}

/// Forks: the child, which is to be restored from an image, gets `None` at once; the parent waits for it.
/// Without a second process (no room for one) this one gets `None`.
pub(super) fn beside_restored() -> Option<(Private, Ended)> {
    let (claim, page) = Claim::new().ok()?;
    drop(page);
    let answering = match answering_child::start(claim) {
        Ok(Some(answering)) => answering,
        Ok(None) => {
            claim::answer_under(claim);
            return None;
        }
        Err(_) => return None,
    };
    // The child may have answered.
    panicking::without_image();
    let Ok(mut private) = descriptors::take() else {
        let ended = Ended::of(answering.wait(claim, None), claim);
        if !matches!(ended, Ended::Answered(_)) {
            fallback::give_up();
        }
        ended.end_as_it_did()
    };
    let ended = Ended::of(answering.wait(claim, Some(&mut private)), claim);
    Some((private, ended))
}

impl Ended {
    fn of(status: c_int, claim: Claim) -> Self {
        tally::own().take_over(claim.tally());
        if claim.is_taken() {
            Self::Answered(status)
        } else {
            Self::Unanswered(status, claim.has_started())
        }
    }

    /// Why the request has no answer; `None` where it has one.
    pub(super) fn sentence(&self, python: Option<&Becoming>) -> Option<String> {
        let python = match python {
            Some(python) => format!("`{}`", python.python().display()),
            None => "the Python of the image".into(),
        };
        match self {
            Self::Answered(_) => None,
            Self::NotStarted(why) => Some(format!("{python} cannot be started: {why}")),
            Self::Unanswered(status, has_started) => {
                Some(cause::of_the_end(*status, *has_started, &python))
            }
        }
    }

    /// Whether SIGKILL ended it after it had begun to answer: it could not log that itself.
    pub(super) fn was_cut_short(&self) -> bool {
        matches!(self, Self::Answered(status)
            if libc::WIFSIGNALED(*status) && libc::WTERMSIG(*status) == libc::SIGKILL)
    }

    /// Ends this process in the same way.
    pub(super) fn end_as_it_did(&self) -> ! {
        let (Self::Answered(status) | Self::Unanswered(status, _)) = self else {
            std::process::exit(1)
        };
        if libc::WIFSIGNALED(*status) {
            let signal = libc::WTERMSIG(*status);
            // SAFETY: plain integers, and a zeroed structure: a limit of 0 bytes. The other process has
            // left its core dump; this one would be of no use.
            unsafe {
                let nothing: libc::rlimit = std::mem::zeroed();
                libc::setrlimit(libc::RLIMIT_CORE, &raw const nothing);
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
            std::process::exit(128 + signal)
        }
        std::process::exit(libc::WEXITSTATUS(*status))
    }
}
