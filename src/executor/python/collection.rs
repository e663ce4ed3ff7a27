//! Garbage collection while an application is loaded.

use std::sync::Mutex;

use pyo3::prelude::*;

use super::way_out;

/// The thresholds before.
static HELD: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// Turns garbage collection off while an application is loaded, when it would find almost nothing but
/// look through all modules again and again; and sets it back.
pub(super) struct Collection<'py> {
    thresholds: Bound<'py, PyAny>,
}

impl<'py> Collection<'py> {
    /// 0 turns it off: it would take 5 to 10 % of a request with Flask or Django.
    const WHILE_LOADING: i64 = 0;

    /// Turns it off.
    pub(super) fn disable(py: Python<'py>) -> PyResult<Self> {
        let gc = py.import("gc")?;
        let thresholds = gc.call_method0("get_threshold")?;
        gc.call_method1("set_threshold", (Self::WHILE_LOADING,))?;
        *HELD.lock().expect("not poisoned") = Some(thresholds.clone().unbind());
        Ok(Self { thresholds })
    }

    /// Turns it on again for an application that answers while its script is still being loaded.
    pub(super) fn enable(py: Python<'py>) -> PyResult<()> {
        let held = HELD.lock().expect("not poisoned").take();
        match held {
            Some(thresholds) => put_back(thresholds.bind(py)),
            None => Ok(()),
        }
    }

    /// Turns it on again. What was loaded stays for the whole request, so it is frozen and not looked
    /// through again.
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
