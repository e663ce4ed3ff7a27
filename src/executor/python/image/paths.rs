//! The paths in the arguments of audit events: in objects that `open` and the like accept, and in code objects.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pyo3::ffi;

/// The absolute path of the source of a code object; `<string>` and the like are not paths.
pub(super) unsafe fn source_of(code: *mut ffi::PyObject) -> Option<Vec<u8>> {
    // SAFETY: the caller's object is borrowed from a tuple that lives through the call; what is
    // made here is released here.
    unsafe {
        let name = ffi::PyObject_GetAttrString(code, c"co_filename".as_ptr());
        if name.is_null() {
            return None;
        }
        let path = path_of(name).filter(|_| ffi::PyUnicode_ReadChar(name, 0) != u32::from('<'));
        ffi::Py_DECREF(name);
        path
    }
}

/// The absolute path in an argument of `os.open` and the like; None is the working directory.
pub(super) unsafe fn path_of(object: *mut ffi::PyObject) -> Option<Vec<u8>> {
    // SAFETY: the caller's object is borrowed from a tuple that lives through the call; what is
    // made here is released here.
    let path = unsafe {
        if object.is_null() || ffi::PyLong_Check(object) != 0 {
            return None;
        }
        if object == ffi::Py_None() {
            b".".to_vec()
        } else {
            let path = ffi::PyOS_FSPath(object);
            if path.is_null() {
                return None;
            }
            let encoded = if ffi::PyUnicode_Check(path) == 0 {
                ffi::Py_INCREF(path);
                path
            } else {
                ffi::PyUnicode_EncodeFSDefault(path)
            };
            ffi::Py_DECREF(path);
            if encoded.is_null() {
                return None;
            }
            let bytes = bytes_of(encoded);
            ffi::Py_DECREF(encoded);
            bytes
        }
    };
    let absolute = std::path::absolute(Path::new(OsStr::from_bytes(&path))).ok()?;
    Some(absolute.into_os_string().as_bytes().to_vec())
}

/// The content of a `bytes`, which a path in bytes is.
unsafe fn bytes_of(object: *mut ffi::PyObject) -> Vec<u8> {
    // SAFETY: the caller knows its type.
    unsafe {
        let start = ffi::PyBytes_AsString(object).cast::<u8>();
        let length = usize::try_from(ffi::PyBytes_Size(object)).unwrap_or(0);
        std::slice::from_raw_parts(start, length).to_vec()
    }
}
