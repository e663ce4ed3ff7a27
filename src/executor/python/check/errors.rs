//! `wsgi.errors` as a recorder: passes text on to `sys.stderr`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::super::start_response::shown;
use super::input::look_for;
use super::notes::Notes;
use super::place;
use checking::rules;

/// The stream that the application gets.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct Errors {
    pub(super) notes: Arc<Notes>,
    /// The stream that text is passed on to.
    pub(super) to: Py<PyAny>,
}

#[pymethods]
impl Errors {
    #[pyo3(signature = (text, /))]
    fn write(&self, py: Python<'_>, text: &Bound<'_, PyAny>) {
        if text.is_instance_of::<PyString>() {
            // The application is not to blame for a log that cannot be written.
            _ = self.to.call_method1(py, "write", (text,));
        } else {
            let said = format!("wsgi.errors.write() got {} instead of a str", shown(text));
            self.notes
                .found(&rules::ERRORS_NOT_STR, &place::of_caller(py), said);
        }
    }

    #[pyo3(signature = (lines, /))]
    fn writelines(&self, py: Python<'_>, lines: &Bound<'_, PyAny>) -> PyResult<()> {
        for line in lines.try_iter()? {
            self.write(py, &line?);
        }
        Ok(())
    }

    fn flush(&self, py: Python<'_>) {
        _ = self.to.call_method0(py, "flush");
    }

    fn close(&self, py: Python<'_>) {
        let text = "wsgi.errors was closed";
        self.notes
            .found(&rules::ERRORS_CLOSED, &place::of_caller(py), text);
    }

    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        Err(look_for(py, &self.notes, "wsgi.errors", name))
    }
}
