//! A bug of this program in a CGI request: a panic is logged, and the request is answered all the same. The hook
//! never returns, as what is installed from a wheel cannot unwind (`scripts/wheel`).

use std::sync::atomic::{AtomicBool, Ordering};

use crate::restoring::fallback;
use crate::restoring::started::Started;
use process::last_resort::{self, Answer};
use process::report::{self, Exit};
use process::tally;

/// Whether an image is out of the question by now.
static IS_COLD: AtomicBool = AtomicBool::new(false);

/// Installs the hook. Until [`without_image`] a panic starts the program anew, which then tries no image; later it
/// ends in a 500.
pub(super) fn install(started: &'static Started) {
    std::panic::set_hook(Box::new(|panic| {
        report::log(&format!("bug in wsgi-cgi: {panic}"));
        if !IS_COLD.load(Ordering::Relaxed) {
            started.start_without_image();
        }
        if last_resort::answer(Answer::Error) {
            last_resort::drain();
        } else if tally::own().sent().0 == 0 {
            fallback::give_up();
        }
        std::process::exit(Exit::Failure.code().into())
    }));
}

/// From now on this process answers without an image.
pub(super) fn without_image() {
    IS_COLD.store(true, Ordering::Relaxed);
}
