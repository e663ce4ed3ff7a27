//! Records from audit events what Python reads while it loads an application: files, folders, and
//! sources that cannot be watched, such as the network.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow};
use pyo3::ffi;
use pyo3::prelude::*;

use super::super::beyond_abi3::add_audit_hook;
use super::environment::{self, EnvironmentRead};
use super::path_lookups;
use super::paths::{path_of, source_of};
use super::randomness;
use super::running_functions::running_functions;
use image::freshness::{self, Listed};
use image::observer::seen::Seen;
use image::watch::{self, Askers, is_of_the_kernel};

/// Whether events are recorded.
static RECORDING: AtomicBool = AtomicBool::new(false);
static READ: Mutex<Noted> = Mutex::new(Noted {
    files: Vec::new(),
    found: Vec::new(),
    folders: Vec::new(),
    asked: Vec::new(),
    writers: Vec::new(),
    databases: Vec::new(),
    device_readers: Vec::new(),
});

#[derive(Default)]
struct Noted {
    files: Vec<Vec<u8>>,
    found: Vec<Vec<u8>>,
    folders: Vec<Listed>,
    asked: Vec<String>,
    writers: Vec<(Vec<u8>, String)>,
    databases: Vec<Vec<u8>>,
    device_readers: Vec<String>,
}

/// What was read while the application was loaded.
#[derive(Debug, Default)]
pub struct Recorded {
    /// What was read of the environment.
    pub environment: EnvironmentRead,
    /// Why Python looked up paths.
    pub askers: Askers,
    /// What the observer saw.
    pub seen: Seen,
    /// Files that were opened for reading.
    pub files: Vec<Vec<u8>>,
    /// Those of them that existed and were not made by this process.
    pub found: Vec<Vec<u8>>,
    /// Folders that were listed, as they were then, and whether it was the import system that searched
    /// them.
    pub folders: Vec<(Listed, bool)>,
    /// Other sources that were asked, in words: whether their answer is still the same cannot be checked.
    pub asked: Vec<String>,
    /// Files that were opened for writing, and by which module.
    pub writers: Vec<(Vec<u8>, String)>,
    /// Databases that were opened (SQLite).
    pub databases: Vec<Vec<u8>>,
    /// Modules that drew random bytes and may have kept them.
    pub drawn: Vec<String>,
    /// Modules that opened a device for random bytes, one entry each time.
    pub device_readers: Vec<String>,
    /// What prevents an image, in words.
    pub obstacle: Option<String>,
}

impl Recorded {
    /// Returns what prevents an image as an error.
    ///
    /// # Errors
    /// If there is something.
    pub fn refuse_obstacle(&self) -> Result<()> {
        self.obstacle
            .as_ref()
            .map_or(Ok(()), |obstacle| Err(anyhow!("{obstacle}")))
    }
}

/// Starts to record what Python reads.
pub fn record_reading() -> Result<()> {
    RECORDING.store(true, Ordering::Release);
    if add_audit_hook(hook) {
        Ok(())
    } else {
        Err(anyhow!(
            "Python does not allow wsgi-cgi to observe the application (PySys_AddAuditHook failed)"
        ))
    }
}

/// Stops recording. Adds the files and searched folders that the import system knows.
pub(super) fn end(files: &[PathBuf], searched: &[PathBuf]) -> Recorded {
    RECORDING.store(false, Ordering::Release);
    for (paths, is_file) in [(files, true), (searched, false)] {
        for path in paths.iter().filter(|path| path.is_absolute()) {
            note(path.as_os_str().as_bytes().to_vec(), is_file);
        }
    }
    let noted = READ
        .lock()
        .map(|mut read| std::mem::take(&mut *read))
        .unwrap_or_default();
    let is_own = |path: &[u8]| noted.writers.iter().any(|(known, _)| known == path);
    let is_searched = |path: &[u8]| {
        let path = Path::new(OsStr::from_bytes(path));
        searched.iter().any(|known| known == path)
    };
    Recorded {
        files: noted.files,
        found: noted
            .found
            .into_iter()
            .filter(|path| !is_own(path))
            .collect(),
        folders: noted
            .folders
            .into_iter()
            .map(|listed| {
                let is_searched = is_searched(&listed.path);
                (listed, is_searched)
            })
            .collect(),
        asked: noted.asked,
        writers: noted.writers,
        databases: noted.databases,
        device_readers: noted.device_readers,
        ..Recorded::default()
    }
}

/// <https://docs.python.org/3/library/audit_events.html>
unsafe extern "C" fn hook(event: *const c_char, args: *mut ffi::PyObject, _: *mut c_void) -> c_int {
    if !RECORDING.load(Ordering::Acquire) || args.is_null() {
        return 0;
    }
    // SAFETY: the event is a C string and the arguments a tuple; the interpreter lock is held.
    unsafe {
        let event = CStr::from_ptr(event).to_bytes();
        let argument = |place| ffi::PyTuple_GetItem(args, place);
        match event {
            b"open" => {
                if let Some(path) = path_of(argument(0)) {
                    opened(path, ffi::PyLong_AsLong(argument(2)));
                }
            }
            b"os.listdir" | b"os.scandir" => {
                if let Some(path) = path_of(argument(0)) {
                    path_lookups::lists(&path);
                    note(path, false);
                }
            }
            b"os.remove" | b"os.rmdir" => {
                if let Some(path) = path_of(argument(0)) {
                    removed(&path);
                }
            }
            // If a module is compiled already, Python opens only the compiled file.
            b"exec" => {
                if let Some(path) = source_of(argument(0)) {
                    note(path, true);
                }
                if randomness::is_recorded() {
                    Python::attach(|py| {
                        if let Some(code) = Bound::from_borrowed_ptr_or_opt(py, argument(0)) {
                            randomness::executed(py, &code);
                        }
                    });
                } else {
                    ran_early(argument(0));
                }
            }
            b"socket.connect" => asked("the network", argument(1)),
            b"sqlite3.connect" => {
                asked("the database", argument(0));
                if let Some(path) = path_of(argument(0)) {
                    database(path);
                }
            }
            b"subprocess.Popen" => {
                asked("the program", argument(0));
                if argument(3) == ffi::Py_None() {
                    environment::passes_all_variables();
                } else {
                    environment::passes_own_variables();
                }
            }
            b"os.system" => {
                // Only its first word is recorded: the rest may be secret.
                asked_to_run(argument(0));
                environment::passes_all_variables();
            }
            b"ctypes.dlsym" => environment::note_symbol(argument(0), argument(1)),
            b"os.posix_spawn" | b"os.exec" | b"os.spawn" => asked("the program", argument(0)),
            b"os.fork" | b"os.forkpty" => asked("a child process", std::ptr::null_mut()),
            _ => {}
        }
        ffi::PyErr_Clear();
    }
    0
}

/// Code that ran before the environment was watched: `sitecustomize` and the like.
static EARLY: Mutex<Vec<Early>> = Mutex::new(Vec::new());

struct Early(*mut ffi::PyObject);

// SAFETY: the object belongs to no thread, and is used with the interpreter's lock held.
unsafe impl Send for Early {}

unsafe fn ran_early(code: *mut ffi::PyObject) {
    if let Ok(mut early) = EARLY.lock()
        && early.len() < 1000
    {
        // SAFETY: borrowed from the caller, which holds the interpreter's lock.
        unsafe { ffi::Py_XINCREF(code) };
        early.push(Early(code));
    }
}

/// That code.
pub(super) fn early(py: Python<'_>) -> Vec<Bound<'_, PyAny>> {
    let early = EARLY.lock().map(|mut early| std::mem::take(&mut *early));
    let early = early.unwrap_or_default().into_iter();
    // SAFETY: the reference count was raised when it was stored.
    early
        .filter_map(|code| unsafe { Bound::from_owned_ptr_or_opt(py, code.0) })
        .collect()
}

fn opened(path: Vec<u8>, flags: i64) {
    if watch::RANDOM_DEVICES.contains(&&path[..]) {
        read_random_bytes();
        return;
    }
    if flags & i64::from(libc::O_ACCMODE) == i64::from(libc::O_RDONLY) {
        note(path, true);
        return;
    }
    let module = running_functions().module();
    if let Ok(mut read) = READ.lock() {
        read.writers.retain(|(known, _)| *known != path);
        read.writers.push((path, module));
    }
}

/// The module has random bytes now, and may keep them.
fn read_random_bytes() {
    let module = running_functions().module();
    if let Ok(mut read) = READ.lock() {
        read.device_readers.push(module);
    }
}

/// A database does not count as a file that was read: it changes all the time, and is opened again.
fn database(path: Vec<u8>) {
    // `file:NAME?mode=ro`, made absolute as any other name.
    let path = match memchr::memmem::find(&path, b"/file:") {
        Some(place) => {
            let name = &path[place + b"/file:".len()..];
            let name = name.split(|&byte| byte == b'?').next().unwrap_or_default();
            if name.starts_with(b"/") {
                name.to_vec()
            } else {
                [&path[..=place], name].concat()
            }
        }
        None => path,
    };
    if let Ok(mut read) = READ.lock() {
        read.databases.push(path);
    }
}

/// A file that this process removes itself need not exist later.
fn removed(path: &[u8]) {
    if let Ok(mut read) = READ.lock() {
        read.found.retain(|known| known != path);
    }
}

/// Records a file that was read or a folder that was listed by this program, without an audit event. A
/// folder is listed before Python lists it, so that a later change is noticed.
pub(in super::super) fn looked_at(path: &Path, is_file: bool) {
    if RECORDING.load(Ordering::Acquire) {
        note(path.as_os_str().as_bytes().to_vec(), is_file);
    }
}

fn note(path: Vec<u8>, is_file: bool) {
    // Files in `/proc` and the like have no time that shows whether they changed.
    if is_of_the_kernel(&path) {
        return;
    }
    let Ok(mut read) = READ.lock() else { return };
    if is_file {
        if !read.files.contains(&path) {
            path_lookups::note_own_lookup(&path, false);
            if freshness::stamp_of(&path).is_some() {
                read.found.push(path.clone());
            }
            read.files.push(path);
        }
    } else if !read.folders.iter().any(|known| known.path == path) {
        path_lookups::note_own_lookup(&path, true);
        read.folders.push(freshness::list(path));
    }
}

/// A shell command was run: records its first word.
unsafe fn asked_to_run(command: *mut ffi::PyObject) {
    // SAFETY: the interpreter lock is held, and the object is borrowed from a tuple that lives
    // through the call.
    let text = Python::attach(|py| unsafe {
        let command = Bound::from_borrowed_ptr_or_opt(py, command)?;
        let bytes = py
            .import("os")
            .ok()?
            .call_method1("fsencode", (command,))
            .ok()?;
        bytes.extract::<Vec<u8>>().ok()
    });
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    let word = text.split_whitespace().next().unwrap_or_default();
    note_source(&format!("the command '{word}'"));
}

/// Records a source that cannot be watched.
unsafe fn asked(whom: &str, object: *mut ffi::PyObject) {
    // SAFETY: the interpreter lock is held, and the object is borrowed from a tuple that lives
    // through the call.
    let what = Python::attach(|py| unsafe {
        let object = Bound::from_borrowed_ptr_or_opt(py, object)?;
        // Python up to 3.10 passes the path as bytes.
        let path = object.extract::<&[u8]>().map(String::from_utf8_lossy);
        match path {
            Ok(path) => Some(format!("'{path}'")),
            Err(_) => Some(object.repr().ok()?.to_string_lossy().into_owned()),
        }
    });
    match what {
        Some(what) => note_source(&format!("{whom} {what}")),
        None => note_source(whom),
    }
}

fn note_source(whom: &str) {
    let line = format!("{whom} (`{}`)", running_functions().module());
    if let Ok(mut read) = READ.lock()
        && !read.asked.contains(&line)
    {
        read.asked.push(line);
    }
}
