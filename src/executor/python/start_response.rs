//! `start_response` and the legacy `write` callable it returns (PEP 3333, "The start_response()
//! Callable"). Everything is checked here, before a byte is written, by checks that stay when
//! Python runs optimised.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyAssertionError, PyBaseException, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTraceback, PyTuple, PyType};

use super::environ::latin1;
use super::gateway::Gateway;
use exchange::{Event, Headers, ResponseHead, Status};

/// The callable given to the application.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct StartResponse {
    gateway: Arc<Gateway>,
    called: AtomicBool,
}

impl StartResponse {
    pub(super) fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            called: AtomicBool::new(false),
        }
    }
}

#[pymethods]
impl StartResponse {
    #[pyo3(signature = (status, headers, /, exc_info=None))]
    fn __call__(
        &self,
        py: Python<'_>,
        status: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        exc_info: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Write> {
        let again = self.called.swap(true, Ordering::AcqRel);
        let exc_info = exc_info.map(ExcInfo::of).transpose()?;
        let head_sent = || self.gateway.responder(py).head_sent();
        match exc_info {
            // Too late for another head: the application's exception is raised again.
            Some(exc_info) if head_sent() => return Err(exc_info.reraise()?),
            None if again => {
                return Err(PyAssertionError::new_err(
                    "start_response was called a second time: to replace the head with an error \
                     page, pass exc_info=sys.exc_info()",
                ));
            }
            // The error page has gone out, and close() or a late thread calls for the first time.
            None if head_sent() => {
                return Err(PyAssertionError::new_err(
                    "start_response was called after the response was sent",
                ));
            }
            _ => {}
        }
        let head = ResponseHead {
            status: parse_status(status)?,
            headers: parse_headers(headers)?,
        };
        self.gateway.watch().tell(Event::StartResponse {
            status: head.status.line(),
            headers: head.headers.iter().count(),
            replaced: again,
        });
        self.gateway.responder(py).set_head(head);
        Ok(Write {
            gateway: self.gateway.clone(),
        })
    }
}

/// `write(bytes)`: sends the head, then the block, at once.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct Write {
    gateway: Arc<Gateway>,
}

#[pymethods]
impl Write {
    #[pyo3(signature = (block, /))]
    fn __call__(&self, py: Python<'_>, block: &Bound<'_, PyAny>) -> PyResult<()> {
        self.gateway.write(py, block)
    }
}

/// What `sys.exc_info()` returns while an exception is handled.
struct ExcInfo<'py> {
    value: Bound<'py, PyBaseException>,
    traceback: Bound<'py, PyAny>,
}

impl<'py> ExcInfo<'py> {
    /// PEP 3333: "if supplied, must be a Python `sys.exc_info()` tuple", checked even before the head
    /// is sent: otherwise the mistake would show only in a late error.
    fn of(exc_info: &Bound<'py, PyAny>) -> PyResult<Self> {
        Self::parse(exc_info).ok_or_else(|| {
            PyTypeError::new_err(format!(
                "exc_info must be the tuple that sys.exc_info() returns in an except block, not {}",
                shown(exc_info)
            ))
        })
    }

    fn parse(exc_info: &Bound<'py, PyAny>) -> Option<Self> {
        let tuple = exc_info.cast::<PyTuple>().ok()?;
        let (kind, value, traceback) = tuple.extract::<Triple<'py>>().ok()?;
        let kind = kind.cast_into::<PyType>().ok()?;
        let value = value.cast_into::<PyBaseException>().ok()?;
        let is_one = value.is_instance(&kind).ok()?;
        let is_traceback = traceback.is_none() || traceback.is_instance_of::<PyTraceback>();
        (is_one && is_traceback).then_some(Self { value, traceback })
    }

    /// Keeps no reference to the traceback, to avoid a reference cycle.
    fn reraise(self) -> PyResult<PyErr> {
        self.value.setattr("__traceback__", self.traceback)?;
        Ok(PyErr::from_value(self.value.into_any()))
    }
}

type Triple<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

fn parse_status(status: &Bound<'_, PyAny>) -> PyResult<Status> {
    let Ok(text) = status.cast::<PyString>() else {
        return Err(PyTypeError::new_err(format!(
            "the status must be a str such as '200 OK', not {}",
            shown(status)
        )));
    };
    latin1(text)
        .ok_or(exchange::StatusError::Malformed)
        .and_then(|bytes| Status::parse(&bytes))
        .map_err(|error| PyValueError::new_err(format!("status {}: {error}", shown(status))))
}

fn parse_headers(headers: &Bound<'_, PyAny>) -> PyResult<Headers> {
    let wrong = |what: &Bound<'_, PyAny>, wanted: &str| {
        PyTypeError::new_err(format!("{wanted}, not {}", shown(what)))
    };
    let list = headers.cast::<PyList>().map_err(|_| {
        wrong(
            headers,
            "the headers must be a list of (name, value) tuples",
        )
    })?;
    let mut parsed = Headers::default();
    for item in list {
        let tuple = item.cast::<PyTuple>().ok().filter(|tuple| tuple.len() == 2);
        let Some(tuple) = tuple else {
            return Err(wrong(&item, "each header must be a (name, value) tuple"));
        };
        let text = |index, which| {
            let part = tuple.get_item(index)?;
            let Ok(text) = part.cast::<PyString>() else {
                return Err(wrong(&part, &format!("a header's {which} must be a str")));
            };
            latin1(text).ok_or_else(|| {
                PyValueError::new_err(format!(
                    "header {}: the {which} has a character that is not in Latin-1: encode it, for \
                     example with urllib.parse.quote()",
                    shown(&item)
                ))
            })
        };
        let (name, value) = (text(0, "name")?, text(1, "value")?);
        parsed
            .push(&name, &value)
            .map_err(|error| PyValueError::new_err(format!("header {}: {error}", shown(&item))))?;
    }
    Ok(parsed)
}

/// `repr`, cut short: it goes into one line of the log.
pub(super) fn shown(value: &Bound<'_, PyAny>) -> String {
    let repr = value.repr().map_or("an object".into(), |repr| {
        repr.to_string_lossy().into_owned()
    });
    match repr.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", &repr[..end]),
        None => repr,
    }
}
