//! A call in a forked process, whether this thread is attached to the interpreter or not; after the
//! timeout Python writes a traceback.

use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use pyo3::prelude::*;

use super::super::application::Application;
use super::super::interpreter::attach;
use super::exchange::{Manner, Outcome, exchange};
use super::planned::Planned;

/// Makes one call.
///
/// # Errors
/// For Ctrl-C, and errors of Python itself.
pub fn call(
    application: &Application,
    planned: &Planned,
    manner: Manner,
    before: Option<&Py<PyAny>>,
    time: Duration,
) -> anyhow::Result<Outcome> {
    let outcome = attach(|py| exchange(py, application.bind(py), planned, manner, before, time));
    outcome.map_err(|error| anyhow::anyhow!("{error}"))
}

/// The same as a strict gateway does it; after `time` the frames of all threads are written to `frames`.
///
/// # Errors
/// As [`call`].
pub fn call_in_time(
    application: &Application,
    planned: &Planned,
    before: Option<&Py<PyAny>>,
    time: Duration,
    frames: impl AsFd,
) -> anyhow::Result<Outcome> {
    let watch = |is_on: bool| {
        attach(|py| {
            let faults = py.import("faulthandler")?;
            if is_on {
                let given = (time.as_secs_f64(), false, frames.as_fd().as_raw_fd(), false);
                faults.call_method1("dump_traceback_later", given)
            } else {
                faults.call_method0("cancel_dump_traceback_later")
            }
            .map(drop)
        })
        .map_err(|error: PyErr| anyhow::anyhow!("{error}"))
    };
    watch(true)?;
    let outcome = call(application, planned, Manner::Strict, before, time);
    watch(false)?;
    outcome
}
