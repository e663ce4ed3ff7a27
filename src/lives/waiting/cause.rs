//! Why a process did not answer a request, in words for the log: with the limits of the system that may have ended
//! it, which this process has too, and with what it had used.

use std::ffi::{CStr, c_char, c_int};
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use process::report::Exit;
use process::{signals, times};
use settings::permissions::is_noexec;

/// The cause in the entry for a Python that has logged it itself.
pub(crate) const SAID_ABOVE: &str = "the line above in the log says why";

/// Why a Python cannot be started, and what to do.
pub(super) fn of_no_start(
    error: &io::Error,
    environment: &[*const c_char],
    python: &Path,
) -> String {
    let why = if is_noexec(python) {
        "it is on a file system that is mounted `noexec`".to_owned()
    } else {
        error.to_string()
    };
    let remedy = match error.raw_os_error() {
        // Another Python would fail in the same way.
        Some(libc::E2BIG) => format!(
            "the environment has {} bytes, and at most a quarter of the stack limit (RLIMIT_STACK: {}) and 128 KiB for \
             each variable are allowed: set fewer or shorter variables, or raise that limit",
            length(environment),
            limit(Resource::Stack)
        ),
        Some(libc::EAGAIN) => format!(
            "this user has as many processes as are allowed: {} (RLIMIT_NPROC)",
            limit(Resource::Nproc)
        ),
        Some(libc::ENOMEM) => format!(
            "too little memory is free, or the limit is too low (RLIMIT_AS: {})",
            limit(Resource::As)
        ),
        _ => "name another Python with --python or --venv".into(),
    };
    format!("{why}: {remedy}")
}

/// How the process ended before it answered, and why; the status is that of `waitpid`.
pub(super) fn of_the_end(status: c_int, has_started: bool, python: &str) -> String {
    let end = if libc::WIFSIGNALED(status) {
        let signal = libc::WTERMSIG(status);
        let why = match signal {
            libc::SIGKILL => format!(": {}", of_sigkill()),
            _ => String::new(),
        };
        format!(
            "was killed by {} before it answered{why}",
            signals::shown(signal)
        )
    } else if libc::WEXITSTATUS(status) == i32::from(Exit::NoGood.code()) {
        return format!("cannot use {python}: {SAID_ABOVE}");
    } else {
        let why = if has_started {
            "it called `os._exit` or `os.exec*`".into()
        } else {
            format!("its Python ({python}) did not start: run it by hand to see why")
        };
        let status = libc::WEXITSTATUS(status);
        format!("ended with exit status {status} before it answered: {why}")
    };
    format!("the process answering this request {end}")
}

/// What the process had used. The kernel counts CPU time for the limit in another way, so both are given.
fn of_sigkill() -> String {
    let allowed = getrlimit(Resource::Cpu).maximum;
    format!(
        "it had used {} MB of memory and {:.1} s of CPU time{}, and the hosting provider may limit both",
        times::most_memory_of_children() / 1_000_000,
        Duration::from_nanos(times::processor_of_children()).as_secs_f64(),
        allowed.map_or(String::new(), |seconds| format!(
            " (allowed: {seconds} s, RLIMIT_CPU)"
        ))
    )
}

fn limit(resource: Resource) -> String {
    let limit = getrlimit(resource).current;
    limit.map_or("unlimited".into(), |limit| limit.to_string())
}

/// The bytes that the kernel counts: each text with its end, and a pointer to it.
fn length(environment: &[*const c_char]) -> usize {
    let texts = environment.iter().filter(|text| !text.is_null());
    // SAFETY: texts that the kernel gave or that this program made, all of which stay as they are.
    let lengths = texts.map(|&text| unsafe { CStr::from_ptr(text) }.to_bytes().len() + 9);
    lengths.sum()
}
