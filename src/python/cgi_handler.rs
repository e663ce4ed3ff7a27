//! Scripts written for the standard library that end in `CGIHandler().run(app)`: that call is
//! answered by us, with the environ as the script prepared it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::environ::latin1;
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

/// The variables as the script left them to its handler, in bytes.
fn variables(environment: &Bound<'_, PyDict>) -> PyResult<MetaVariables> {
    let py = environment.py();
    let os = py.import("os")?;
    let (raw, encode) = (os.getattr("environb")?, os.getattr("fsencode")?);
    // The standard library has the request's as latin-1, the others as the file system's names.
    let unchanged = py
        .import("wsgiref.handlers")?
        .call_method0("read_environ")?
        .cast_into::<PyDict>()?;
    let mut pairs = Vec::with_capacity(environment.len());
    for (name, value) in environment {
        let bytes = encode.call1((&name,))?;
        let is_unchanged = match unchanged.get_item(&name)? {
            Some(before) => before.eq(&value)?,
            None => false,
        };
        let value: Vec<u8> = if is_unchanged {
            raw.get_item(&bytes)?.extract()?
        } else {
            match value.cast::<PyString>().ok().and_then(latin1) {
                Some(value) => value,
                None => encode.call1((value,))?.extract()?,
            }
        };
        pairs.push((bytes.extract()?, value));
    }
    Ok(MetaVariables::from_pairs(pairs))
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
        let mut meta = variables(environment)?;
        meta.complete(self.script_name.as_deref());
        let outcome = self.gateway.answer(py, application, &meta);
        *self.outcome.lock().expect("not poisoned") = Some(outcome);
        Ok(())
    }
}
