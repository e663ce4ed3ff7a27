//! What other programs' start does, for one that begins without it.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// This process has the name of the file that the kernel was asked to execute (proc_pid_comm(5)), as if no
/// other program had taken its place.
pub fn name_as(executed: &Path) {
    let name = executed.file_name().unwrap_or_default();
    if let Ok(name) = CString::new(name.as_bytes()) {
        // SAFETY: a C string, of which the kernel takes the beginning.
        unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    }
}

/// What ends a process because it did something wrong ends it from now on.
pub fn usual_fatal_signals() {
    for signal in [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGILL,
        libc::SIGFPE,
        libc::SIGABRT,
    ] {
        // SAFETY: numbers; no handler of this process's is wanted any more.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// A log that nobody reads or that may not grow is no reason to die, and what the server left closed is
/// open and empty, as the next file would take the number.
pub fn settle_in() {
    // SAFETY: system calls that take numbers, and a path that ends with a zero; to ignore a signal
    // needs no function.
    unsafe {
        for signal in [libc::SIGPIPE, libc::SIGXFSZ] {
            libc::signal(signal, libc::SIG_IGN);
        }
        for number in 0..3 {
            if libc::fcntl(number, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            }
        }
    }
}
