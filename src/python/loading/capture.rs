//! A script that ends in `CGIHandler().run(application)`, loaded for an image: there is no request yet,
//! and nothing is left to be done after the call, so that the application can be taken from it.

use std::path::Path;
use std::sync::Mutex;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// What stands in for the request's variables while there is none: each process has its own later, and
/// an image none.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct NoVariables(Mutex<Vec<Py<PyDict>>>);

#[pymethods]
impl NoVariables {
    fn __call__<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        let none = PyDict::new(py);
        let mut given = self.0.lock().expect("not poisoned");
        given.push(none.clone().unbind());
        none
    }
}

impl NoVariables {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Whether these are still what was given out, as it was.
    fn has_given(&self, variables: &Bound<'_, PyAny>) -> bool {
        let given = self.0.lock().expect("not poisoned");
        given.iter().any(|given| given.is(variables))
            && variables.len().is_ok_and(|length| length == 0)
    }
}

/// Runs `work` where `os.environ` is empty: importing the handlers copies it.
pub(super) fn without_variables<R>(
    py: Python<'_>,
    work: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    let os = py.import("os")?;
    let name = intern!(py, "environ");
    let before = os.getattr(name)?;
    os.setattr(name, PyDict::new(py))?;
    let done = work();
    os.setattr(name, before)?;
    done
}

/// Whether the handler is the plain one, nothing was made of its variables, and the call of its `run`
/// is the last that the script does.
pub(super) fn is_all(
    handler: &Bound<'_, PyAny>,
    variables: &NoVariables,
    file: &Path,
) -> PyResult<bool> {
    let py = handler.py();
    let plain = py.import("wsgiref.handlers")?.getattr("CGIHandler")?;
    if !handler.get_type().is(&plain) || !variables.has_given(&handler.getattr("base_env")?) {
        return Ok(false);
    }
    // Of what stands in for `run`, and of who called it.
    let own = py.import("sys")?.call_method0("_getframe")?;
    let caller = own.getattr("f_back")?;
    if caller.is_none() {
        return Ok(false);
    }
    let code = caller.getattr("f_code")?;
    let name: std::path::PathBuf = code.getattr("co_filename")?.extract()?;
    let line: u32 = caller.getattr("f_lineno")?.extract()?;
    Ok(name == file && code.getattr("co_name")?.eq("<module>")? && is_last_line(py, file, line)?)
}

/// Whether the line is of the last statement, which is but a call; it may be the last below an `if`.
fn is_last_line(py: Python<'_>, file: &Path, line: u32) -> PyResult<bool> {
    const ONLY_AST: i32 = 0x400;
    let named = PyDict::new(py);
    named.set_item("flags", ONLY_AST)?;
    named.set_item("dont_inherit", true)?;
    let mut node = py.import("builtins")?.getattr("compile")?.call(
        (std::fs::read(file)?, file.as_os_str(), "exec"),
        Some(&named),
    )?;
    loop {
        let body = node.getattr("body")?.cast_into::<PyList>()?;
        let Some(last) = body.iter().last() else {
            return Ok(false);
        };
        let begin: u32 = last.getattr("lineno")?.extract()?;
        let end: u32 = last.getattr("end_lineno")?.extract()?;
        if !(begin..=end).contains(&line) {
            return Ok(false);
        }
        let kind = last.get_type().name()?;
        if kind == "If" && last.getattr("orelse")?.len()? == 0 {
            node = last;
        } else {
            return Ok(kind == "Expr");
        }
    }
}
