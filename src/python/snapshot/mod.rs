//! What an image of the interpreter needs from it: what loading read (`record`), random generators
//! (`chance`), memory that is
//! written to in few places (`pools`), and how to go on
//! as a new process (`sleeper.py`).

mod at_work;
mod builtin;
mod chance;
mod paths;
mod pools;
mod record;

use std::ffi::CString;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyModule};

pub use record::{Recorded, record_reading};

use super::interpreter::attach;
use crate::exchange::MetaVariables;
use crate::process::at_fork;
use crate::snapshot::chance::reset_sqlite;

/// The Python side, kept in the image.
pub struct Sleeper(Py<PyModule>);

const SOURCE: &str = include_str!("sleeper.py");

impl Sleeper {
    /// Takes down from now on which variables of the environment are read.
    pub fn record() -> Result<Self> {
        let source = CString::new(SOURCE)?;
        attach(|py| {
            let name = c"_wsgi_cgi_snapshot";
            let module = PyModule::from_code(py, &source, c"wsgi-cgi", name)?;
            module.call_method0("record")?;
            // No module of the application's.
            py.import("sys")?
                .getattr("modules")?
                .call_method1("pop", ("_wsgi_cgi_snapshot", py.None()))?;
            chance::record(py)?;
            Ok(Self(module.unbind()))
        })
        .map_err(|error: PyErr| anyhow!("{error}"))
    }

    /// What was read since.
    pub fn recorded(&self) -> Result<Recorded> {
        attach(|py| {
            let (seen, iterated, files, searched): (Bound<'_, PyAny>, bool, Vec<PathBuf>, Vec<_>) =
                self.0.bind(py).call_method0("recorded")?.extract()?;
            let mut variables = Vec::new();
            for name in seen.try_iter()? {
                variables.push(name?.extract()?);
            }
            let chance = chance::end(py)?;
            let mut recorded = record::end(variables, iterated, &files, &searched);
            recorded.drawn = chance.drawn;
            recorded.obstacle = chance.obstacle;
            Ok(recorded)
        })
        .map_err(|error: PyErr| anyhow!("{error}"))
    }

    /// Has the application close what it opens again in each process (`snapshot_restore_py`), and
    /// writes out what lies in buffers.
    pub fn close(&self) -> Result<()> {
        attach(|py| self.0.call_method0(py, "before").map(drop)).map_err(|error: PyErr| {
            anyhow!("a function called before an image is made: {error}")
        })?;
        let folder: Option<PathBuf> =
            attach(|py| self.0.call_method0(py, "temporary")?.extract(py))
                .map_err(|error: PyErr| anyhow!("{error}"))?;
        match folder {
            Some(folder) => bail!(
                "loading the application made a temporary folder, `{}`, which the first process would \
                 remove for all others: make it when a request needs it",
                folder.display()
            ),
            None => Ok(()),
        }
    }

    /// Readies the interpreter for going on in another process.
    pub fn before(&self) {
        // SAFETY: the interpreter runs and its lock is held.
        unsafe { ffi::PyOS_BeforeFork() };
        at_fork::prepare();
        reset_sqlite();
        pools::fill();
    }

    /// Goes on in the process that was there.
    pub fn after(&self) {
        at_fork::go_on_as_parent();
        // SAFETY: as above, and `before` was called.
        unsafe { ffi::PyOS_AfterFork_Parent() };
    }

    /// Goes on in a new process with that environment.
    pub fn wake(&self, environment: &MetaVariables) -> Result<()> {
        at_fork::go_on_as_child();
        // SAFETY: as above, and `before` was called before the image was written.
        unsafe { ffi::PyOS_AfterFork_Child() };
        attach(|py| {
            let variables = PyDict::new(py);
            for (name, value) in environment.iter() {
                variables.set_item(PyBytes::new(py, name), PyBytes::new(py, value))?;
            }
            chance::wake(py)?;
            self.0.bind(py).call_method1("wake", (variables,))?;
            Ok(())
        })
        .map_err(|error: PyErr| anyhow!("{error}"))
    }
}

/// Does what was left to be done at exit, in a process from which nobody goes on.
pub fn leave() {
    at_fork::go_on_as_parent();
    // SAFETY: a question that may be asked at any time.
    if unsafe { ffi::Py_IsInitialized() } != 0 {
        // What fails is told of by Python.
        _ = attach(|py| {
            py.import("atexit")?
                .call_method0("_run_exitfuncs")
                .map(drop)
        });
    }
}
