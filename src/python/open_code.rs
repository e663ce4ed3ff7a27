//! Compiled modules are read with four system calls each, where Python's own way takes nine: it
//! makes a buffered file, and asks whether that is a terminal and where it is.

use std::ffi::{OsStr, c_char, c_int, c_void};
use std::fs::File;
use std::io::Read;
use std::ptr;

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyModule, PyString};

/// A file that is larger is no module.
const MOST: u64 = 64 << 20;

type Hook = unsafe extern "C" fn(*mut ffi::PyObject, *mut c_void) -> *mut ffi::PyObject;

unsafe extern "C" {
    /// <https://docs.python.org/3/c-api/file.html#c.PyFile_SetOpenCodeHook>
    fn PyFile_SetOpenCodeHook(hook: Hook, data: *mut c_void) -> c_int;
    /// <https://docs.python.org/3/c-api/sys.html#c.PySys_Audit>
    fn PySys_Audit(event: *const c_char, format: *const c_char, ...) -> c_int;
}

/// Has modules read so. Comes before the interpreter.
pub(super) fn set_hook() {
    // SAFETY: the function has the signature asked for and lives as long as the process. Only a
    // second hook fails, and there is none.
    unsafe { PyFile_SetOpenCodeHook(open_code, ptr::null_mut()) };
}

/// `io.open_code`: what the import system asks for a file's content.
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
    let Some(bytes) = compiled(path).and_then(|file| content(py, file)) else {
        // What cannot be read whole is Python's to say.
        let mode = intern!(py, "rb");
        return io.bind(py).call_method1(intern!(py, "open"), (path, mode));
    };
    // As `_io.FileIO` says of itself.
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    // SAFETY: the format tells of an object and two values of C, which follow.
    let refused = unsafe {
        let (event, format) = (c"open".as_ptr(), c"Osi".as_ptr());
        PySys_Audit(event, format, path.as_ptr(), c"r".as_ptr(), flags)
    };
    if refused != 0 {
        return Err(PyErr::fetch(py));
    }
    io.bind(py).call_method1(intern!(py, "BytesIO"), (bytes,))
}

/// The path of a compiled module, where it is the same in every encoding.
fn compiled<'a>(path: &'a Bound<'_, PyAny>) -> Option<&'a OsStr> {
    let path = path.cast_exact::<PyString>().ok()?.to_str().ok()?;
    let is_compiled = path.is_ascii() && path.as_bytes().ends_with(b".pyc");
    is_compiled.then(|| OsStr::new(path))
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
