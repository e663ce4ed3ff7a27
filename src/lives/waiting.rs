//! The process that waits beside the one that answers, and ends as it ends. So it sees what no handler in
//! that process can catch: SIGKILL, `os._exit`, `exec` of another program, a Python that cannot start.

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
use settings::reach::is_noexec;

/// How the process that was to answer has ended.
pub(super) enum Ended {
    /// It could not be started.
    NotStarted(io::Error),
    /// It has answered, or has begun to: what `waitpid` says of it.
    Answered(c_int),
    /// It has not: its status as `waitpid` returns it.
    Unanswered(c_int),
}

/// Starts the Python that answers, and waits for its end. Where no second process can be started, this one
/// becomes it and does not return.
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
        // No second process: no other one knows the page of the claim.
        Err(_) => return Ended::NotStarted(become_it(private)),
    };
    drop(page);
    Ended::of(answering.wait(claim, Some(private)), claim)
}

/// Forks: the child, which is to be restored from an image, gets `None` at once; the parent waits for it.
/// Without a second process (no room for one) this one gets `None`.
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

/// The cause in the entry for a Python that has logged it itself.
pub(crate) const SAID_ABOVE: &str = "the line above in the log says why";

impl Ended {
    fn of(status: c_int, claim: Claim) -> Self {
        tally::own().take_over(claim.tally());
        match claim.failure() {
            Some(error) => Self::NotStarted(error),
            None if claim.is_taken() => Self::Answered(status),
            None => Self::Unanswered(status),
        }
    }

    /// Why the request has no answer; `None` where it has one.
    pub(super) fn sentence(&self, python: Option<&Becoming>) -> Option<String> {
        let path = python.map(Becoming::python);
        let python = match python {
            Some(python) => format!("`{}`", python.python().display()),
            None => "the Python of the image".into(),
        };
        Some(match self {
            Self::Answered(_) => return None,
            Self::NotStarted(error) => {
                let remedy = match error.raw_os_error() {
                    // Another Python would fail in the same way.
                    Some(libc::E2BIG | libc::EAGAIN | libc::ENOMEM) => "",
                    _ => ": name another Python with --python or --venv",
                };
                let why = if path.is_some_and(is_noexec) {
                    "it is on a file system that is mounted `noexec`".to_owned()
                } else {
                    error.to_string()
                };
                format!("{python} cannot be started: {why}{remedy}")
            }
            Self::Unanswered(status) if libc::WIFSIGNALED(*status) => {
                let signal = libc::WTERMSIG(*status);
                let why = if signal == libc::SIGKILL {
                    ": the hosting provider may limit memory or CPU time"
                } else {
                    ""
                };
                let name = String::from_utf8_lossy(name(signal));
                format!(
                    "the process answering this request was killed by {name} before it answered{why}"
                )
            }
            Self::Unanswered(status)
                if libc::WEXITSTATUS(*status) == i32::from(Exit::NoGood.code()) =>
            {
                format!("cannot use {python}: {SAID_ABOVE}")
            }
            Self::Unanswered(status) => format!(
                "the process answering this request ended with exit status {} before it answered: it \
                 called `os._exit` or `os.exec*`, or its Python ({python}) could not start",
                libc::WEXITSTATUS(*status)
            ),
        })
    }

    /// Whether SIGKILL ended it after it had begun to answer: it could not log that itself.
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
