//! The life of a process that was restored from an image to answer a request.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::super::cgi;
use super::super::executor::Executor;
use crate::config::Config;
use crate::process::{environment, last_resort};
use crate::python::Sleeper;
use crate::report::{self, Exit};
use crate::snapshot::branch::Handoff;
use crate::snapshot::format::Head;
use crate::snapshot::process_state::{self, Changes};
use crate::snapshot::{image, pace, pages, wake};

/// Answers as any other process, with the application that is loaded already. Before it has begun,
/// what goes wrong leaves the request to the cold program.
pub(super) fn go_on(
    handoff: &Handoff,
    sleeper: &Sleeper,
    changes: &Changes,
    mut config: Config,
    executor: Executor,
) -> Exit {
    if !handoff.image.is_null() {
        // SAFETY: the launcher's string, in memory that stays mapped.
        last_resort::spoil(unsafe { CStr::from_ptr(handoff.image) });
    }
    last_resort::fall_back_to(process_state::undone_before(handoff.cold));
    let meta = wake::environment(handoff);
    let mut around = meta.clone();
    // The client's `Proxy:` header (CVE-2016-5385).
    around.remove("HTTP_PROXY");
    environment::replace(&around);
    if let Err(what) = changes.put_back(false) {
        let script = config.app.to_string();
        report::log(&format!(
            "{script}: loading changed {what}, which this process cannot be given"
        ));
        wait_with_the_next(handoff);
        last_resort::fall_back();
    }
    if changes.has_moved() {
        config.chdir = None;
    }
    if let Err(error) = sleeper.wake(&around) {
        report::log(&format!("the restored process cannot go on: {error:#}"));
        wait_with_the_next(handoff);
        last_resort::fall_back();
    }
    cgi::run_restored(meta, config, executor)
}

/// Keeps which pages this process has written to, for those that follow: the client has its answer.
pub(super) fn tell_pages(handoff: &Handoff, head: &Head) {
    if handoff.learns == 0 || handoff.image.is_null() {
        return;
    }
    // SAFETY: as above.
    let image = unsafe { CStr::from_ptr(handoff.image) };
    let path = Path::new(OsStr::from_bytes(image.to_bytes())).with_extension("pages");
    let Ok(parts) = image::written_parts(head) else {
        return;
    };
    // One of an image that is gone. Where it cannot be kept each process goes on as this one did.
    _ = std::fs::remove_file(&path);
    if let Ok(file) = image::create(&path) {
        _ = file.write_all_at(&pages::encode(handoff.learns, parts), 0);
    }
}

/// What one process could not do the next one mostly cannot either: the image rests for a while.
fn wait_with_the_next(handoff: &Handoff) {
    if handoff.image.is_null() {
        return;
    }
    // SAFETY: as above.
    let image = unsafe { CStr::from_ptr(handoff.image) };
    let image = Path::new(OsStr::from_bytes(image.to_bytes()));
    _ = pace::count(&image.with_extension("unlucky"), 64);
}
