//! The life of a process that was restored from an image to answer a request.

use std::ffi::CStr;

use super::super::cgi;
use super::super::executor::Executor;
use crate::config::Config;
use crate::process::{environment, last_resort};
use crate::python::Sleeper;
use crate::report::{self, Exit};
use crate::snapshot::branch::Handoff;
use crate::snapshot::process_state::{self, Changes};
use crate::snapshot::wake;

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
    if !changes.put_back(false) {
        report::log("what loading changed of the process cannot be put back in another");
        last_resort::fall_back();
    }
    if changes.has_moved() {
        config.chdir = None;
    }
    if let Err(error) = sleeper.wake(&around) {
        report::log(&format!("the restored process cannot go on: {error:#}"));
        last_resort::fall_back();
    }
    cgi::run_restored(meta, config, executor)
}
