//! The environ dictionary (PEP 3333, "environ Variables"): every meta-variable and every variable
//! of the process as a native string, the raw bytes seen as latin-1, and the `wsgi.` keys.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::file_wrapper::FileWrapper;
use super::inspection::Watch;
use super::streams::{ErrorLog, Input};
use exchange::{MetaVariables, SharedBody};

/// Whether the application is called more than once in its memory, see [`call_again`].
static CALLED_AGAIN: AtomicBool = AtomicBool::new(false);

/// From now on `wsgi.run_once` is false: PEP 3333 has it true where the application "will only be
/// invoked this one time during the life of its containing process", and what a warm-up leaves is there
/// for the requests after it.
pub fn call_again() {
    CALLED_AGAIN.store(true, Ordering::Relaxed);
}

/// Builds the environ of one request.
pub(super) fn build<'py>(
    py: Python<'py>,
    meta: &MetaVariables,
    input: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let environ = PyDict::new(py);
    for (name, value) in meta.iter() {
        environ.set_item(native(py, name), native(py, value))?;
    }
    environ.set_item("wsgi.version", (1, 0))?;
    environ.set_item("wsgi.url_scheme", meta.scheme())?;
    environ.set_item("wsgi.input", input)?;
    // The stream always ends after the body.
    environ.set_item("wsgi.input_terminated", true)?;
    environ.set_item("wsgi.errors", ErrorLog)?;
    environ.set_item("wsgi.multithread", false)?;
    environ.set_item("wsgi.multiprocess", true)?;
    let is_again = CALLED_AGAIN.load(Ordering::Relaxed);
    environ.set_item("wsgi.run_once", !is_again)?;
    environ.set_item("wsgi.file_wrapper", py.get_type::<FileWrapper>())?;
    Ok(environ)
}

/// Each entry as `NAME=repr(value)`, sorted.
///
/// # Errors
/// When an entry cannot be made or shown.
pub fn shown_environ(
    py: Python<'_>,
    meta: &MetaVariables,
    body: &SharedBody,
) -> PyResult<Vec<String>> {
    let input = Bound::new(py, Input::new(body.clone(), Watch::default()))?;
    let environ = build(py, meta, input.as_any())?;
    let mut lines = Vec::with_capacity(environ.len());
    for (name, value) in environ {
        lines.push(format!("{name}={}", value.repr()?.to_string_lossy()));
    }
    lines.sort_unstable();
    Ok(lines)
}

/// A native string: each byte is the character of that number.
pub(super) fn native<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => PyString::new(py, text),
        _ => PyString::new(
            py,
            &bytes
                .iter()
                .map(|&byte| char::from(byte))
                .collect::<String>(),
        ),
    }
}

/// The bytes of a native string; `None` when it has a character beyond latin-1.
pub(super) fn latin1(text: &Bound<'_, PyString>) -> Option<Vec<u8>> {
    // A lone surrogate is no latin-1 either.
    let text = text.to_cow().ok()?;
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect()
}
