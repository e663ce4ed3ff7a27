//! Where a person has the response and the log in one place, on a terminal or by `2>&1`: whether the
//! response stands in the middle of a line there, so that what is logged begins one of its own.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::{fs, stdio};

static IS_OPEN: AtomicBool = AtomicBool::new(false);

/// Whether the log goes to where `output` goes. Asked before anything takes the log's place.
pub fn is_shared(output: impl AsFd) -> bool {
    let (Ok(output), Ok(log)) = (fs::fstat(output), fs::fstat(stdio::stderr())) else {
        return false;
    };
    (output.st_dev, output.st_ino) == (log.st_dev, log.st_ino)
}

/// The response has come so far; only of one whose place the log shares.
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
