//! A failure caused by an exception: its message, its traceback, and what the operator can do.

use std::ops::{Deref, DerefMut};

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;

use super::{fault, import_error};
use settings::config::Config;
use settings::python::Packages;

/// A failed exchange, with the exception that was the cause.
#[derive(Debug)]
pub struct Failure {
    plain: exchange::Failure,
    /// The exception itself, for the developer's page and the debugger.
    pub(super) exception: Option<Py<PyBaseException>>,
}

impl Deref for Failure {
    type Target = exchange::Failure;

    fn deref(&self) -> &exchange::Failure {
        &self.plain
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut exchange::Failure {
        &mut self.plain
    }
}

impl From<exchange::Failure> for Failure {
    fn from(plain: exchange::Failure) -> Self {
        Self {
            plain,
            exception: None,
        }
    }
}

impl Failure {
    /// A failure without an exception.
    #[must_use]
    pub fn new(code: u16, summary: impl Into<String>) -> Self {
        exchange::Failure::new(code, summary).into()
    }

    /// A signal has stopped the application; its handler has logged why.
    pub(super) fn stopped() -> Self {
        exchange::Failure::new(500, "the application was stopped")
            .logged()
            .into()
    }

    /// An exception, with `what` was being done.
    pub(super) fn of(py: Python<'_>, error: &PyErr, what: &str) -> Self {
        let summary = format!("{what}: {}", line(py, error));
        let plain = exchange::Failure {
            traceback: traceback(py, error),
            what: what.into(),
            ..exchange::Failure::new(500, summary)
        };
        Self {
            plain,
            // With the frames, which an exception that nobody caught does not have yet.
            exception: Some(error.clone_ref(py).into_value(py)),
        }
    }

    /// Collects what the developer's page shows of the exception; errors meanwhile are ignored.
    #[cold]
    pub(super) fn look_into(&self, py: Python<'_>) {
        let looked = self
            .exception
            .as_ref()
            .map(|e| fault::look_into(e.bind(py)));
        if let Some(Ok(fault)) = looked {
            _ = self.plain.fault.set(Box::new(fault));
        }
    }

    /// As [`of`](Self::of), with what the operator can do about the usual import errors.
    pub(super) fn of_import(
        py: Python<'_>,
        error: &PyErr,
        what: &str,
        config: &Config,
        packages: &Packages,
    ) -> Self {
        let mut failure = Self::of(py, error, what);
        if let Some(remedy) = import_error::remedy(py, error, config, packages) {
            failure.plain.summary = format!("{}: {remedy}", failure.summary);
            failure.plain.advice = Some(remedy.into());
        }
        failure
    }
}

/// `TypeName: message`, in one line.
fn line(py: Python<'_>, error: &PyErr) -> String {
    let name = error
        .get_type(py)
        .qualname()
        .map_or("exception".into(), |name| name.to_string());
    let text = error
        .value(py)
        .str()
        .map_or(String::new(), |text| text.to_string_lossy().into());
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        name
    } else {
        format!("{name}: {text}")
    }
}

/// Python's own rendering.
fn traceback(py: Python<'_>, error: &PyErr) -> Option<String> {
    let render = || -> PyResult<String> {
        let lines = py.import("traceback")?.call_method1(
            "format_exception",
            (error.get_type(py), error.value(py), error.traceback(py)),
        )?;
        let lines: Vec<Bound<'_, PyAny>> = lines.extract()?;
        let mut text = String::new();
        for line in lines {
            push_part(&line.str()?.to_string_lossy(), &mut text);
        }
        Ok(text)
    };
    render().ok()
}

/// Adds a part of a traceback. Lines by Python itself are indented or known. All other text comes from
/// the exception, and its line breaks are escaped, so that text sent by a client cannot begin a line of
/// the log.
fn push_part(part: &str, to: &mut String) {
    const OWN: [&str; 4] = [
        "Traceback (most recent call last):",
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
        "Exception Group Traceback (most recent call last):",
    ];
    let part = part.strip_suffix('\n').unwrap_or(part);
    let is_own = part.starts_with([' ', '\n']) || OWN.contains(&part);
    for (place, line) in part.split('\n').enumerate() {
        let begins_line =
            is_own && (line.is_empty() || line.starts_with(' ') || OWN.contains(&line));
        if place > 0 {
            to.push_str(if begins_line { "\n" } else { "\\n" });
        } else if line.starts_with("wsgi-cgi:") || line.starts_with('[') {
            // A note may be anything (PEP 678).
            to.push_str("  ");
        }
        to.push_str(line);
    }
    to.push('\n');
}
