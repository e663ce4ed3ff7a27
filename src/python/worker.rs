//! What an interpreter that is there already does for the next request: load the application
//! beforehand, fork, and take the place of a process that a server has just started.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::application;
use super::failure::Failure;
use super::interpreter::attach;
use super::venv::Packages;
use crate::config::Config;
use crate::exchange::MetaVariables;

/// An application that is loaded but not called yet.
pub struct Preloaded(pub(super) Py<PyAny>);

/// Loads the application beforehand; `None` for a script that calls the standard library's
/// `CGIHandler` itself, as it does so while it is loaded.
///
/// # Errors
/// As [`load`](super::load).
pub fn preload(config: &Config, packages: &Packages) -> Result<Option<Preloaded>, Failure> {
    attach(|py| {
        let application = application::load_ahead(py, config, packages)?;
        Ok(application.map(|application| Preloaded(application.unbind())))
    })
}

/// Which of the two this process is after a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that was there.
    Parent,
    /// The new one.
    Child,
}

/// Forks as Python does, so that whatever cares about it takes part (`os.register_at_fork`).
pub fn fork() -> Result<Side> {
    attach(|py| {
        let pid: i32 = py.import("os")?.call_method0("fork")?.extract()?;
        Ok(if pid == 0 { Side::Child } else { Side::Parent })
    })
    .map_err(|error: PyErr| anyhow!("no worker can be started: {error}"))
}

/// Sets the variables of a request in `os.environ` and in the process, where a CGI script has them.
pub fn set_environment(meta: &MetaVariables) -> Result<()> {
    attach(|py| {
        let variables = PyDict::new(py);
        for (name, value) in meta.iter() {
            // What no environment can hold is not there: no server could give it.
            if !name.is_empty() && !name.contains(&b'=') {
                variables.set_item(PyBytes::new(py, name), PyBytes::new(py, value))?;
            }
        }
        let environment = py.import("os")?.getattr("environb")?;
        environment.call_method1("update", (variables,))?;
        Ok(())
    })
    .map_err(|error: PyErr| anyhow!("the request's variables cannot be set: {error}"))
}

/// The files that the modules loaded so far come from, the standard library's left out.
#[must_use]
pub fn loaded_files() -> Vec<PathBuf> {
    let files = attach(|py| -> PyResult<Vec<PathBuf>> {
        let standard: String = py
            .import("sysconfig")?
            .call_method1("get_path", ("stdlib",))?
            .extract()?;
        let standard = PathBuf::from(standard);
        let modules = py.import("sys")?.getattr("modules")?;
        let modules = modules.cast_into::<PyDict>()?;
        let mut files = Vec::new();
        for module in modules.values() {
            let Ok(file) = module
                .getattr("__file__")
                .and_then(|file| file.extract::<PathBuf>())
            else {
                continue;
            };
            let is_package =
                |part: &std::ffi::OsStr| part == "site-packages" || part == "dist-packages";
            let is_standard = file
                .strip_prefix(&standard)
                .is_ok_and(|rest| !rest.iter().any(is_package));
            if !is_standard && file.is_absolute() && file.exists() {
                files.push(file);
            }
        }
        Ok(files)
    });
    files.unwrap_or_default()
}

/// What kind of content a file of that name has, and how it is encoded besides.
#[must_use]
pub fn content_type(name: &str) -> (Option<String>, Option<String>) {
    attach(|py| {
        py.import("mimetypes")?
            .call_method1("guess_type", (name,))?
            .extract()
    })
    .unwrap_or_default()
}
