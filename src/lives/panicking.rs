//! A bug of this program in a CGI request: a panic is logged, and the request is answered all the same. The hook
//! never returns, as the program in a wheel cannot unwind (`scripts/wheel`).

use std::sync::atomic::{AtomicBool, Ordering};

use crate::restoring::fallback;
use crate::restoring::started::Started;
use process::last_resort::{self, Answer};
use process::report::{self, Exit};
use process::{claim, tally};

/// Whether an image is out of the question by now.
static IS_COLD: AtomicBool = AtomicBool::new(false);

/// Installs the hook. Until [`without_image`] a panic starts the program anew, which then looks for no image; later
/// it ends in a 500.
pub(super) fn install(started: &'static Started) {
    let process = std::process::id();
    std::panic::set_hook(Box::new(move |panic| {
        report::log(&format!("bug in wsgi-cgi: {panic}"));
        let exit = Exit::Failure.code().into();
        if std::process::id() != process && claim::place().is_null() {
            // A process that this one has forked, and that does not answer.
            // SAFETY: ends the process.
            unsafe { libc::_exit(exit) }
        }
        if !IS_COLD.load(Ordering::Relaxed) {
            started.start_without_image();
        }
        if last_resort::answer(Answer::Error) {
            last_resort::drain();
        } else if tally::own().sent().0 == 0 {
            fallback::give_up();
        }
        std::process::exit(exit)
    }));
}

/// From now on this process answers without an image.
pub(super) fn without_image() {
    IS_COLD.store(true, Ordering::Relaxed);
}

/// Panics at this stage if a test has planted that; only where the program was built with assertions.
pub(super) fn at(stage: &str) {
    let is_planted = cfg!(debug_assertions)
        && std::env::var_os("TEST_WSGI_CGI_PANIC").is_some_and(|planted| planted == stage);
    assert!(!is_planted, "planted: {stage}");
}
