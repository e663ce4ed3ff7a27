//! Signals: a fatal signal still gets the client an answer, SIGTERM unwinds the application within
//! two seconds, and `--timeout` is a timer of our own (the application may use SIGALRM itself).
//!
//! The handlers make system calls and nothing else: write, dup, setitimer, sigaction, `_exit`.

mod names;

use std::ffi::c_int;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use super::last_resort::{self, Answer};
use crate::exit::Exit;
use crate::timer::Timer;
use crate::{access_log, tally};
use names::name;
pub use names::shown;

/// How many ticks an application may take to unwind.
const TICKS: u32 = 20;
/// The length of a tick in microseconds.
const TICK: libc::suseconds_t = 100_000;

/// The signals of a fault of the process itself.
pub const FAULTS: [c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
];

/// The signals that end a process because of a fault or a limit.
const FATAL: [c_int; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
    libc::SIGXCPU,
];

/// Whether `install` has done its work.
static INSTALLED: AtomicBool = AtomicBool::new(false);

static STOPPING: AtomicBool = AtomicBool::new(false);

/// The milliseconds of `--timeout`.
static LIMIT: AtomicU64 = AtomicU64::new(0);

/// Whether it is being stopped because it timed out.
static TIMED_OUT: AtomicBool = AtomicBool::new(false);

/// Whether SIGTERM is not logged.
static SILENT: AtomicBool = AtomicBool::new(false);

/// The milliseconds of `--max-time`, if a timeout is one of that, and ends the process with curl's exit status for it;
/// else 0.
static AS_CURL: AtomicU64 = AtomicU64::new(0);

/// How many ticks of the time to unwind have passed.
static PASSED: AtomicU32 = AtomicU32::new(0);

/// Whether SIGTERM came after the response.
static CLEANING_UP: AtomicBool = AtomicBool::new(false);

/// The interpreter's own handler for SIGTERM, once there is one: it makes Python call the function
/// that raises.
static INTERPRETER: AtomicUsize = AtomicUsize::new(0);

pub(super) type Handler = extern "C" fn(c_int);

/// Installs the handlers, so that a process that dies answers first. Has to be called before
/// anything that can fail; a second call does nothing.
pub fn install() {
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    for signal in FATAL {
        set(
            signal,
            on_fatal,
            libc::SA_ONSTACK | libc::SA_RESETHAND | libc::SA_NODEFER,
        );
    }
    set(libc::SIGTERM, on_terminate, 0);
    // A handler that is installed over it later and calls it, such as the one that dumps Python's
    // traceback, runs first.
    set(timeout_signal(), on_timeout, libc::SA_NODEFER);
    // SAFETY: both functions are `extern "C"`, take no argument and live as long as the process.
    unsafe {
        libc::atexit(on_exit);
        libc::pthread_atfork(None, None, Some(on_fork_child));
    }
}

/// Sets whether SIGTERM is not logged: for a process that answers no requests and is stopped together with
/// processes that do.
pub fn stop_silently(silently: bool) {
    SILENT.store(silently, Ordering::Release);
}

/// Puts our SIGTERM handler before the one that the interpreter has just installed.
pub fn unwind_on_terminate() {
    let theirs = set(libc::SIGTERM, on_terminate, 0);
    INTERPRETER.store(theirs, Ordering::Release);
}

/// Whether the application is being unwound: a write that was interrupted is not taken up again.
pub fn stopping() -> bool {
    STOPPING.load(Ordering::Acquire)
}

/// Whether the process has to end soon, so that nothing that takes time may begin.
pub fn has_to_end() -> bool {
    stopping() || CLEANING_UP.load(Ordering::Acquire)
}

/// How a process that was stopped ends: asked to, or because the exchange took too long.
pub fn exit_when_stopped() -> Exit {
    if TIMED_OUT.load(Ordering::Acquire) && AS_CURL.load(Ordering::Acquire) > 0 {
        Exit::TimedOut
    } else if TIMED_OUT.load(Ordering::Acquire) {
        Exit::Failure
    } else {
        Exit::Terminated
    }
}

/// From now on a timeout is one of `--max-time`, of which `limit` was typed.
pub fn time_out_as_curl(limit: Duration) {
    AS_CURL.store(milliseconds(limit).max(1), Ordering::Release);
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The signal of the timeout's timer.
#[must_use]
pub fn timeout_signal() -> c_int {
    libc::SIGRTMAX() - 1
}

/// Starts the timer of `--timeout`, which runs as long as the process.
pub fn start_timeout(after: Duration) -> io::Result<()> {
    LIMIT.store(milliseconds(after), Ordering::Release);
    std::mem::forget(Timer::start(timeout_signal(), after)?);
    Ok(())
}

extern "C" fn on_fatal(signal: c_int) {
    // SIGXCPU comes from a limit of the host, so the image is not to blame.
    if signal != libc::SIGXCPU {
        last_resort::mark_image_bad();
    }
    last_resort::fall_back();
    let answered = last_resort::answer(Answer::Error);
    log_death(signal);
    if answered {
        last_resort::drain();
    }
    last_resort::disarm();
    access_log::write_in_handler();
    // SAFETY: async-signal-safe; the default action is back (SA_RESETHAND) and ends the process.
    unsafe { libc::raise(signal) };
}

fn log_death(signal: c_int) {
    let mut digits = [0; 24];
    match getrlimit(Resource::Cpu).current {
        // With the signal, the kernel has raised the limit by a second.
        Some(raised) if signal == libc::SIGXCPU => last_resort::log(&[
            b"the process was killed by SIGXCPU: its CPU time limit is ",
            seconds(raised.saturating_sub(1).saturating_mul(1000), &mut digits),
            b" s (RLIMIT_CPU)",
        ]),
        _ => last_resort::log(&[b"the process was killed by ", name(signal)]),
    }
}

extern "C" fn on_terminate(signal: c_int) {
    if last_resort::is_over() {
        // Apache and busybox send it as soon as they have the response: what the application does
        // in `close()` and at exit is not interrupted, but ends in time.
        if !CLEANING_UP.swap(true, Ordering::AcqRel) {
            begin_grace();
        }
        return;
    }
    if STOPPING.swap(true, Ordering::AcqRel) {
        return;
    }
    if last_resort::is_another() {
        // A forked process, which a pool may end with SIGTERM: the exchange has not failed.
        // SAFETY: both are async-signal-safe; the signal comes again once this function has returned.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
        return;
    }
    if !SILENT.load(Ordering::Acquire) {
        last_resort::log(&[b"asked to stop by SIGTERM"]);
    }
    last_resort::stop_waiting();
    stop(signal);
}

extern "C" fn on_timeout(_: c_int) {
    if STOPPING.swap(true, Ordering::AcqRel) {
        return;
    }
    TIMED_OUT.store(true, Ordering::Release);
    let mut digits = [0; 24];
    let (limit, option): (_, &[u8]) = match AS_CURL.load(Ordering::Acquire) {
        0 => (LIMIT.load(Ordering::Acquire), b" s (--timeout)"),
        typed => (typed, b" s (-m, --max-time)"),
    };
    last_resort::log(&[
        b"timed out after ",
        seconds(limit, &mut digits),
        option,
        if has_interpreter() {
            b": the traceback above shows where the application was"
        } else {
            b" before the application was called"
        },
    ]);
    if last_resort::answer(Answer::Timeout) {
        last_resort::drain();
    }
    last_resort::let_go();
    stop(libc::SIGTERM);
}

/// A number of milliseconds in seconds, as `2` or `0.25`: without the formatter, which may allocate.
fn seconds(mut milliseconds: u64, digits: &mut [u8; 24]) -> &[u8] {
    let mut start = digits.len();
    let mut put = |byte| {
        start -= 1;
        digits[start] = byte;
    };
    let mut places = 3;
    while places > 0 && milliseconds.is_multiple_of(10) {
        milliseconds /= 10;
        places -= 1;
    }
    let mut done = 0;
    while done <= places || milliseconds > 0 {
        if done == places && places > 0 {
            put(b'.');
        }
        put(b'0' + u8::try_from(milliseconds % 10).unwrap_or(0));
        milliseconds /= 10;
        done += 1;
    }
    &digits[start..]
}

/// Whether there is an application to unwind.
fn has_interpreter() -> bool {
    ![libc::SIG_DFL, libc::SIG_IGN].contains(&INTERPRETER.load(Ordering::Acquire))
}

/// Begins to unwind the application, or ends at once where there is none yet.
fn stop(signal: c_int) {
    if !has_interpreter() {
        end();
    }
    begin_grace();
    let interpreter = INTERPRETER.load(Ordering::Acquire);
    // SAFETY: what sigaction returned for a handler without SA_SIGINFO is a function of one int.
    unsafe { std::mem::transmute::<usize, Handler>(interpreter)(signal) };
}

/// Starts the grace period. It passes in ticks, each of which interrupts the call that the
/// application waits in: one that was about to begin when SIGTERM came would otherwise wait to its
/// end.
fn begin_grace() {
    set(libc::SIGALRM, on_tick, 0);
    let tick = libc::timeval {
        tv_sec: 0,
        tv_usec: TICK,
    };
    let every = libc::itimerval {
        it_interval: tick,
        it_value: tick,
    };
    // SAFETY: a system call and nothing else, on Linux safe in a handler as alarm() is.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const every, ptr::null_mut()) };
}

extern "C" fn on_tick(_: c_int) {
    if PASSED.fetch_add(1, Ordering::AcqRel) + 1 >= TICKS {
        last_resort::log(&[b"the application did not stop within 2 seconds: ending its process"]);
        end();
    }
}

fn end() -> ! {
    last_resort::answer(Answer::Error);
    access_log::write_in_handler();
    // SAFETY: async-signal-safe.
    unsafe { libc::_exit(exit_when_stopped().code().into()) }
}

/// What this program does last, for a C library that calls `exit()` too.
pub extern "C" fn on_exit() {
    if last_resort::answer(Answer::Error) {
        last_resort::drain();
    }
    access_log::write_or_log();
}

/// A forked child does not answer, and does not keep the server waiting for end-of-file.
unsafe extern "C" fn on_fork_child() {
    last_resort::let_go();
    tally::let_go();
}

/// Installs a handler that makes system calls and nothing else.
pub(super) fn set_handler(signal: c_int, handler: Handler) {
    set(signal, handler, 0);
}

/// Makes a write beyond the file size limit fail with an error instead of ending the process.
pub fn ignore_file_limit() {
    // SAFETY: to ignore a signal needs no function.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Sets whether the kernel reaps children that have ended, so that nobody has to wait for them.
pub fn forget_children(forget: bool) {
    let action = if forget { libc::SIG_IGN } else { libc::SIG_DFL };
    // SAFETY: neither of the two is a function.
    unsafe { libc::signal(libc::SIGCHLD, action) };
}

/// Installs a handler and returns the one that was there.
fn set(signal: c_int, handler: Handler, flags: c_int) -> usize {
    let mut action: libc::sigaction = zeroed();
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = flags;
    let mut before: libc::sigaction = zeroed();
    // SAFETY: both structures are whole and live through the call; the handlers above are
    // async-signal-safe.
    unsafe { libc::sigaction(signal, &raw const action, &raw mut before) };
    before.sa_sigaction
}

/// An all-zero C structure.
fn zeroed<T: CStructure>() -> T {
    // SAFETY: only implemented for plain C structures of integers and pointers.
    unsafe { std::mem::zeroed() }
}

trait CStructure {}
impl CStructure for libc::sigaction {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_written_as_seconds() {
        for (milliseconds, expected) in [
            (0, "0"),
            (1, "0.001"),
            (50, "0.05"),
            (250, "0.25"),
            (2000, "2"),
            (10_500, "10.5"),
            (u64::MAX, "18446744073709551.615"),
        ] {
            let mut digits = [0; 24];
            let written = seconds(milliseconds, &mut digits);
            assert_eq!(written, expected.as_bytes());
        }
    }
}
