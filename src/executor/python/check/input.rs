//! `wsgi.input` as a recorder: only the methods in PEP 3333, and empty bytes after the end.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyTuple};

use super::super::start_response::shown;
use super::notes::{Notes, Phase};
use super::place;
use checking::rules;

/// The stream that the application gets.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct Input {
    notes: Arc<Notes>,
    content: Vec<u8>,
    position: Mutex<usize>,
}

impl Input {
    pub(super) fn new(notes: Arc<Notes>, content: Vec<u8>) -> Self {
        Self {
            notes,
            content,
            position: Mutex::new(0),
        }
    }

    fn position(&self) -> std::sync::MutexGuard<'_, usize> {
        self.position.lock().expect("not poisoned")
    }

    /// The size argument; None without one.
    fn size(
        &self,
        method: &str,
        given: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
    ) -> Option<usize> {
        let py = given.py();
        if self.notes.state().phase == Phase::Ended {
            let text = format!("{method}() was called after the answer had ended");
            self.notes
                .found(&rules::READS_LATE, &place::of_caller(py), text);
        }
        let named = named.filter(|named| !named.is_empty());
        let size = given.get_item(0).ok();
        let is_number = size
            .as_ref()
            .is_none_or(|size| size.is_none() || size.is_instance_of::<PyInt>());
        if named.is_some() || given.len() > 1 || !is_number {
            let text = format!(
                "{method}() was called with {}{}",
                shown(given),
                named.map_or(String::new(), |named| format!(" and {}", shown(named)))
            );
            self.notes
                .found(&rules::READ_ARGUMENTS, &place::of_caller(py), text);
        }
        let size = size?.extract::<isize>().ok()?;
        usize::try_from(size).ok()
    }

    /// Checks that no more than what is left is asked for.
    fn judge_size(&self, py: Python<'_>, method: &str, size: Option<usize>) {
        let left = self.content.len() - *self.position();
        if size.is_some_and(|size| size > left) {
            let text = format!("{method}() asked for more bytes than are left of CONTENT_LENGTH");
            self.notes
                .found(&rules::READS_PAST_END, &place::of_caller(py), text);
        }
    }

    fn take(&self, most: usize) -> &[u8] {
        let mut position = self.position();
        let start = *position;
        *position = start.saturating_add(most).min(self.content.len());
        &self.content[start..*position]
    }

    fn line(&self, most: usize) -> &[u8] {
        let start = *self.position();
        let rest = &self.content[start..];
        let end = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(rest.len(), |place| place + 1);
        self.take(end.min(most))
    }
}

#[pymethods]
impl Input {
    #[pyo3(signature = (*given, **named))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> Bound<'py, PyBytes> {
        let size = self.size("read", given, named);
        self.judge_size(py, "read", size);
        PyBytes::new(py, self.take(size.unwrap_or(usize::MAX)))
    }

    #[pyo3(signature = (*given, **named))]
    fn readline<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> Bound<'py, PyBytes> {
        let size = self.size("readline", given, named);
        if size.is_some() {
            let text = "readline() was called with a size";
            self.notes
                .found(&rules::READLINE_SIZE, &place::of_caller(py), text);
        }
        PyBytes::new(py, self.line(size.unwrap_or(usize::MAX)))
    }

    #[pyo3(signature = (*given, **named))]
    fn readlines<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyList>> {
        // The hint may be ignored.
        self.size("readlines", given, named);
        let lines = PyList::empty(py);
        loop {
            let line = self.line(usize::MAX);
            if line.is_empty() {
                return Ok(lines);
            }
            lines.append(PyBytes::new(py, line))?;
        }
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.size("__next__", &PyTuple::empty(py), None);
        let line = self.line(usize::MAX);
        (!line.is_empty()).then(|| PyBytes::new(py, line))
    }

    fn close(&self, py: Python<'_>) {
        let text = "wsgi.input was closed";
        self.notes
            .found(&rules::INPUT_CLOSED, &place::of_caller(py), text);
    }

    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        Err(look_for(py, &self.notes, "wsgi.input", name))
    }
}

/// For an attribute that PEP 3333 does not define: an application may test for it, but must not need it.
pub(super) fn look_for(py: Python<'_>, notes: &Notes, stream: &str, name: &str) -> PyErr {
    if !name.starts_with("__") {
        let here = place::of_caller(py);
        notes
            .state()
            .looked_for
            .push((format!("{stream} has no `{name}`"), here));
    }
    PyAttributeError::new_err(format!(
        "{stream} has no attribute `{name}`: PEP 3333 does not define it"
    ))
}
