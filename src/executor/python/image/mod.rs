//! What an image of the interpreter needs from it: what loading read (`record`, `environment`) and on
//! whose behalf (`askers`, `frames`), by which modules (`at_work`), random generators (`chance`), connections to SQLite (`databases`), memory that is written to in few
//! places (`pools`), and how to go on as a new process (`sleeper.py`).

mod askers;
mod at_work;
mod builtin;
mod chance;
mod databases;
mod environment;
mod frames;
mod paths;
mod pools;
mod record;

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
use crate::chance::reset_sqlite;
use crate::interposed::at_fork;
use exchange::MetaVariables;
use image::basis::Unobserved;
use image::observer::questions;

/// The Python side, kept in the image.
pub struct Sleeper {
    module: Py<PyModule>,
    environment: Environment,
}

const SOURCE: &str = include_str!("sleeper.py");

impl Sleeper {
    /// This process's parent takes down from now on what the process looks at: what Python's own
    /// customization looks at counts too.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn observe(observer: i32) -> Result<()> {
        if questions::begin().is_err() {
            let parent =
                rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get());
            if parent != observer {
                return Err(Unobserved.into());
            }
            bail!(
                "no process may observe another here (ptrace), so that nobody could tell what loading \
                 the application rests on"
            )
        }
        Ok(())
    }

    /// Takes down from now on what is read of the environment and who looks at files. Some variables are this program's own, and the application sees none of
    /// them. What differs from what was `given` before Python customized itself is taken for a change.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn record(ours: &[&str], given: &MetaVariables) -> Result<Self> {
        let source = CString::new(SOURCE)?;
        let module = attach(|py| -> PyResult<_> {
            let name = c"_wsgi_cgi_image";
            let module = PyModule::from_code(py, &source, c"wsgi-cgi", name)?;
            // No module of the application's.
            py.import("sys")?
                .getattr("modules")?
                .call_method1("pop", ("_wsgi_cgi_image", py.None()))?;
            Ok(module.unbind())
        });
        let module = module.map_err(|error| anyhow!("{error}"))?;
        let environment = Environment::record(ours, given)?;
        attach(|py| {
            chance::record(py)?;
            askers::record(py)
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
        let (files, searched, askers, chance): (Vec<PathBuf>, Vec<PathBuf>, _, _) =
            attach(|py| -> PyResult<_> {
                let changes = changes.bind(py).cast::<PyTuple>()?.clone();
                self.module.call_method1(py, "keep", changes)?;
                let (files, searched) = self.module.call_method0(py, "recorded")?.extract(py)?;
                let chance = chance::end(py)?;
                Ok((files, searched, askers::end(), chance))
            })
            .map_err(|error: PyErr| anyhow!("{error}"))?;
        let seen = questions::end().ok_or(Unobserved)?;
        Ok(Recorded {
            environment,
            askers,
            seen,
            drawn: chance.drawn,
            obstacle: chance.obstacle,
            ..record::end(&files, &searched)
        })
    }

    /// Has the application close what it opens again in each process (`snapshot_restore_py`), and
    /// writes out what lies in buffers.
    pub fn close(&self) -> Result<()> {
        attach(|py| self.module.call_method0(py, "before").map(drop)).map_err(|error: PyErr| {
            anyhow!("a function called before an image is made: {error}")
        })?;
        let folder: Option<PathBuf> =
            attach(|py| self.module.call_method0(py, "temporary")?.extract(py))
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

    /// Readies the interpreter for going on in another process. What libraries want done comes last, by
    /// [`at_fork::prepare`]: an allocator may be locked from then on.
    pub fn before(&self) {
        // SAFETY: the interpreter runs and its lock is held.
        unsafe { ffi::PyOS_BeforeFork() };
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
        // SAFETY: as above, and `before` was called before the image was written.
        unsafe { ffi::PyOS_AfterFork_Child() };
        attach(|py| {
            let variables = PyDict::new(py);
            for (name, value) in environment.iter() {
                variables.set_item(PyBytes::new(py, name), PyBytes::new(py, value))?;
            }
            chance::wake(py)?;
            loading::has_come(&variables);
            self.module.bind(py).call_method1("wake", (variables,))?;
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
