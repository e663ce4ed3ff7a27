//! For a person who gets the response and the log in one place, on a terminal or with `2>&1`:
//! whether the response has left a line open there, so that a log entry has to begin a new one.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::{fs, stdio};

static IS_OPEN: AtomicBool = AtomicBool::new(false);

/// Whether the log goes to where `output` goes. Has to be asked before standard error is replaced.
pub fn is_shared(output: impl AsFd) -> bool {
    let (Ok(output), Ok(log)) = (fs::fstat(output), fs::fstat(stdio::stderr())) else {
        return false;
    };
    (output.st_dev, output.st_ino) == (log.st_dev, log.st_ino)
}

/// Notes what was last written of a response that goes to where the log goes.
pub fn wrote(block: &[u8]) {
    if let Some(last) = block.last() {
        IS_OPEN.store(*last != b'\n', Ordering::Relaxed);
    }
}

/// What an entry of the log begins with. Safe in a signal handler.
pub fn end() -> &'static str {
    if IS_OPEN.load(Ordering::Relaxed) && IS_OPEN.swap(false, Ordering::Relaxed) {
        "\n"
    } else {
        ""
    }
}
