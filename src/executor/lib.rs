//! The executor: the part of wsgi-cgi that runs in Python, as a module of it. One file serves every
//! CPython from 3.9 on (PEP 384). The program starts a Python for one request, which calls [`main`];
//! that answers and ends the process.
//!
//! - [`python`]: the interpreter and the application.
//! - [`commands`]: what a process with Python can do, one file for each command.

pub mod commands;
mod interposed;
mod placement;
pub mod python;
mod random_generators;

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;

use process::handed_on::HandedOn;
use process::report::{self, Exit};

/// Runs the command that the program passed on, and ends the process.
#[pyfunction]
fn main(words: Vec<OsString>) -> i32 {
    let exit = match HandedOn::from_words(words) {
        Ok(handed_on) => commands::run(&handed_on),
        Err(sentence) => {
            report::log(&sentence);
            Exit::NoGood
        }
    };
    std::process::exit(exit.code().into())
}

/// Answers the request in the environment with this application, in the Python that runs `script`.
/// Returns true unless the answer is a failure.
#[pyfunction]
fn answer(application: &Bound<'_, PyAny>, script: Option<PathBuf>) -> PyResult<bool> {
    commands::running_python::answer(application, script)
}

#[pymodule]
fn _wsgi_cgi(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(main, module)?)?;
    module.add_function(wrap_pyfunction!(answer, module)?)?;
    module.add_function(wrap_pyfunction!(python::check::check, module)?)?;
    module.add_class::<python::check::Finding>()
}
