//! The Python side of images: records what loading read (`record`, `environment`), why a path was
//! looked up (`path_lookups`, `frames`) and by which module (`running_functions`); handles random generators
//! (`randomness`) and connections to SQLite (`databases`); packs memory so that requests write to few
//! pages (`pools`); and continues in a restored process (`python_state.py`).

mod builtin;
mod databases;
mod environment;
mod frames;
mod path_lookups;
mod paths;
mod pools;
mod randomness;
mod record;
mod running_functions;

use std::ffi::CString;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyModule, PyTuple};

pub use databases::idle_databases;
use environment::Environment;
pub use environment::EnvironmentRead;
pub(super) use record::looked_at;
pub use record::{Recorded, record_reading};

use super::interpreter::attach;
use super::loading;
use crate::interposed::at_fork;
use crate::random_generators::reset_sqlite;
use exchange::MetaVariables;
use image::basis::Unobserved;
use image::observer::questions;

/// The Python side, kept in the image.
pub struct PythonState {
    module: Py<PyModule>,
    environment: Environment,
}

const SOURCE: &str = include_str!("python_state.py");

impl PythonState {
    /// Asks the parent process to record which files this process looks at, from `sitecustomize` and
    /// `.pth` files on.
    ///
    /// # Errors
    /// If this is not possible.
    pub fn observe(observer: i32) -> Result<()> {
        if questions::begin().is_err() {
            if !Self::is_child_of(observer) {
                return Err(Unobserved.into());
            }
            bail!(
                "images need ptrace, which is not allowed here (by a container or a security module, \
                 for example): allow it, or use --no-image"
            )
        }
        Ok(())
    }

    /// Whether the process with that PID is still the parent of this one.
    #[must_use]
    pub fn is_child_of(observer: i32) -> bool {
        rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get()) == Some(observer)
    }

    /// Records from now on which variables are read and why files are looked up. The variables in
    /// `ours` belong to this program and are hidden from the application. A difference from `given`,
    /// the environment before `sitecustomize` ran, counts as a change by loading.
    ///
    /// # Errors
    /// If this is not possible.
    pub fn record(ours: &[&str], given: &MetaVariables) -> Result<Self> {
        let source = CString::new(SOURCE)?;
        let module = attach(|py| -> PyResult<_> {
            let name = c"_wsgi_cgi_image";
            let module = PyModule::from_code(py, &source, c"wsgi-cgi", name)?;
            // Hidden from the application.
            py.import("sys")?
                .getattr("modules")?
                .call_method1("pop", ("_wsgi_cgi_image", py.None()))?;
            Ok(module.unbind())
        });
        let module = module.map_err(|error| anyhow!("{error}"))?;
        let environment = Environment::record(ours, given)?;
        attach(|py| {
            randomness::record(py)?;
            path_lookups::record(py)
        })
        .map_err(|error| anyhow!("{error}"))?;
        Ok(Self {
            module,
            environment,
        })
    }

    /// What was read since.
    pub fn recorded(&self) -> Result<Recorded> {
        let environment = self.environment.recorded()?;
        let changes = self.environment.changes()?;
        let (files, searched, askers, randomness): (Vec<PathBuf>, Vec<PathBuf>, _, _) =
            attach(|py| -> PyResult<_> {
                let changes = changes.bind(py).cast::<PyTuple>()?.clone();
                self.module.call_method1(py, "keep", changes)?;
                let (files, searched) = self.module.call_method0(py, "recorded")?.extract(py)?;
                let randomness = randomness::end(py)?;
                Ok((files, searched, path_lookups::end(), randomness))
            })
            .map_err(|error: PyErr| anyhow!("{error}"))?;
        let seen = questions::end().ok_or(Unobserved)?;
        Ok(Recorded {
            environment,
            askers,
            seen,
            drawn: randomness.drawn,
            obstacle: randomness.obstacle,
            ..record::end(&files, &searched)
        })
    }

    /// Calls the application's functions to close what it opens again in each process
    /// (`snapshot_restore_py`), and flushes buffers.
    pub fn close(&self) -> Result<()> {
        let obstacle: Option<String> =
            attach(|py| self.module.call_method0(py, "before")?.extract(py)).map_err(
                |error: PyErr| anyhow!("cannot prepare the application for its image: {error}"),
            )?;
        if let Some(obstacle) = obstacle {
            bail!("{obstacle}");
        }
        let folder: Option<PathBuf> =
            attach(|py| self.module.call_method0(py, "temporary")?.extract(py))
                .map_err(|error: PyErr| anyhow!("{error}"))?;
        match folder {
            Some(folder) => bail!(
                "while loading, the application made a temporary folder, `{}`, which the first request \
                 would remove for all others: make it when a request needs it",
                folder.display()
            ),
            None => Ok(()),
        }
    }

    /// Prepares the interpreter to continue in another process. The functions of libraries are called
    /// last, by [`at_fork::prepare`]: an allocator may be locked from then on.
    pub fn before(&self) {
        // SAFETY: the interpreter runs and its lock is held.
        unsafe { ffi::PyOS_BeforeFork() };
        reset_sqlite();
        pools::fill();
    }

    /// Continues in the process that made the image.
    pub fn after(&self) {
        at_fork::continue_as_parent();
        // SAFETY: as above, and `before` was called.
        unsafe { ffi::PyOS_AfterFork_Parent() };
    }

    /// Continues in a restored process with that environment.
    pub fn wake(&self, environment: &MetaVariables) -> Result<()> {
        // SAFETY: as above, and `before` was called before the image was written.
        unsafe { ffi::PyOS_AfterFork_Child() };
        attach(|py| {
            let variables = PyDict::new(py);
            for (name, value) in environment.iter() {
                variables.set_item(PyBytes::new(py, name), PyBytes::new(py, value))?;
            }
            randomness::wake(py)?;
            loading::keep_request(&variables);
            self.module.bind(py).call_method1("wake", (variables,))?;
            Ok(())
        })
        .map_err(|error: PyErr| anyhow!("{error}"))
    }
}

/// Runs the exit functions, in a process that becomes no image.
pub fn leave() {
    at_fork::continue_as_parent();
    // SAFETY: a question that may be asked at any time.
    if unsafe { ffi::Py_IsInitialized() } != 0 {
        // Python reports what fails.
        _ = attach(|py| {
            py.import("atexit")?
                .call_method0("_run_exitfuncs")
                .map(drop)
        });
    }
}
