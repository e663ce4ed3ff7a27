//! Which Python code is running: the file and function of the two innermost frames, from which follows
//! why a path is looked up.

use std::ffi::CStr;

use pyo3::ffi;

/// The code of a frame.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Code {
    file: String,
    function: String,
}

/// The code of the two innermost frames, innermost first. The interpreter's lock is held.
pub(super) fn nearest() -> Vec<Code> {
    let mut found = Vec::with_capacity(2);
    // SAFETY: the frame is borrowed from the interpreter, which is in this call meanwhile; what is
    // made here is released here.
    unsafe {
        let mut frame = ffi::PyEval_GetFrame().cast::<ffi::PyObject>();
        ffi::Py_XINCREF(frame);
        while !frame.is_null() && frame != ffi::Py_None() && found.len() < 2 {
            let code = ffi::PyObject_GetAttrString(frame, c"f_code".as_ptr());
            found.push(Code {
                file: text(code, c"co_filename"),
                function: text(code, c"co_name"),
            });
            ffi::Py_XDECREF(code);
            let back = ffi::PyObject_GetAttrString(frame, c"f_back".as_ptr());
            ffi::Py_DECREF(frame);
            frame = back;
        }
        ffi::Py_XDECREF(frame);
        ffi::PyErr_Clear();
    }
    found
}

unsafe fn text(object: *mut ffi::PyObject, attribute: &CStr) -> String {
    // SAFETY: the caller's object is null or alive; what is made here is released here.
    unsafe {
        if object.is_null() {
            return String::new();
        }
        let value = ffi::PyObject_GetAttrString(object, attribute.as_ptr());
        if value.is_null() {
            return String::new();
        }
        let encoded = ffi::PyUnicode_AsUTF8String(value);
        ffi::Py_DECREF(value);
        if encoded.is_null() {
            return String::new();
        }
        let start = ffi::PyBytes_AsString(encoded).cast::<u8>();
        let length = usize::try_from(ffi::PyBytes_Size(encoded)).unwrap_or(0);
        let bytes = std::slice::from_raw_parts(start, length);
        let text = String::from_utf8_lossy(bytes).into_owned();
        ffi::Py_DECREF(encoded);
        text
    }
}

/// The functions of `os.path` that return only whether something exists and of which kind it is.
const OF_PATHS: [&str; 10] = [
    "exists",
    "isdir",
    "isfile",
    "isjunction",
    "islink",
    "ismount",
    "lexists",
    "realpath",
    "_joinrealpath",
    "_realpath",
];

/// The same of `pathlib`.
const OF_PATHLIB: [&str; 16] = [
    "exists",
    "is_block_device",
    "is_char_device",
    "is_dir",
    "is_fifo",
    "is_file",
    "is_junction",
    "is_mount",
    "is_socket",
    "is_symlink",
    "mkdir",
    "resolve",
    "_resolve",
    "touch",
    "walk",
    "_walk",
];

impl Code {
    /// Whether it is a part of the import system, or of what looks for installed packages.
    pub(super) fn is_of_imports(&self) -> bool {
        let file = self.file.as_str();
        file.starts_with("<frozen importlib.")
            || file == "<frozen zipimport>"
            || file.ends_with("/zipimport.py")
            || file.contains("/importlib/_bootstrap")
            || file.contains("/importlib/metadata")
            || file.contains("/importlib_metadata/")
    }

    /// Whether it uses only the existence and the kind of the path; `caller` is the calling frame.
    pub(super) fn asks_for_kind(&self, caller: Option<&Self>) -> bool {
        let is_of = |module: &str| {
            self.file.ends_with(&format!("/{module}.py"))
                || self.file == format!("<frozen {module}>")
        };
        if is_of("genericpath") || is_of("posixpath") {
            return OF_PATHS.contains(&self.function.as_str());
        }
        let of_pathlib =
            |code: &Self| code.file.ends_with("/pathlib.py") || code.file.contains("/pathlib/");
        let asks = |code: &Self| of_pathlib(code) && OF_PATHLIB.contains(&code.function.as_str());
        // For `Path.stat` the caller decides.
        asks(self)
            || of_pathlib(self)
                && ["stat", "lstat"].contains(&self.function.as_str())
                && caller.is_some_and(asks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(file: &str, function: &str) -> Code {
        Code {
            file: file.into(),
            function: function.into(),
        }
    }

    #[test]
    fn import_system_code_is_recognised_by_its_file() {
        assert!(code("<frozen importlib._bootstrap_external>", "_path_stat").is_of_imports());
        assert!(
            code(
                "/usr/lib/python3.11/importlib/metadata/__init__.py",
                "mtime"
            )
            .is_of_imports()
        );
        assert!(!code("/srv/importlib.py", "stat").is_of_imports());
    }

    #[test]
    fn asking_for_a_time_uses_more_than_the_kind() {
        let file = "/usr/lib/python3.9/genericpath.py";
        assert!(code(file, "exists").asks_for_kind(None));
        assert!(!code(file, "getmtime").asks_for_kind(None));
        assert!(code("<frozen posixpath>", "_joinrealpath").asks_for_kind(None));
        let stat = code("/usr/lib/python3.13/pathlib/_local.py", "stat");
        assert!(stat.asks_for_kind(Some(&code("/usr/lib/python3.13/pathlib/_abc.py", "exists"))));
        assert!(!stat.asks_for_kind(Some(&code("/srv/app.py", "exists"))));
    }
}
