//! What signals are called in the log.

use std::ffi::c_int;

/// What a signal is called in the log: `SIGKILL`, or `signal 40`.
#[must_use]
pub fn shown(signal: c_int) -> String {
    match name(signal) {
        b"" => format!("signal {signal}"),
        name => String::from_utf8_lossy(name).into_owned(),
    }
}

/// The same without the formatter, which may allocate; empty for a signal without a name here.
pub(super) fn name(signal: c_int) -> &'static [u8] {
    match signal {
        libc::SIGSEGV => b"SIGSEGV (a memory fault)",
        libc::SIGBUS => b"SIGBUS (a memory fault)",
        libc::SIGFPE => b"SIGFPE (an arithmetic fault)",
        libc::SIGILL => b"SIGILL (an illegal instruction)",
        libc::SIGXCPU => b"SIGXCPU (CPU time limit reached)",
        libc::SIGABRT => b"SIGABRT (abort)",
        libc::SIGKILL => b"SIGKILL",
        libc::SIGTERM => b"SIGTERM",
        libc::SIGHUP => b"SIGHUP",
        libc::SIGINT => b"SIGINT",
        libc::SIGQUIT => b"SIGQUIT",
        libc::SIGPIPE => b"SIGPIPE",
        libc::SIGALRM => b"SIGALRM",
        libc::SIGXFSZ => b"SIGXFSZ (file size limit reached)",
        libc::SIGUSR1 => b"SIGUSR1",
        libc::SIGUSR2 => b"SIGUSR2",
        libc::SIGCHLD => b"SIGCHLD",
        libc::SIGCONT => b"SIGCONT",
        libc::SIGTSTP => b"SIGTSTP",
        libc::SIGTTIN => b"SIGTTIN",
        libc::SIGTTOU => b"SIGTTOU",
        libc::SIGURG => b"SIGURG",
        libc::SIGVTALRM => b"SIGVTALRM",
        libc::SIGPROF => b"SIGPROF",
        libc::SIGWINCH => b"SIGWINCH",
        libc::SIGIO => b"SIGIO",
        libc::SIGTRAP => b"SIGTRAP",
        libc::SIGSYS => b"SIGSYS (a system call that is not allowed)",
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_is_named_or_numbered() {
        assert_eq!(shown(libc::SIGKILL), "SIGKILL");
        assert_eq!(shown(40), "signal 40");
    }
}
