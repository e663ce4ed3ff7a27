//! What an image of the interpreter needs from it: what loading read, and how to go on as a new
//! process.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyModule};

use super::interpreter::attach;
use crate::exchange::MetaVariables;
use crate::snapshot::format::Folder;
use crate::snapshot::freshness;

/// Whether what happens is taken down.
static RECORDING: AtomicBool = AtomicBool::new(false);
static READ: Mutex<Recorded> = Mutex::new(Recorded {
    files: Vec::new(),
    folders: Vec::new(),
});

/// What was read while the application was loaded.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Files that were opened for reading.
    pub files: Vec<Vec<u8>>,
    /// Folders that were listed, as they were then.
    pub folders: Vec<Folder>,
}

type Hook = unsafe extern "C" fn(*const c_char, *mut ffi::PyObject, *mut c_void) -> c_int;

unsafe extern "C" {
    /// <https://docs.python.org/3/c-api/sys.html#c.PySys_AddAuditHook>
    fn PySys_AddAuditHook(hook: Hook, data: *mut c_void) -> c_int;
}

/// Takes down from now on what Python reads. Comes before the interpreter.
pub fn record_reading() -> Result<()> {
    RECORDING.store(true, Ordering::Release);
    // SAFETY: the function has the signature asked for and lives as long as the process.
    match unsafe { PySys_AddAuditHook(hook, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(anyhow!("Python takes no audit hook")),
    }
}

/// <https://docs.python.org/3/library/audit_events.html>
unsafe extern "C" fn hook(event: *const c_char, args: *mut ffi::PyObject, _: *mut c_void) -> c_int {
    if !RECORDING.load(Ordering::Acquire) {
        return 0;
    }
    // SAFETY: the event is a C string and the arguments a tuple; the interpreter lock is held.
    unsafe {
        let event = CStr::from_ptr(event).to_bytes();
        let is_open = event == b"open";
        if (!is_open && event != b"os.listdir" && event != b"os.scandir") || args.is_null() {
            return 0;
        }
        let Some(path) = path_of(ffi::PyTuple_GetItem(args, 0)) else {
            ffi::PyErr_Clear();
            return 0;
        };
        if is_open {
            let flags = ffi::PyLong_AsLong(ffi::PyTuple_GetItem(args, 2));
            ffi::PyErr_Clear();
            if flags & i64::from(libc::O_ACCMODE) != i64::from(libc::O_RDONLY) {
                return 0;
            }
        }
        note(path, is_open);
    }
    0
}

/// A folder is looked at before Python does: what comes after that will be missed in neither.
fn note(path: Vec<u8>, is_file: bool) {
    let Ok(mut read) = READ.lock() else { return };
    if is_file {
        if !read.files.contains(&path) {
            read.files.push(path);
        }
    } else if !read.folders.iter().any(|known| known.path == path) {
        read.folders.push(freshness::folder(&path));
    }
}

/// The absolute path in a `str` or `bytes`.
unsafe fn path_of(object: *mut ffi::PyObject) -> Option<Vec<u8>> {
    // SAFETY: the caller's object is borrowed from a tuple that lives through the call.
    let path = unsafe {
        if object.is_null() {
            return None;
        }
        if ffi::PyUnicode_Check(object) != 0 {
            let encoded = ffi::PyUnicode_EncodeFSDefault(object);
            if encoded.is_null() {
                return None;
            }
            let path = bytes_of(encoded);
            ffi::Py_DECREF(encoded);
            path
        } else if ffi::PyBytes_Check(object) != 0 {
            bytes_of(object)
        } else {
            return None;
        }
    };
    let absolute = std::path::absolute(Path::new(OsStr::from_bytes(&path))).ok()?;
    Some(absolute.into_os_string().as_bytes().to_vec())
}

/// The content of a `bytes`.
unsafe fn bytes_of(object: *mut ffi::PyObject) -> Vec<u8> {
    // SAFETY: the caller has checked its type.
    unsafe {
        let start = ffi::PyBytes_AsString(object).cast::<u8>();
        let length = usize::try_from(ffi::PyBytes_Size(object)).unwrap_or(0);
        std::slice::from_raw_parts(start, length).to_vec()
    }
}

/// The Python side, kept in the image.
pub struct Sleeper(Py<PyModule>);

const SOURCE: &CStr = c"\
import os, sys, time

_kind = type(os.environ)
_maker = os.getpid()
seen = set()

class _Recording(_kind):
    def __getitem__(self, key):
        seen.add(os.fsencode(key))
        return super().__getitem__(key)

    def __iter__(self):
        seen.update(self._data)
        return super().__iter__()

def record():
    for environ in (os.environ, os.environb):
        environ.__class__ = _Recording

def recorded():
    for environ in (os.environ, os.environb):
        environ.__class__ = _kind
    files, folders = [], list(sys.path_importer_cache)
    for module in list(sys.modules.values()):
        file = getattr(module, '__file__', None)
        if isinstance(file, str):
            files.append(file)
    return seen, files, folders

def wake(variables):
    data = os.environ._data
    data.clear()
    data.update(variables)
    time.tzset()
    ssl = sys.modules.get('ssl')
    # OpenSSL takes new entropy by itself where the process's number is another.
    if ssl is not None and os.getpid() == _maker:
        ssl.RAND_add(os.urandom(32), 32.0)
    numpy = sys.modules.get('numpy.random')
    if numpy is not None:
        numpy.seed()
";

impl Sleeper {
    /// Takes down from now on which variables of the environment are read.
    pub fn record() -> Result<Self> {
        attach(|py| {
            let module = PyModule::from_code(py, SOURCE, c"wsgi-cgi", c"_wsgi_cgi_snapshot")?;
            module.call_method0("record")?;
            // No module of the application's.
            py.import("sys")?
                .getattr("modules")?
                .call_method1("pop", ("_wsgi_cgi_snapshot", py.None()))?;
            Ok(Self(module.unbind()))
        })
        .map_err(|error: PyErr| anyhow!("{error}"))
    }

    /// The variables that were read, and everything else that was.
    pub fn recorded(&self) -> Result<(Vec<Vec<u8>>, Recorded)> {
        RECORDING.store(false, Ordering::Release);
        let (variables, files, folders): (Vec<Vec<u8>>, Vec<PathBuf>, Vec<PathBuf>) =
            attach(|py| {
                let (seen, files, folders): (Bound<'_, PyAny>, _, _) =
                    self.0.bind(py).call_method0("recorded")?.extract()?;
                let mut variables = Vec::new();
                for name in seen.try_iter()? {
                    variables.push(name?.extract()?);
                }
                Ok((variables, files, folders))
            })
            .map_err(|error: PyErr| anyhow!("{error}"))?;
        for (paths, is_file) in [(files, true), (folders, false)] {
            for path in paths.into_iter().filter(|path| path.is_absolute()) {
                note(path.into_os_string().into_encoded_bytes(), is_file);
            }
        }
        let read = READ
            .lock()
            .map(|mut read| std::mem::take(&mut *read))
            .unwrap_or_default();
        Ok((variables, read))
    }

    /// Readies the interpreter for going on in another process.
    pub fn before(&self) {
        // SAFETY: the interpreter runs and its lock is held.
        unsafe { ffi::PyOS_BeforeFork() };
    }

    /// Goes on in the process that was there.
    pub fn after(&self) {
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
            self.0.bind(py).call_method1("wake", (variables,))?;
            Ok(())
        })
        .map_err(|error: PyErr| anyhow!("{error}"))
    }
}
