//! Refuses what would leave the request without an answer: replacing this process with another program
//! (`os.exec*`), and, while the application is loaded, waiting for connections, as a development server
//! outside of a main guard does.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use anyhow::{Result, anyhow};
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyTuple};

use super::super::beyond_abi3::add_audit_hook;
use super::Place;
use super::descriptor::Descriptor;
use process::last_resort;

/// The PID of the process that loads an application; 0 after that. Nothing is refused in its forked children.
static LOADING: AtomicU32 = AtomicU32::new(0);
/// Whether the main guard is being run: a [`Guarded`], or 0.
static GUARDED: AtomicU8 = AtomicU8::new(0);
static NOTED: Mutex<Noted> = Mutex::new(Noted {
    file: None,
    sentence: None,
    bound: None,
    class: None,
});

struct Noted {
    /// The script, whose lines are quoted.
    file: Option<PathBuf>,
    /// What was refused first.
    sentence: Option<String>,
    /// A server that would have been refused if its port had been free.
    bound: Option<String>,
    /// `socket.socket`, while its methods are replaced, and the original methods.
    class: Option<(Py<PyAny>, Vec<Py<PyAny>>)>,
}

/// Installs the audit hook, once.
pub(in super::super) fn hook() -> Result<()> {
    if add_audit_hook(on_event) {
        Ok(())
    } else {
        Err(anyhow!(
            "Python does not allow wsgi-cgi to observe the application (PySys_AddAuditHook failed)"
        ))
    }
}

/// While an application is loaded.
pub(super) struct Refusing(());

impl Refusing {
    pub(super) fn begin(file: Option<&Path>) -> Self {
        let mut noted = NOTED.lock().expect("not poisoned");
        noted.file = file.map(Path::to_owned);
        (noted.sentence, noted.bound) = (None, None);
        GUARDED.store(0, Ordering::Release);
        LOADING.store(std::process::id(), Ordering::Release);
        Self(())
    }

    /// Ends it, and returns what was refused, and a server that failed because its port was in use.
    #[allow(clippy::unused_self, reason = "only one that has begun can end")]
    pub(super) fn end(self, py: Python<'_>) -> PyResult<(Option<String>, Option<String>)> {
        LOADING.store(0, Ordering::Release);
        let (said, class) = {
            let mut noted = NOTED.lock().expect("not poisoned");
            let said = (noted.sentence.take(), noted.bound.take());
            (said, noted.class.take())
        };
        if let Some((class, before)) = class {
            for (name, before) in METHODS.into_iter().zip(before) {
                if before.is_none(py) {
                    class.bind(py).delattr(name)?;
                } else {
                    class.bind(py).setattr(name, before)?;
                }
            }
        }
        Ok(said)
    }
}

/// Why the main guard is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Guarded {
    /// The script has no other application.
    Needed = 1,
    /// It has one, and may pass it to a handler.
    Tried = 2,
}

/// From now on the main guard is run.
pub(super) fn main_guard_runs(why: Guarded) {
    GUARDED.store(why as u8, Ordering::Release);
}

/// Whether it is run in a script that has an application.
pub(super) fn is_trying_main_guard() -> bool {
    GUARDED.load(Ordering::Acquire) == Guarded::Tried as u8
}

/// Whether something was refused, or would have been.
pub(super) fn has_refused() -> bool {
    let noted = NOTED.lock().expect("not poisoned");
    noted.sentence.is_some() || noted.bound.is_some()
}

/// Forgets what was refused so far.
pub(super) fn forget() {
    let mut noted = NOTED.lock().expect("not poisoned");
    (noted.sentence, noted.bound) = (None, None);
}

/// While the application answers, during the call of a handler.
pub(super) struct Paused(u32);

/// Refuses nothing as long as the value returned lives.
pub(super) fn pause() -> Paused {
    Paused(LOADING.swap(0, Ordering::AcqRel))
}

impl Drop for Paused {
    fn drop(&mut self) {
        // A process restored from an image has another PID, and continues the same script.
        if self.0 != 0 {
            LOADING.store(std::process::id(), Ordering::Release);
        }
    }
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
    if event == c"open" && is_loading() {
        // SAFETY: the interpreter's lock is held, and the arguments are a tuple.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: as above, and it lives through the call.
        let arguments = unsafe { Bound::from_borrowed_ptr(py, arguments) };
        if arguments
            .get_item(0)
            .is_ok_and(|what| what.is_exact_instance_of::<PyInt>() && what.eq(1).unwrap_or(false))
        {
            Descriptor::note_number_used();
        }
        return 0;
    }
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
    let is_of_passenger = NOTED
        .lock()
        .expect("not poisoned")
        .file
        .as_ref()
        .is_some_and(|file| {
            file.file_name()
                .is_some_and(|name| name == "passenger_wsgi.py")
        });
    let whose = if is_of_passenger {
        "; only Passenger needs that"
    } else {
        ""
    };
    Err(refuse(format!(
        "{place} would replace this process with the program `{program}` (os.exec*), and the \
         request would get no answer{whose}: remove it, and name the virtual environment with \
         --venv (in the script: `venv`)"
    )))
}

/// `listen` and `accept` have no audit event, but `bind` comes before them.
#[cold]
fn on_bind(arguments: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = arguments.py();
    let socket = arguments.cast::<PyTuple>()?.get_item(0)?;
    let kind: i32 = socket.getattr("type")?.extract()?;
    if !is_of_servers(&socket)? || kind & 0xf != libc::SOCK_STREAM {
        return Ok(());
    }
    let class = py.import("socket")?.getattr("socket")?;
    if !socket.is_instance(&class)? {
        // gevent's, for example.
        return on_listen(&socket);
    }
    let is_ours = NOTED.lock().expect("not poisoned").class.is_some();
    if !is_ours {
        let names = PyDict::new(py);
        names.set_item("on_listen", wrap_pyfunction!(on_listen, py)?)?;
        names.set_item("on_accept", wrap_pyfunction!(on_accept, py)?)?;
        for name in METHODS {
            names.set_item(format!("original_{name}"), class.getattr(name)?)?;
        }
        py.run(STANDING_IN, Some(&names), None)?;
        let mut before = Vec::new();
        for name in METHODS {
            let own = class.getattr("__dict__")?;
            before.push(own.call_method1("get", (name,))?.unbind());
            class.setattr(name, names.get_item(name)?)?;
        }
        NOTED.lock().expect("not poisoned").class = Some((class.unbind(), before));
    }
    if is_asked_by_library(py)? {
        // Many servers exit if the port is in use.
        let sentence = of_server(&place(py));
        let mut noted = NOTED.lock().expect("not poisoned");
        noted.bound.get_or_insert(sentence);
    }
    Ok(())
}

const METHODS: [&str; 2] = ["listen", "accept"];

/// Replaces these methods of `socket.socket`. Functions in Python, so that they become
/// methods.
const STANDING_IN: &CStr = c"\
def listen(self, *backlog):
    on_listen(self)
    return original_listen(self, *backlog)
def accept(self):
    on_accept(self)
    return original_accept(self)
";

/// Whether development servers use such sockets; some listen at a path.
fn is_of_servers(socket: &Bound<'_, PyAny>) -> PyResult<bool> {
    let family: i32 = socket.getattr("family")?.extract()?;
    Ok([libc::AF_INET, libc::AF_INET6, libc::AF_UNIX].contains(&family))
}

/// Libraries that listen in another thread or process, while the application goes on.
const IN_THE_BACKGROUND: [&str; 5] = [
    "debugpy",
    "logging",
    "multiprocessing",
    "prometheus_client",
    "pydevd",
];

/// Refuses a server of a library, which would wait; a script that only listens continues.
#[pyfunction]
fn on_listen(socket: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = socket.py();
    if is_loading() && is_of_servers(socket)? && is_asked_by_library(py)? {
        return Err(refuse(of_server(&place(py))));
    }
    Ok(())
}

/// Refuses to wait for connections in the main thread.
#[pyfunction]
fn on_accept(socket: &Bound<'_, PyAny>) -> PyResult<()> {
    // The C library has `gettid` from 2.30 on.
    let is_main = rustix::thread::gettid() == rustix::process::getpid();
    if is_loading() && is_main && is_of_servers(socket)? {
        return Err(refuse(of_server(&place(socket.py()))));
    }
    Ok(())
}

/// Whether the innermost code outside the module `socket` belongs to a library, and that one waits in
/// this thread.
fn is_asked_by_library(py: Python<'_>) -> PyResult<bool> {
    let standard: PathBuf = py.import("os")?.getattr("__file__")?.extract()?;
    let standard = standard.parent().unwrap_or(&standard);
    let mut frame = py.import("sys")?.call_method0("_getframe")?;
    let mut is_library = None;
    while !frame.is_none() {
        let module = frame
            .getattr("f_globals")?
            .call_method1("get", ("__name__",))?;
        let name: String = module.extract().unwrap_or_default();
        if IN_THE_BACKGROUND.contains(&name.split('.').next().unwrap_or_default()) {
            return Ok(false);
        }
        // The replacing functions have no module name.
        if is_library.is_none() && !module.is_none() && name != "builtins" && name != "socket" {
            let code = frame.getattr("f_code")?;
            let file: PathBuf = code.getattr("co_filename")?.extract()?;
            let is_packages = file
                .iter()
                .any(|part| part == "site-packages" || part == "dist-packages");
            let is_frozen = file.as_os_str().as_encoded_bytes().starts_with(b"<frozen ");
            is_library = Some(is_packages || is_frozen || file.starts_with(standard));
        }
        frame = frame.getattr("f_back")?;
    }
    Ok(is_library.unwrap_or(false))
}

fn of_server(place: &str) -> String {
    let remedy = if GUARDED.load(Ordering::Acquire) != 0 {
        ", and the script has no WSGI application: define one named `application`"
    } else {
        ": remove it, or put it below `if __name__ == \"__main__\":`"
    };
    format!(
        "{place} starts a server while the application is loaded, which would wait for other \
         requests and never answer this one{remedy}"
    )
}
