//! What an interpreter that is there already does for the next request: load the application
//! beforehand, fork, and take the place of a process that a server has just started.

use std::os::fd::RawFd;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::application;
use super::arenas;
use super::failure::Failure;
use super::gateway::Outcome;
use super::interpreter::attach;
use super::loading::{self, Inside};
use super::way_out;
use exchange::MetaVariables;
use settings::config::Config;
use settings::python::Packages;

/// What is done before there is a request.
pub enum Ahead {
    /// The interpreter is ready.
    Ready,
    /// The application is loaded too.
    Loaded(Py<PyAny>),
    /// The script has answered its request itself, in a process restored from an image.
    Answered(Outcome),
}

/// Readies the interpreter for the processes that will be forked from this one, with the
/// application if that is to be loaded. A script that calls the standard library's `CGIHandler`
/// itself cannot be, as it does so while it is loaded; an image is made `inside` that call.
///
/// # Errors
/// As [`load`](super::load).
pub fn prepare(
    config: &Config,
    packages: &Packages,
    loaded: bool,
    inside: Option<Inside>,
) -> Result<Ahead, Failure> {
    attach(|py| {
        application::ready(py, config)?;
        if loaded {
            application::load_ahead(py, config, packages, inside)
        } else {
            Ok(Ahead::Ready)
        }
    })
}

/// Looks through what is loaded, once for all processes that go on from here.
///
/// # Errors
/// When Python does not let itself be looked through.
pub fn settle() -> Result<(), Failure> {
    arenas::loading_has_ended();
    if let Some(what) = loading::early_looks() {
        return Err(Failure::new(500, what));
    }
    attach(|py| way_out::settle(py).map_err(|e| Failure::of(py, &e, "Python cannot be readied")))
}

/// This process goes on from what another one has loaded, which has `opened` these descriptors.
pub fn begin(opened: &[RawFd]) {
    attach(|py| way_out::begin(py, opened));
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
    let child = fork_for_child()?;
    Ok(child.map_or(Side::Child, |_| Side::Parent))
}

/// As [`fork`], with the number of the new process; none in that.
pub fn fork_for_child() -> Result<Option<i32>> {
    attach(|py| {
        let pid: i32 = py.import("os")?.call_method0("fork")?.extract()?;
        Ok(Some(pid).filter(|&pid| pid != 0))
    })
    .map_err(|error: PyErr| anyhow!("no worker can be started: {error}"))
}

/// Sets the variables of a request in `os.environ` and in the process, where a CGI script has them.
pub fn set_environment(meta: &MetaVariables) -> Result<()> {
    attach(|py| {
        let environment = py.import("os")?.getattr("environb")?;
        for (name, value) in meta.iter() {
            // What no environment can hold is not there: no server could give it.
            if !name.is_empty() && !name.contains(&b'=') {
                environment.set_item(PyBytes::new(py, name), PyBytes::new(py, value))?;
            }
        }
        Ok(())
    })
    .map_err(|error: PyErr| anyhow!("the request's variables cannot be set: {error}"))
}

/// Says how long the request's body is, and that it comes whole, where Python has begun before that
/// was known. What the server said of the length stays.
pub fn set_length(meta: &MetaVariables) -> Result<()> {
    let Some(length) = meta.get("CONTENT_LENGTH") else {
        return Ok(());
    };
    attach(|py| {
        let environment = py.import("os")?.getattr("environb")?;
        let name = PyBytes::new(py, b"CONTENT_LENGTH");
        // An empty one is none (RFC 3875, section 4.1.2).
        if !environment.call_method1("get", (&name,))?.is_truthy()? {
            environment.set_item(name, PyBytes::new(py, length))?;
            let announced = PyBytes::new(py, b"HTTP_TRANSFER_ENCODING");
            environment.call_method1("pop", (announced, py.None()))?;
        }
        Ok(())
    })
    .map_err(|error: PyErr| anyhow!("CONTENT_LENGTH cannot be set: {error}"))
}

/// The files that the modules loaded so far come from, the standard library's left out.
#[must_use]
pub fn loaded_files() -> Vec<PathBuf> {
    let files = attach(|py| -> PyResult<Vec<PathBuf>> {
        let standard: PathBuf = py.import("os")?.getattr("__file__")?.extract()?;
        let standard = standard.parent().unwrap_or(&standard);
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
                .strip_prefix(standard)
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
