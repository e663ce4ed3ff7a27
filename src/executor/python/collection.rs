//! Garbage collection while an application is loaded.

use std::sync::Mutex;

use pyo3::prelude::*;

use super::way_out;

/// How it was before.
static HELD: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// Garbage collection finds next to nothing while modules load, and looks through all of them
/// again and again. It is held off meanwhile and put back as it was.
pub(super) struct Collection<'py> {
    thresholds: Bound<'py, PyAny>,
}

impl<'py> Collection<'py> {
    /// Never: each look, through what is all kept, costs Flask and Django 5 to 10 % of a request.
    const WHILE_LOADING: i64 = 0;

    /// Holds it off.
    pub(super) fn hold(py: Python<'py>) -> PyResult<Self> {
        let gc = py.import("gc")?;
        let thresholds = gc.call_method0("get_threshold")?;
        gc.call_method1("set_threshold", (Self::WHILE_LOADING,))?;
        *HELD.lock().expect("not poisoned") = Some(thresholds.clone().unbind());
        Ok(Self { thresholds })
    }

    /// Puts it back as it was, where an application answers while its script is still loaded.
    pub(super) fn let_go(py: Python<'py>) -> PyResult<()> {
        let held = HELD.lock().expect("not poisoned").take();
        match held {
            Some(thresholds) => put_back(thresholds.bind(py)),
            None => Ok(()),
        }
    }

    /// What was loaded stays for the whole request: it is never looked through again.
    pub(super) fn release(self, py: Python<'py>) -> PyResult<()> {
        put_back(&self.thresholds)?;
        if !way_out::is_settled(py) {
            py.import("gc")?.call_method0("freeze")?;
        }
        Ok(())
    }
}

fn put_back(thresholds: &Bound<'_, PyAny>) -> PyResult<()> {
    let gc = thresholds.py().import("gc")?;
    let now = gc.call_method0("get_threshold")?.get_item(0)?;
    // Unless the application has set its own.
    if now.extract::<i64>()? == Collection::WHILE_LOADING {
        gc.call_method("set_threshold", thresholds.clone().cast_into()?, None)?;
    }
    Ok(())
}
