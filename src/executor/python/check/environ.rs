//! The environ of a strict gateway: a plain dictionary of native strings, with or without the optional
//! variables (PEP 3333, "environ Variables").

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::super::environ::{self, native};
use super::errors::Errors;
use super::files::Files;
use super::input::Input;
use super::notes::Notes;
use super::planned::Planned;
use checking::Variant;
use exchange::is_request_variable;

/// The variables of a request that PEP 3333 requires.
const DEMANDED: [&[u8]; 6] = [
    b"REQUEST_METHOD",
    b"SCRIPT_NAME",
    b"PATH_INFO",
    b"SERVER_NAME",
    b"SERVER_PORT",
    b"SERVER_PROTOCOL",
];

/// SCRIPT_NAME for the request without PATH_INFO.
const MOUNT: &str = "/wsgi-cgi-check";

pub(super) fn build<'py>(
    py: Python<'py>,
    planned: &Planned,
    notes: &Arc<Notes>,
    errors: Py<PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let environ = PyDict::new(py);
    let variant = planned.variant;
    for (name, value) in planned.meta.iter() {
        let is_demanded = DEMANDED.contains(&name);
        if variant != Variant::Least || is_demanded || !is_request_variable(name) {
            environ.set_item(native(py, name), native(py, value))?;
        }
    }
    match variant {
        Variant::Full => {}
        Variant::Least => environ.set_item("SERVER_PROTOCOL", "HTTP/1.0")?,
        Variant::NoEmpty => {
            environ.set_item("SCRIPT_NAME", MOUNT)?;
            environ.del_item("PATH_INFO")?;
        }
        Variant::Empty => {
            environ.set_item("CONTENT_TYPE", "")?;
            environ.set_item("CONTENT_LENGTH", "")?;
        }
    }
    environ.set_item("wsgi.version", (1, 0))?;
    environ.set_item("wsgi.url_scheme", planned.meta.scheme())?;
    environ.set_item(
        "wsgi.input",
        Input::new(notes.clone(), planned.content.clone()),
    )?;
    let errors = Errors {
        notes: notes.clone(),
        to: errors,
    };
    environ.set_item("wsgi.errors", errors)?;
    environ.set_item("wsgi.multithread", false)?;
    environ.set_item("wsgi.multiprocess", true)?;
    environ.set_item("wsgi.run_once", false)?;
    if variant != Variant::Least {
        environ.set_item("wsgi.file_wrapper", Files(notes.clone()))?;
    }
    Ok(environ)
}

/// The environ of this gateway, with a recorder for the content.
pub(super) fn of_gateway<'py>(
    py: Python<'py>,
    planned: &Planned,
    notes: &Arc<Notes>,
) -> PyResult<Bound<'py, PyDict>> {
    let input = Bound::new(py, Input::new(notes.clone(), planned.content.clone()))?;
    environ::build(py, &planned.meta, input.as_any())
}
