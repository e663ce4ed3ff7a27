//! The interpreter that this module was loaded in: prepared as if it had been started for the
//! application alone, and ended.

use std::ffi::OsStr;
use std::time::Instant;

use anyhow::{Result, anyhow};
use pyo3::exceptions::{PySystemExit, PyValueError};
use pyo3::intern;
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::{arenas, detached, heap, import_times, loading, open_code, site, way_out};
use exchange::MetaVariables;
use process::{environment, last_resort, report, signals};

/// The running interpreter. Only the main thread has it.
#[derive(Debug)]
pub struct Interpreter(());

/// Attaches to the interpreter that runs.
pub fn attach<R>(work: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    Python::attach(work)
}

/// Whether a signal, such as that of Ctrl-C, asks to stop.
#[must_use]
pub fn is_interrupted() -> bool {
    attach(|py| py.check_signals().is_err())
}

impl Interpreter {
    /// Prepares it; `argument` becomes `sys.argv[0]`. If not `has_language`, the server set no
    /// language, and the one set for Python's start is removed. With `import_times`, imports are
    /// measured.
    ///
    /// # Errors
    /// Python's error.
    pub fn start(argument: &OsStr, has_language: bool, import_times: bool) -> Result<Self> {
        arenas::set_allocator();
        heap::prepare();
        open_code::set_hook();
        attach(|py| {
            forget_the_start(py, argument)?;
            if environment::has_changed() {
                take_environment(py)?;
            }
            if import_times {
                import_times::begin(py)?;
            }
            let begun = Instant::now();
            site::complete(py)?;
            if import_times {
                import_times::interpreter_is_ready(begun.elapsed());
            }
            if !has_language {
                forget_language(py)?;
            }
            way_out::begin(py, &[]);
            // What is loaded so far stays, so the garbage collector need not look through it.
            py.import("gc")?.call_method0("freeze")?;
            // PyO3 creates this type with the first error; without memory it would then wait for itself
            // forever.
            drop(py.get_type::<PanicException>());
            Ok(())
        })
        .map_err(|error: PyErr| anyhow!("Python cannot start: {error}"))?;
        loading::hook()?;
        Ok(Self(()))
    }

    /// Ends it: exit callbacks run, threads are waited for, files are flushed and temporary ones
    /// removed. False when that failed. With `explain`, the reason for a full shutdown is logged.
    #[must_use]
    pub fn finish(self, explain: bool) -> bool {
        let Some(reason) = attach(way_out::leave) else {
            return true;
        };
        if explain {
            report::log(&format!(
                "Python is shut down completely after this request, which takes longer, because {reason}"
            ));
        }
        attach(|py| {
            // Python would do this itself, but only after that.
            way_out::wait(py);
            detached::end(py);
        });
        // SAFETY: the interpreter runs on this thread, which holds its lock and has no `Python` token
        // left. The frames below this call are never returned to: the process exits from here.
        unsafe { pyo3::ffi::Py_FinalizeEx() == 0 }
    }
}

/// Updates `os.environ`, as the environment of this process has changed since Python read it.
fn take_environment(py: Python<'_>) -> PyResult<()> {
    // The mapping behind `os.environ`, which has no other way to be set without setting each variable.
    let variables = py
        .import("posix")?
        .getattr("environ")?
        .cast_into::<PyDict>()?;
    variables.clear();
    for (name, value) in MetaVariables::from_environment().iter() {
        variables.set_item(PyBytes::new(py, name), PyBytes::new(py, value))?;
    }
    Ok(())
}

/// Removes the traces of how this Python was started (`-c` and a piece of code).
fn forget_the_start(py: Python<'_>, argument: &OsStr) -> PyResult<()> {
    let sys = py.import("sys")?;
    let arguments = PyList::new(py, [argument])?;
    sys.setattr("argv", &arguments)?;
    if sys.hasattr("orig_argv")? {
        let all = PyList::new(py, [sys.getattr("executable")?, arguments.get_item(0)?])?;
        sys.setattr("orig_argv", all)?;
    }
    // The names that the code defined.
    let main = sys.getattr("modules")?.get_item("__main__")?;
    let names = main.getattr("__dict__")?.cast_into::<PyDict>()?;
    for name in names.keys() {
        if !name.extract::<String>()?.starts_with("__") {
            names.del_item(name)?;
        }
    }
    // The working directory, which Python puts there unless it was told not to (PYTHONSAFEPATH).
    let path = sys.getattr("path")?.cast_into::<PyList>()?;
    let is_safe = match sys.getattr("flags")?.getattr_opt("safe_path")? {
        Some(flag) => flag.is_truthy()?,
        None => false,
    };
    if !is_safe && path.get_item(0)?.eq("")? {
        path.del_item(0)?;
    }
    Ok(())
}

/// Removes the language variable that the server did not set, for the application and the programs that
/// it starts.
fn forget_language(py: Python<'_>) -> PyResult<()> {
    // SAFETY: no other thread runs yet.
    unsafe { std::env::remove_var(environment::LANGUAGE) };
    // Without the module `os`, which a small application does not need, there is no other copy.
    let modules = py.import("sys")?.getattr("modules")?;
    if modules.contains("os")? {
        let environ = py.import("os")?.getattr("environ")?;
        environ.call_method1("pop", (environment::LANGUAGE, py.None()))?;
    }
    let of_c = py.import("posix")?.getattr("environ")?;
    of_c.call_method1("pop", (environment::LANGUAGE.as_bytes(), py.None()))?;
    Ok(())
}

/// Prepares the interpreter for one exchange: printed lines reach the log at once, a fatal signal logs
/// a traceback, SIGTERM unwinds the application, and with `timeout` the stack is logged.
///
/// # Errors
/// What Python raises.
pub fn make_ready(py: Python<'_>, timeout: bool) -> PyResult<()> {
    let sys = py.import("sys")?;
    let line_by_line = pyo3::types::PyDict::new(py);
    line_by_line.set_item("line_buffering", true)?;
    // `sys.stdout` is None if the server closed descriptor 1 or 2; reconfiguring fails if a script closed it.
    if let Ok(reconfigure) = sys.getattr("stdout")?.getattr("reconfigure") {
        _ = reconfigure.call((), Some(&line_by_line));
    }

    let fault = py.import("faulthandler")?;
    fault.call_method1(intern!(py, "enable"), (2,))?;
    let time_is_over = timeout.then(signals::timeout_signal);
    for signal in [Some(libc::SIGXCPU), time_is_over].into_iter().flatten() {
        fault.call_method1("register", (signal, 2, true, true))?;
    }

    // The client's `Proxy:` header (CVE-2016-5385) must not become a proxy setting of programs that the
    // application starts.
    if std::env::var_os("HTTP_PROXY").is_some() {
        py.import("os")?
            .getattr("environ")?
            .call_method1("pop", ("HTTP_PROXY", py.None()))?;
    }

    let stop = wrap_pyfunction!(stop, py)?;
    let signal = py.import("_signal")?.getattr("signal")?;
    match signal.call1((libc::SIGTERM, stop)) {
        Ok(_) => signals::unwind_on_terminate(),
        // Only the main thread may set signal handlers: in another thread of a host they stay unchanged.
        Err(error) if error.is_instance_of::<PyValueError>(py) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Unwinds the application, wherever it is, past every `except Exception`. Once the response has
/// ended there is nothing to unwind: `close()` and what comes after it run to their end.
#[pyfunction]
fn stop(_signal: i32, _frame: &Bound<'_, PyAny>) -> PyResult<()> {
    if last_resort::is_over() {
        return Ok(());
    }
    Err(PySystemExit::new_err(signals::exit_when_stopped().code()))
}
