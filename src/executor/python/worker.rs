//! What a running interpreter does for the next request: load the application in advance, fork, and
//! take on the environment of a process that a server has just started.

use std::os::fd::RawFd;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::application;
use super::arenas;
use super::failure::Failure;
use super::gateway::Outcome;
use super::heap;
use super::interpreter::attach;
use super::loading::{self, OnHandlerCall};
use super::way_out;
use exchange::MetaVariables;
use settings::config::Config;
use settings::python::Packages;

/// What is done before there is a request.
pub enum Prepared {
    /// The interpreter is ready.
    Ready,
    /// The application is loaded too.
    Loaded(Py<PyAny>),
    /// The script has answered its request itself, in a process restored from an image.
    Answered(Outcome),
}

/// Prepares the interpreter for the processes that will be forked from this one, with the application
/// if `loaded`. A script that runs the standard library's `CGIHandler` itself cannot be loaded in
/// advance; an image of it is made by `on_handler_call`, during that call.
///
/// # Errors
/// As [`load`](super::load).
pub fn prepare(
    config: &Config,
    packages: &Packages,
    loaded: bool,
    on_handler_call: Option<OnHandlerCall>,
) -> Result<Prepared, Failure> {
    attach(|py| {
        application::ready(py, config)?;
        if loaded {
            application::load_early(py, config, packages, on_handler_call)
        } else {
            Ok(Prepared::Ready)
        }
    })
}

/// Looks through what is loaded, once for all processes that are forked or restored from here.
///
/// # Errors
/// If Python raises an error meanwhile.
pub fn prepare_for_copies() -> Result<(), Failure> {
    arenas::loading_has_ended();
    heap::prepare_for_copies();
    if let Some(what) = loading::early_reads() {
        return Err(Failure::new(500, what));
    }
    attach(|py| {
        way_out::settle(py).map_err(|e| Failure::of(py, &e, "cannot prepare Python for forking"))
    })
}

/// Begins a request in a process whose application was loaded by another one, which has `opened` these
/// descriptors.
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

/// Forks with `os.fork`, so that functions registered with `os.register_at_fork` run.
pub fn fork() -> Result<Side> {
    let child = fork_for_child()?;
    Ok(child.map_or(Side::Child, |_| Side::Parent))
}

/// As [`fork`], but returns the PID of the new process; None in the new process.
pub fn fork_for_child() -> Result<Option<i32>> {
    attach(|py| {
        let pid: i32 = py.import("os")?.call_method0("fork")?.extract()?;
        Ok(Some(pid).filter(|&pid| pid != 0))
    })
    .map_err(|error: PyErr| anyhow!("cannot fork: {error}"))
}

/// Sets the variables of a request in `os.environ` and in the process, where a CGI script has them.
pub fn set_environment(meta: &MetaVariables) -> Result<()> {
    attach(|py| {
        let environment = py.import("os")?.getattr("environb")?;
        for (name, value) in meta.iter() {
            // Names that no environment can hold are left out, as no server could set them.
            if !name.is_empty() && !name.contains(&b'=') {
                environment.set_item(PyBytes::new(py, name), PyBytes::new(py, value))?;
            }
        }
        Ok(())
    })
    .map_err(|error: PyErr| anyhow!("cannot set the request's environment variables: {error}"))
}

/// Sets CONTENT_LENGTH, and removes the mark of a chunked body, if Python was started before the length
/// was known. A length set by the server is kept.
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
    .map_err(|error: PyErr| anyhow!("cannot set CONTENT_LENGTH: {error}"))
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

/// The media type and the encoding of a file with that name.
#[must_use]
pub fn content_type(name: &str) -> (Option<String>, Option<String>) {
    attach(|py| {
        py.import("mimetypes")?
            .call_method1("guess_type", (name,))?
            .extract()
    })
    .unwrap_or_default()
}
