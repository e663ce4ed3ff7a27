//! The embedded interpreter's beginning and end, and all FFI for them.
//!
//! It is initialised with the *Python* configuration: the isolated one, and pyo3's own
//! `initialize`, leave the encoding at ASCII in the empty environment of a CGI script.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use pyo3::exceptions::PySystemExit;
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::{ffi, intern};

use super::venv::{LINKED_EXECUTABLE, LINKED_PREFIX, LINKED_VERSION, Packages};
use super::{arenas, loading, open_code, way_out};
use crate::process::{last_resort, memory, signals};
use crate::report;

/// The running interpreter. It is the main thread's alone.
#[derive(Debug)]
pub struct Interpreter(());

/// Attaches to the interpreter that runs.
pub fn attach<R>(work: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    Python::attach(work)
}

impl Interpreter {
    /// Starts it with the given packages; `argument` becomes `sys.argv[0]`. With `import_times`
    /// Python writes a line to standard error for each import, as `-X importtime` has it.
    ///
    /// # Errors
    /// When Python refuses, in its words.
    pub fn start(packages: &Packages, argument: &OsStr, import_times: bool) -> Result<Self> {
        let mut settings = Settings {
            argument: c_string(argument)?,
            executable: None,
            home: None,
            import_times,
        };
        let linked_home = || {
            let library = Path::new(LINKED_PREFIX)
                .join("lib")
                .join(format!("python{LINKED_VERSION}"));
            library
                .join("os.py")
                .exists()
                .then(|| PathBuf::from(LINKED_PREFIX))
        };
        match packages {
            Packages::Venv(venv) => {
                settings.executable = Some(c_string(venv.executable.as_os_str())?);
                if venv.foreign {
                    // Python would take the other build's standard library without a word.
                    if cfg!(Py_3_14) {
                        report::log(&format!(
                            "`{}` was made by another Python {LINKED_VERSION} than \
                             `{LINKED_EXECUTABLE}`, which this program is built with: make it anew \
                             if something fails to import",
                            venv.root.display()
                        ));
                    } else {
                        settings.home = linked_home();
                    }
                }
            }
            Packages::System { .. } if Path::new(LINKED_EXECUTABLE).exists() => {
                settings.executable = Some(CString::new(LINKED_EXECUTABLE)?);
            }
            Packages::System { .. } => settings.home = linked_home(),
        }
        let is_language_given = std::env::var_os(LANGUAGE).is_some();
        memory::fetch_data();
        arenas::set_allocator();
        open_code::set_hook();
        settings.initialize()?;
        // PyO3 asks for this with the first error that it is told of, and waits for itself without
        // end where there is no memory left to make it.
        attach(|py| drop(py.get_type::<PanicException>()));
        loading::hook()?;
        if !is_language_given {
            attach(forget_language).map_err(|error| anyhow!("the environment: {error}"))?;
        }
        Ok(Self(()))
    }

    /// Ends it: exit callbacks run, threads are waited for, files are flushed and temporary ones
    /// removed. False when that failed.
    #[must_use]
    pub fn finish(self) -> bool {
        // The last look must not be what needs the most memory.
        if !attach(way_out::is_settled) {
            memory::give_back_text();
        }
        if !attach(way_out::leaves_something) {
            return true;
        }
        // SAFETY: `start` initialised the interpreter on this thread, which still holds the GIL
        // and has no `Python` token left.
        unsafe { ffi::Py_FinalizeEx() == 0 }
    }
}

/// Python sets it in its own environment where the server gives no language (PEP 538).
const LANGUAGE: &str = "LC_CTYPE";

/// What the server did not give, neither the application nor what it starts sees.
fn forget_language(py: Python<'_>) -> PyResult<()> {
    let environ = py.import("os")?.getattr("environ")?;
    environ.call_method1("pop", (LANGUAGE, py.None()))?;
    let of_c = py.import("posix")?.getattr("environ")?;
    of_c.call_method1("pop", (LANGUAGE.as_bytes(), py.None()))?;
    Ok(())
}

struct Settings {
    argument: CString,
    executable: Option<CString>,
    home: Option<PathBuf>,
    import_times: bool,
}

impl Settings {
    fn initialize(&self) -> Result<()> {
        let home = self
            .home
            .as_ref()
            .map(|home| c_string(home.as_os_str()))
            .transpose()?;
        // SAFETY: both structures are initialised by Python's own functions before anything reads
        // them; strings are copied by PyConfig_SetBytesString; `config` is cleared on every path;
        // no interpreter runs yet, as `start` is called once.
        unsafe {
            let mut preconfig = std::mem::zeroed::<ffi::PyPreConfig>();
            ffi::PyPreConfig_InitPythonConfig(&raw mut preconfig);
            // A client's words may be in argv: Python must not read it.
            preconfig.parse_argv = 0;
            check(ffi::Py_PreInitialize(&raw const preconfig))?;

            let mut config = std::mem::zeroed::<ffi::PyConfig>();
            ffi::PyConfig_InitPythonConfig(&raw mut config);
            config.parse_argv = 0;
            if self.import_times {
                config.import_time = 1;
            }
            let mut arguments = [self.argument.as_ptr().cast_mut()];
            let mut status =
                ffi::PyConfig_SetBytesArgv(&raw mut config, 1, arguments.as_mut_ptr().cast());
            for (field, value) in [
                (&raw mut config.executable, self.executable.as_deref()),
                (&raw mut config.home, home.as_deref()),
            ] {
                if let Some(value) = value.filter(|_| ffi::PyStatus_Exception(status) == 0) {
                    status = ffi::PyConfig_SetBytesString(&raw mut config, field, value.as_ptr());
                }
            }
            if ffi::PyStatus_Exception(status) == 0 {
                status = in_two_steps(&mut config);
            }
            ffi::PyConfig_Clear(&raw mut config);
            check(status)
        }
    }
}

/// Collection finds nothing in what the interpreter makes of itself, and looks through all of it
/// some twenty times: it is held off between the interpreter's core, without which it cannot be, and
/// the rest. (`PyConfig._init_main`, "Multi-Phase Initialization Private Provisional API".)
#[cfg(all(Py_3_10, not(Py_3_14)))]
unsafe fn in_two_steps(config: &mut ffi::PyConfig) -> ffi::PyStatus {
    unsafe extern "C" {
        fn _Py_InitializeMain() -> ffi::PyStatus;
    }
    config._init_main = 0;
    // SAFETY: the caller's promise; the second step comes after the first.
    unsafe {
        let mut status = ffi::Py_InitializeFromConfig(&raw const *config);
        if ffi::PyStatus_Exception(status) == 0 {
            ffi::PyGC_Disable();
            status = _Py_InitializeMain();
        }
        if ffi::PyStatus_Exception(status) == 0 {
            // What is there now stays, and is not looked through at the next occasion either.
            let frozen = attach(|py| py.import("gc")?.call_method0("freeze").map(drop));
            ffi::PyGC_Enable();
            if frozen.is_err() {
                ffi::PyErr_Clear();
            }
        }
        status
    }
}

#[cfg(not(all(Py_3_10, not(Py_3_14))))]
unsafe fn in_two_steps(config: &mut ffi::PyConfig) -> ffi::PyStatus {
    // SAFETY: the caller's promise.
    unsafe { ffi::Py_InitializeFromConfig(&raw const *config) }
}

fn check(status: ffi::PyStatus) -> Result<()> {
    // SAFETY: the status is one that Python returned; its messages are static C strings or null.
    unsafe {
        if ffi::PyStatus_Exception(status) == 0 {
            return Ok(());
        }
        let text = |pointer: *const std::ffi::c_char| {
            (!pointer.is_null()).then(|| CStr::from_ptr(pointer).to_string_lossy())
        };
        let message = text(status.err_msg).unwrap_or("it exited".into());
        let function = text(status.func)
            .map(|name| format!(" in {name}"))
            .unwrap_or_default();
        Err(anyhow!(
            "Python {LINKED_VERSION} cannot start{function}: {message}"
        ))
    }
}

fn c_string(text: &OsStr) -> Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| anyhow!("`{}` holds a NUL byte", text.display()))
}

/// Readies the interpreter for one exchange: what is printed reaches the log line by line, a fatal
/// signal shows where Python was, SIGTERM unwinds, and `timeout` shows the stack.
pub(super) fn prepare(py: Python<'_>, timeout: bool) -> PyResult<()> {
    let sys = py.import("sys")?;
    let line_by_line = pyo3::types::PyDict::new(py);
    line_by_line.set_item("line_buffering", true)?;
    // None where the server closed descriptor 1 or 2.
    if let Ok(reconfigure) = sys.getattr("stdout")?.getattr("reconfigure") {
        reconfigure.call((), Some(&line_by_line))?;
    }

    let fault = py.import("faulthandler")?;
    fault.call_method1(intern!(py, "enable"), (2,))?;
    let time_is_over = timeout.then(signals::timeout_signal);
    for signal in [Some(libc::SIGXCPU), time_is_over].into_iter().flatten() {
        fault.call_method1("register", (signal, 2, true, true))?;
    }

    // The client's `Proxy:` header (CVE-2016-5385) is no setting for what the application starts.
    if std::env::var_os("HTTP_PROXY").is_some() {
        py.import("os")?
            .getattr("environ")?
            .call_method1("pop", ("HTTP_PROXY", py.None()))?;
    }

    let stop = wrap_pyfunction!(stop, py)?;
    py.import("_signal")?
        .call_method1("signal", (libc::SIGTERM, stop))?;
    signals::unwind_on_terminate();
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
