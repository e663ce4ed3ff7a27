//! What would leave a request without an answer is refused where it is asked for: to put another
//! program in the place of this one (`os.exec*`), and, while the application is loaded, to wait for
//! connections, as a development server does that nothing guards.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use anyhow::{Result, anyhow};
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::Place;
use crate::process::last_resort;

type Hook = unsafe extern "C" fn(*const c_char, *mut ffi::PyObject, *mut c_void) -> c_int;

unsafe extern "C" {
    /// <https://docs.python.org/3/c-api/sys.html#c.PySys_AddAuditHook>
    fn PySys_AddAuditHook(hook: Hook, data: *mut c_void) -> c_int;
}

/// The process in which an application is loaded; 0 when that is over. One forked from it does as it
/// likes.
static LOADING: AtomicU32 = AtomicU32::new(0);
/// Whether what stands behind the main guard is being run.
static GUARDED: AtomicBool = AtomicBool::new(false);
static NOTED: Mutex<Noted> = Mutex::new(Noted {
    file: None,
    sentence: None,
    bound: None,
    listen: None,
});

struct Noted {
    /// The script, whose lines are named.
    file: Option<PathBuf>,
    /// What was refused first.
    sentence: Option<String>,
    /// What would have been, had the port been free.
    bound: Option<String>,
    /// `socket.socket`, while its `listen` is ours.
    listen: Option<Py<PyAny>>,
}

/// Has Python ask. Comes once.
pub(in super::super) fn hook() -> Result<()> {
    // SAFETY: the function has the signature asked for and lives as long as the process.
    match unsafe { PySys_AddAuditHook(on_event, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(anyhow!("Python takes no audit hook")),
    }
}

/// While an application is loaded.
pub(super) struct Refusing(());

impl Refusing {
    pub(super) fn begin(file: Option<&Path>) -> Self {
        let mut noted = NOTED.lock().expect("not poisoned");
        noted.file = file.map(Path::to_owned);
        (noted.sentence, noted.bound) = (None, None);
        GUARDED.store(false, Ordering::Release);
        LOADING.store(std::process::id(), Ordering::Release);
        Self(())
    }

    /// Ends it, and says what was refused, and what a server would have been that found its port
    /// taken.
    #[allow(clippy::unused_self, reason = "what has begun ends once")]
    pub(super) fn end(self, py: Python<'_>) -> PyResult<(Option<String>, Option<String>)> {
        LOADING.store(0, Ordering::Release);
        let (said, class) = {
            let mut noted = NOTED.lock().expect("not poisoned");
            let said = (noted.sentence.take(), noted.bound.take());
            (said, noted.listen.take())
        };
        if let Some(class) = class {
            class.bind(py).delattr("listen")?;
        }
        Ok(said)
    }
}

/// From now on what stands behind the main guard is run.
pub(super) fn is_guarded() {
    GUARDED.store(true, Ordering::Release);
}

fn is_loading() -> bool {
    LOADING.load(Ordering::Acquire) == std::process::id()
}

/// <https://docs.python.org/3/library/audit_events.html>
unsafe extern "C" fn on_event(
    event: *const c_char,
    arguments: *mut ffi::PyObject,
    _: *mut c_void,
) -> c_int {
    // SAFETY: Python's names of events are C strings.
    let event = unsafe { CStr::from_ptr(event) };
    let is_exec = event == c"os.exec" && (is_loading() || last_resort::is_answering());
    let is_bind = !is_exec && event == c"socket.bind" && is_loading();
    if !is_exec && !is_bind {
        return 0;
    }
    // SAFETY: the interpreter's lock is held, and the arguments are a tuple that lives through the
    // call.
    let asked = unsafe {
        let py = Python::assume_attached();
        let arguments = Bound::from_borrowed_ptr(py, arguments);
        if is_exec {
            on_exec(&arguments)
        } else {
            on_bind(&arguments)
        }
    };
    match asked {
        Ok(()) => 0,
        Err(error) => {
            // SAFETY: as above.
            error.restore(unsafe { Python::assume_attached() });
            -1
        }
    }
}

/// Where the script asked for it.
fn place(py: Python<'_>) -> String {
    let file = NOTED.lock().expect("not poisoned").file.clone();
    let place = file.and_then(|file| Place::find(py, &file));
    place.map_or_else(|| "a call".to_owned(), |place| place.to_string())
}

fn refuse(sentence: String) -> PyErr {
    let error = PyRuntimeError::new_err(sentence.clone());
    NOTED
        .lock()
        .expect("not poisoned")
        .sentence
        .get_or_insert(sentence);
    error
}

#[cold]
fn on_exec(arguments: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = arguments.py();
    let program = py
        .import("os")?
        .call_method1("fsdecode", (arguments.get_item(0)?,))?;
    let place = place(py);
    Err(refuse(format!(
        "{place} would put the program `{program}` in the place of this one (os.exec*), which would \
         answer nothing: remove it, and name the virtual environment of the Python that is wanted \
         with --venv (in the script: `venv`)"
    )))
}

/// `listen` is what makes a server. No event tells of it, but none comes without `bind`.
#[cold]
fn on_bind(arguments: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = arguments.py();
    let socket = arguments.cast::<PyTuple>()?.get_item(0)?;
    let family: i32 = socket.getattr("family")?.extract()?;
    let kind: i32 = socket.getattr("type")?.extract()?;
    // Other sockets than these are for other processes of the same machine.
    if ![libc::AF_INET, libc::AF_INET6].contains(&family) || kind & 0xf != libc::SOCK_STREAM {
        return Ok(());
    }
    let class = py.import("socket")?.getattr("socket")?;
    if !socket.is_instance(&class)? {
        return Err(on_listen(py, &socket)
            .err()
            .unwrap_or_else(|| refuse(place(py))));
    }
    let is_ours = NOTED.lock().expect("not poisoned").listen.is_some();
    if !is_ours {
        let names = PyDict::new(py);
        names.set_item("refuse", wrap_pyfunction!(on_listen, py)?)?;
        names.set_item("original", class.getattr("listen")?)?;
        py.run(LISTEN, Some(&names), None)?;
        class.setattr("listen", names.get_item("listen")?)?;
        NOTED.lock().expect("not poisoned").listen = Some(class.unbind());
    }
    // Many servers end the program when another has the port.
    let sentence = of_server(&place(py));
    NOTED
        .lock()
        .expect("not poisoned")
        .bound
        .get_or_insert(sentence);
    Ok(())
}

/// What stands in for `socket.socket.listen`. A function in Python, so that it becomes a method.
const LISTEN: &CStr = c"\
def listen(self, *backlog):
    refuse(self)
    return original(self, *backlog)
";

#[pyfunction]
fn on_listen(py: Python<'_>, socket: &Bound<'_, PyAny>) -> PyResult<()> {
    let family: i32 = socket.getattr("family")?.extract()?;
    if !is_loading() || family == libc::AF_UNIX {
        return Ok(());
    }
    Err(refuse(of_server(&place(py))))
}

fn of_server(place: &str) -> String {
    let remedy = if GUARDED.load(Ordering::Acquire) {
        ", and there is nothing else to answer with: give the script a WSGI application by the name of \
         `application`"
    } else {
        ": remove it, or put it below `if __name__ == \"__main__\":`"
    };
    format!(
        "{place} starts a server while the application is loaded, which would wait for other \
         requests and never answer this one{remedy}"
    )
}
