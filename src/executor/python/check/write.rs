//! The legacy `write` as a recorder, and what a lenient gateway makes of a block.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use super::super::start_response::shown;
use super::notes::{Notes, Phase};
use super::place;
use checking::rules;

/// The callable that `start_response` returns.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct Write(pub(super) Arc<Notes>);

#[pymethods]
impl Write {
    #[pyo3(signature = (*given, **named))]
    fn __call__(
        &self,
        py: Python<'_>,
        given: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
    ) {
        let notes = &self.0;
        let here = place::of_caller(py);
        let phase = notes.state().phase;
        match phase {
            Phase::Called => notes.found(&rules::WRITE_USED, &here, "write() was called"),
            Phase::Iterated => {
                let text = "write() was called while the iterable was iterated";
                notes.found(&rules::WRITE_IN_ITERABLE, &here, text);
            }
            Phase::Ended => {
                let text = "write() was called after the answer had ended";
                notes.found(&rules::WRITE_LATE, &here, text);
                return;
            }
        }
        if given.len() != 1 || named.is_some_and(|named| !named.is_empty()) {
            let text = format!(
                "write() was called with {} positional arguments",
                given.len()
            );
            notes.found(&rules::WRITE_ARGUMENTS, &here, text);
        }
        let Ok(block) = given.get_item(0) else { return };
        if !block.is_instance_of::<PyBytes>() {
            let text = format!("write() got {} instead of bytes", shown(&block));
            notes.found(&rules::WRITE_NOT_BYTES, &here, text);
        }
        notes.sent(&as_bytes(&block), || here);
    }
}

/// What a lenient gateway would make of a block.
pub(super) fn as_bytes(block: &Bound<'_, PyAny>) -> Vec<u8> {
    if let Ok(bytes) = block.cast::<PyBytes>() {
        return bytes.as_bytes().to_vec();
    }
    if let Ok(text) = block.cast::<PyString>() {
        return text.to_string_lossy().into_owned().into_bytes();
    }
    super::super::file_wrapper::buffer(block).map_or(Vec::new(), |bytes| bytes.as_bytes().to_vec())
}
