//! Reads compiled modules with four system calls each. Python itself needs nine: it opens a buffered
//! file, and asks whether it is a terminal and for its position.

use std::ffi::{OsStr, OsString, c_void};
use std::fs::File;
use std::io::Read;
use std::ptr;

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyModule, PyString};

use super::beyond_abi3::{audit_open, set_open_code_hook};

/// A larger file is left to Python.
const MOST: u64 = 64 << 20;

/// Sets the hook, unless another one is set.
pub(super) fn set_hook() {
    _ = set_open_code_hook(open_code);
}

/// `io.open_code`: the import system calls it to read a file.
unsafe extern "C" fn open_code(path: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: Python calls this with the interpreter lock held, and an object that lives through
    // the call.
    let (py, path) = unsafe {
        let py = Python::assume_attached();
        (py, Bound::from_borrowed_ptr(py, path))
    };
    match open(py, &path) {
        Ok(file) => file.into_ptr(),
        Err(error) => {
            error.restore(py);
            ptr::null_mut()
        }
    }
}

fn open<'py>(py: Python<'py>, path: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static IO: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let io = IO.get_or_try_init(py, || py.import("_io").map(Bound::unbind))?;
    let Some(bytes) = compiled(path).and_then(|file| content(py, &file)) else {
        // If the file cannot be read, Python reports the error.
        let mode = intern!(py, "rb");
        return io.bind(py).call_method1(intern!(py, "open"), (path, mode));
    };
    // The same audit event as from `_io.FileIO`.
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    audit_open(path, flags)?;
    io.bind(py).call_method1(intern!(py, "BytesIO"), (bytes,))
}

/// The path of a compiled module, if it is ASCII.
fn compiled(path: &Bound<'_, PyAny>) -> Option<OsString> {
    let path = path.cast_exact::<PyString>().ok()?.to_cow().ok()?;
    let is_compiled = path.is_ascii() && path.as_bytes().ends_with(b".pyc");
    is_compiled.then(|| path.into_owned().into())
}

fn content<'py>(py: Python<'py>, path: &OsStr) -> Option<Bound<'py, PyBytes>> {
    let mut file = File::open(path).ok()?;
    let about = rustix::fs::fstat(&file).ok()?;
    let size = u64::try_from(about.st_size)
        .ok()
        .filter(|size| *size <= MOST)?;
    let is_file = rustix::fs::FileType::from_raw_mode(about.st_mode).is_file();
    let size = usize::try_from(size).ok().filter(|_| is_file)?;
    PyBytes::new_with(py, size, |bytes| Ok(file.read_exact(bytes)?)).ok()
}
