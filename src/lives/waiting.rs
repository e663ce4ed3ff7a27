//! The process that waits beside the one that answers, and ends as it ends. What no handler in that process
//! can catch (SIGKILL, `os._exit`, another program in its place, a Python that cannot start) is so seen by
//! somebody.

use std::ffi::c_int;
use std::io;
use std::os::fd::AsFd;

use crate::becoming::Becoming;
use crate::restoring::started::{Started, exec};
use crate::restoring::way_out;
use process::beside;
use process::claim::{self, Claim};
use process::descriptors::{self, Private};
use process::handed_on::HandedOn;
use process::report::Exit;
use process::signals::name;
use process::tally;

/// How the process that was to answer has ended.
pub(super) enum Ended {
    /// It could not be started.
    NotStarted(io::Error),
    /// It has answered, or has begun to: what `waitpid` says of it.
    Answered(c_int),
    /// It has not.
    Unanswered(c_int),
}

/// Starts the Python that answers, and waits for its end. Where there is no room for a second process,
/// this one becomes it, and does not return.
pub(super) fn beside_python(
    private: &mut Private,
    started: &Started,
    python: &Becoming,
    mut handed_on: HandedOn,
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
    let Some((claim, page)) = claim else {
        return Ended::NotStarted(become_it(private));
    };
    let answering = match beside::start(claim) {
        Ok(Some(answering)) => answering,
        Ok(None) => {
            claim.note_failure(&become_it(private));
            // SAFETY: ends the process.
            unsafe { libc::_exit(127) }
        }
        // Nobody waits: the page is known to nobody else.
        Err(_) => return Ended::NotStarted(become_it(private)),
    };
    drop(page);
    Ended::of(answering.wait(claim, Some(private)), claim)
}

/// Waits beside a process that is to be restored from an image, in which this returns none. Nobody waits
/// where there is no room for a second process.
pub(super) fn beside_restored() -> Option<(Private, Ended)> {
    let (claim, page) = Claim::new().ok()?;
    drop(page);
    let answering = match beside::start(claim) {
        Ok(Some(answering)) => answering,
        Ok(None) => {
            claim::answer_under(claim);
            return None;
        }
        Err(_) => return None,
    };
    let Ok(mut private) = descriptors::take() else {
        let ended = Ended::of(answering.wait(claim, None), claim);
        if !matches!(ended, Ended::Answered(_)) {
            way_out::give_up();
        }
        ended.end_as_it_did()
    };
    let ended = Ended::of(answering.wait(claim, Some(&mut private)), claim);
    Some((private, ended))
}

impl Ended {
    fn of(status: c_int, claim: Claim) -> Self {
        tally::own().take_over(claim.tally());
        match claim.failure() {
            Some(error) => Self::NotStarted(error),
            None if claim.is_taken() => Self::Answered(status),
            None => Self::Unanswered(status),
        }
    }

    /// Why nobody has answered, if so it is.
    pub(super) fn sentence(&self, python: Option<&Becoming>) -> Option<String> {
        let python = match python {
            Some(python) => format!("`{}`", python.python().display()),
            None => "the Python of the image".into(),
        };
        Some(match self {
            Self::Answered(_) => return None,
            Self::NotStarted(error) => {
                let remedy = match error.raw_os_error() {
                    // There is no room for it, as there would be for no other.
                    Some(libc::E2BIG | libc::EAGAIN | libc::ENOMEM) => "",
                    _ => ": name another Python with --python or --venv",
                };
                format!("{python} cannot be started: {error}{remedy}")
            }
            Self::Unanswered(status) if libc::WIFSIGNALED(*status) => {
                let signal = libc::WTERMSIG(*status);
                let why = if signal == libc::SIGKILL {
                    ", as a host's limit on memory or processor time does"
                } else {
                    ""
                };
                let name = String::from_utf8_lossy(name(signal));
                format!("the process that was to answer was killed by {name}{why}")
            }
            Self::Unanswered(status)
                if libc::WEXITSTATUS(*status) == i32::from(Exit::NoGood.code()) =>
            {
                format!("{python} cannot be used, for the reason logged above")
            }
            Self::Unanswered(status) => format!(
                "the process that was to answer ended with exit status {} before it answered: it \
                 called `os._exit`, became another program, or its Python ({python}) could not start",
                libc::WEXITSTATUS(*status)
            ),
        })
    }

    /// Whether it was ended after it had begun to answer, in a way that it could not tell of itself.
    pub(super) fn was_cut_short(&self) -> bool {
        matches!(self, Self::Answered(status)
            if libc::WIFSIGNALED(*status) && libc::WTERMSIG(*status) == libc::SIGKILL)
    }

    /// Ends this process in the same way.
    pub(super) fn end_as_it_did(&self) -> ! {
        let (Self::Answered(status) | Self::Unanswered(status)) = self else {
            std::process::exit(1)
        };
        if libc::WIFSIGNALED(*status) {
            let signal = libc::WTERMSIG(*status);
            // SAFETY: numbers, and a structure of zeros, which is a limit of nothing: the other process
            // has left what there is to look into.
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
