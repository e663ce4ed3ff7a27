//! Scripts written for the standard library that end in `CGIHandler().run(app)`: that call is
//! answered by us, with the environ as the script prepared it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::gateway::{Gateway, Outcome};
use crate::exchange::MetaVariables;

/// What stands in for `CGIHandler.run`. A function in Python, so that it becomes a method.
const RUN: &std::ffi::CStr =
    c"def run(self, application):\n    answer(application, self.base_env)\n";

/// Whether a script's text speaks of the standard library's handler at all.
pub(super) fn is_wanted(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"CGIHandler").is_some()
}

/// What `CGIHandler.run` became, and whether it was called.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct Answer {
    gateway: Arc<Gateway>,
    script_name: Option<Vec<u8>>,
    answering: AtomicBool,
    outcome: Mutex<Option<Outcome>>,
}

impl Answer {
    /// Replaces `wsgiref.handlers.CGIHandler.run`.
    pub(super) fn install<'py>(
        py: Python<'py>,
        gateway: &Arc<Gateway>,
        script_name: Option<&[u8]>,
    ) -> PyResult<Bound<'py, Self>> {
        let answer = Bound::new(
            py,
            Self {
                gateway: gateway.clone(),
                script_name: script_name.map(<[u8]>::to_vec),
                answering: AtomicBool::new(false),
                outcome: Mutex::new(None),
            },
        )?;
        let names = PyDict::new(py);
        names.set_item("answer", &answer)?;
        py.run(RUN, Some(&names), None)?;
        let run = names.get_item("run")?;
        py.import("wsgiref.handlers")?
            .getattr("CGIHandler")?
            .setattr("run", run)?;
        Ok(answer)
    }

    /// How the script's exchange ended, if it had one.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        *self.outcome.lock().expect("not poisoned")
    }
}

#[pymethods]
impl Answer {
    #[pyo3(signature = (application, environment, /))]
    fn __call__(
        &self,
        application: &Bound<'_, PyAny>,
        environment: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let py = application.py();
        if self.answering.swap(true, Ordering::AcqRel) {
            return Err(PyRuntimeError::new_err(
                "this request has been answered already",
            ));
        }
        // The script may have changed os.environ before it made its handler.
        let encode = py.import("os")?.getattr("fsencode")?;
        let mut pairs = Vec::with_capacity(environment.len());
        for (name, value) in environment {
            pairs.push((
                encode.call1((name,))?.extract()?,
                encode.call1((value,))?.extract()?,
            ));
        }
        let mut meta = MetaVariables::from_pairs(pairs);
        meta.complete(self.script_name.as_deref());
        let outcome = self.gateway.answer(py, application, &meta);
        *self.outcome.lock().expect("not poisoned") = Some(outcome);
        Ok(())
    }
}
