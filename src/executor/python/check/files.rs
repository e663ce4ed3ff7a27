//! `wsgi.file_wrapper` as a recorder: checks that its argument has `read()`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyTuple};

use super::super::file_wrapper::FileWrapper;
use super::super::start_response::shown;
use super::notes::Notes;
use super::place;
use checking::rules;

/// The callable that the application gets.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct Files(pub(super) Arc<Notes>);

#[pymethods]
impl Files {
    #[pyo3(signature = (*given, **named))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let file = given.get_item(0).ok();
        let size = given.get_item(1).ok();
        let can_read = file
            .as_ref()
            .is_some_and(|file| file.hasattr("read").unwrap_or(false));
        let is_size = size.is_none_or(|size| size.is_instance_of::<PyInt>());
        if !can_read || !is_size || given.len() > 2 || named.is_some_and(|named| !named.is_empty())
        {
            let text = format!(
                "wsgi.file_wrapper was called with {}: it takes an object with read() and, optionally, a block \
                 size",
                shown(given)
            );
            self.0
                .found(&rules::FILE_WRAPPER_ARGUMENT, &place::of_caller(py), text);
        }
        py.get_type::<FileWrapper>().call(given, named)
    }
}
