//! The set-up of a process that the Rust runtime does, for one that starts without the runtime.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::signals::FAULTS;

/// Names this process after the file that the kernel was asked to execute (proc_pid_comm(5)), as if
/// it had not executed another program since.
pub fn name_as(executed: &Path) {
    let name = executed.file_name().unwrap_or_default();
    if let Ok(name) = CString::new(name.as_bytes()) {
        // SAFETY: a C string, of which the kernel takes the beginning.
        unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    }
}

/// Sets the signals of a fault to their default action, which ends the process.
pub fn default_fatal_signals() {
    for signal in FAULTS {
        // SAFETY: takes numbers; the handlers of this process are no longer needed.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Ignores the signals of a log without a reader and of a file that may not grow, and opens
/// `/dev/null` for each standard descriptor that the server left closed, as the next file would
/// become that descriptor.
pub fn prepare() {
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
