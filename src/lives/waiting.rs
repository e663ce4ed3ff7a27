//! The process that waits beside the one that answers: it holds the server's pipe until that one has
//! claimed the answer, hands signals on, and ends as it ends. What no handler in that process can catch
//! (SIGKILL, `os._exit`, another program in its place, a Python that cannot start) is so seen by somebody.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::becoming::Becoming;
use crate::restoring::started::{Started, exec};
use process::claim::{self, Claim};
use process::descriptors::{self, Private};
use process::handed_on::HandedOn;
use process::report::Exit;
use process::signals::name;

/// What is handed on to the process that answers. What ends a program, or tells it something.
const HANDED_ON: [c_int; 6] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// The process that answers; for the signal handler.
static ANSWERING: AtomicI32 = AtomicI32::new(0);

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
pub(super) fn beside(
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
    let signals = Signals::hold();
    claim.watch();
    // SAFETY: this process has one thread; the new one makes system calls until it is the Python.
    let child = unsafe { libc::fork() };
    if child == 0 {
        signals.give_back();
        // SAFETY: a number; the one that waits may have gone meanwhile, which is as if it went later.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        claim.note_failure(&become_it(private));
        // SAFETY: ends the process.
        unsafe { libc::_exit(127) }
    }
    if child < 0 {
        signals.give_back();
        // Nobody waits: the page is known to nobody else.
        return Ended::NotStarted(become_it(private));
    }
    drop(page);
    ANSWERING.store(child, Ordering::Release);
    signals.hand_on();
    let status = wait(child, &claim, private);
    ANSWERING.store(0, Ordering::Release);
    match claim.failure() {
        Some(error) => Ended::NotStarted(error),
        None if claim.is_taken() => Ended::Answered(status),
        None => Ended::Unanswered(status),
    }
}

/// Waits for its end. From the moment when it has the claim, this process has no part in the server's pipes:
/// the server reads until their end (RFC 3875, section 6.4).
fn wait(child: c_int, claim: &Claim, private: &mut Private) -> c_int {
    let mut status = 0;
    loop {
        let is_answering = claim.is_taken();
        if is_answering {
            _ = descriptors::let_go(private);
        }
        let how = if is_answering { 0 } else { libc::WNOHANG };
        // SAFETY: the number of a child, and a place for a number.
        match unsafe { libc::waitpid(child, &raw mut status, how) } {
            0 => {
                claim.wait();
                _ = claim.take_news();
            }
            ended if ended == child => return status,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return status,
        }
    }
}

impl Ended {
    /// Why nobody has answered, if so it is.
    pub(super) fn sentence(&self, python: &Becoming) -> Option<String> {
        let python = python.python().display();
        Some(match self {
            Self::Answered(_) => return None,
            Self::NotStarted(error) => {
                let remedy = match error.raw_os_error() {
                    // There is no room for it, as there would be for no other.
                    Some(libc::E2BIG | libc::EAGAIN | libc::ENOMEM) => "",
                    _ => ": name another Python with --python or --venv",
                };
                format!("`{python}` cannot be started: {error}{remedy}")
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
                format!("`{python}` cannot be used, for the reason logged above")
            }
            Self::Unanswered(status) => format!(
                "the process that was to answer ended with exit status {} before it answered: it \
                 called `os._exit`, became another program, or its Python (`{python}`) could not start",
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

/// The signals that this process holds back while it starts the other, and what they did before.
struct Signals {
    mask: libc::sigset_t,
    before: [libc::sigaction; HANDED_ON.len()],
    child: libc::sigaction,
}

impl Signals {
    fn hold() -> Self {
        // SAFETY: the sets and the actions are this function's own, and written by the calls; a structure
        // of zeros is a value of each.
        unsafe {
            let mut all = MaybeUninit::zeroed();
            let mut mask = MaybeUninit::zeroed();
            libc::sigfillset(all.as_mut_ptr());
            libc::sigprocmask(libc::SIG_SETMASK, all.as_ptr(), mask.as_mut_ptr());
            let set = |signal, handler: extern "C" fn(c_int)| {
                let mut before: libc::sigaction = std::mem::zeroed();
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = handler as usize;
                libc::sigaction(signal, &raw const action, &raw mut before);
                before
            };
            Self {
                before: HANDED_ON.map(|signal| set(signal, on_signal)),
                child: set(libc::SIGCHLD, on_news),
                mask: mask.assume_init(),
            }
        }
    }

    /// The process that waits takes them from now on; what the server had ignored stays so.
    fn hand_on(&self) {
        for (signal, before) in HANDED_ON.iter().zip(&self.before) {
            if before.sa_sigaction == libc::SIG_IGN {
                // SAFETY: the action is one that the system has given.
                unsafe { libc::sigaction(*signal, before, null_mut()) };
            }
        }
        // A server may have left it blocked, and nobody else tells of the other process's end.
        let mut mask = self.mask;
        // SAFETY: the set is a local one.
        unsafe { libc::sigdelset(&raw mut mask, libc::SIGCHLD) };
        let_through(&mask);
    }

    /// All of it is as it was.
    fn give_back(&self) {
        // SAFETY: the actions are those that the system has given.
        unsafe {
            for (signal, before) in HANDED_ON.iter().zip(&self.before) {
                libc::sigaction(*signal, before, null_mut());
            }
            libc::sigaction(libc::SIGCHLD, &raw const self.child, null_mut());
        }
        let_through(&self.mask);
    }
}

fn let_through(mask: &libc::sigset_t) {
    // SAFETY: the set is whole.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, mask, null_mut()) };
}

extern "C" fn on_signal(signal: c_int) {
    let child = ANSWERING.load(Ordering::Acquire);
    if child > 0 {
        // SAFETY: a number and a signal.
        unsafe { libc::kill(child, signal) };
    }
}

extern "C" fn on_news(_: c_int) {
    claim::news();
}
