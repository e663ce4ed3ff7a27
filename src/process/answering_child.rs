//! The two processes of a request: one answers, the other waits beside it. It holds the server's pipe until
//! the first has claimed the answer, hands signals on, and learns how the first has ended.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::claim::{self, Claim};
use crate::descriptors::{self, Private};

/// The signals that are passed on to the process that answers: those that end a program or notify
/// it.
const HANDED_ON: [c_int; 6] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// The PID of the process that answers; for the signal handler.
static ANSWERING: AtomicI32 = AtomicI32::new(0);

/// The process that answers, as the one that waits knows it.
#[derive(Debug)]
pub struct Answering(c_int);

/// Starts the process that is to answer; in that process this returns `None`. This process has one
/// thread.
///
/// # Errors
/// Where a second process cannot be started; nothing has changed then.
pub fn start(claim: Claim) -> io::Result<Option<Answering>> {
    let signals = Signals::hold();
    claim.watch();
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    match child {
        0 => {
            signals.give_back();
            // SAFETY: takes numbers. Where the waiting process has ended already, this has no
            // effect.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            Ok(None)
        }
        1.. => {
            ANSWERING.store(child, Ordering::Release);
            signals.hand_on();
            Ok(Some(Answering(child)))
        }
        _ => {
            let error = io::Error::last_os_error();
            signals.give_back();
            Err(error)
        }
    }
}

impl Answering {
    /// Waits for its end and returns the status of `waitpid`. Once it has the claim, this process
    /// closes its own ends of the server's pipes: the server reads until end-of-file (RFC 3875,
    /// section 6.4).
    pub fn wait(self, claim: Claim, mut private: Option<&mut Private>) -> c_int {
        let mut status = 0;
        loop {
            let is_answering = claim.is_taken();
            if is_answering && let Some(private) = &mut private {
                _ = descriptors::let_go(private);
            }
            let how = if is_answering { 0 } else { libc::WNOHANG };
            // SAFETY: the PID of a child, and a place for its status.
            match unsafe { libc::waitpid(self.0, &raw mut status, how) } {
                0 => {
                    claim.wait();
                    _ = claim.take_news();
                }
                ended if ended == self.0 => break,
                _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        ANSWERING.store(0, Ordering::Release);
        status
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

    /// The waiting process handles them from now on; those that the server ignored stay ignored.
    fn hand_on(&self) {
        for (signal, before) in HANDED_ON.iter().zip(&self.before) {
            if before.sa_sigaction == libc::SIG_IGN {
                // SAFETY: the action is one that the system has given.
                unsafe { libc::sigaction(*signal, before, null_mut()) };
            }
        }
        // A server may have left it blocked, and only this signal reports the other process's end.
        let mut mask = self.mask;
        // SAFETY: the set is a local one.
        unsafe { libc::sigdelset(&raw mut mask, libc::SIGCHLD) };
        let_through(&mask);
    }

    /// Restores the mask and the actions.
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
    claim::wake_waiting_process();
}
