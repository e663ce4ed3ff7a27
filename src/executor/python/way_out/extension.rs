//! Extension modules: whether freeing one of their objects may do more than free memory. A library can
//! do only what the functions do that it imports, and these are listed in its symbol table.

use std::collections::HashMap;
use std::ffi::{CStr, OsStr, c_void};
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use object::{Object, ObjectSymbol};
use pyo3::ffi::{self, PyTypeObject};
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::super::beyond_abi3::deallocator;
use super::symbols::are_harmless;

/// Packages whose objects only own memory, though their libraries import other functions.
const MEMORY_ALONE: [&str; 16] = [
    "PIL",
    "bcrypt",
    "cryptography",
    "dulwich",
    "lxml",
    "msgpack",
    "numpy",
    "orjson",
    "pandas",
    "pydantic_core",
    "regex",
    "rpds",
    "scipy",
    "sklearn",
    "ujson",
    "yaml",
];

/// Modules of the standard library whose objects write when they are freed.
const WRITERS: [&str; 2] = ["_dbm", "_gdbm"];

/// What was found out about types and files.
#[derive(Default)]
pub(super) struct Extensions {
    /// By the address of the deallocator, of which there are few.
    code: HashMap<usize, bool>,
    files: HashMap<PathBuf, bool>,
    /// The file of the interpreter, and of this module.
    own: Vec<PathBuf>,
}

impl Extensions {
    /// Whether freeing an object of this type may do more than free memory.
    pub(super) fn act(&mut self, py: Python<'_>, kind: *mut PyTypeObject) -> bool {
        // SAFETY: the type of an object that is alive.
        let bound = unsafe { Bound::from_borrowed_ptr(py, kind.cast()) };
        bound
            .cast_into::<PyType>()
            .is_ok_and(|kind| kind.mro().iter().any(|class| self.acts(py, &class)))
    }

    fn acts(&mut self, py: Python<'_>, class: &Bound<'_, PyAny>) -> bool {
        let Some(code) = deallocator(py, class.as_ptr().cast()) else {
            return true;
        };
        if let Some(known) = self.code.get(&(code as usize)) {
            return *known;
        }
        let acts = file_of(code).is_none_or(|file| self.file_acts(&file));
        self.code.insert(code as usize, acts);
        acts
    }

    /// The same for all types of an extension module.
    pub(super) fn file_acts(&mut self, file: &Path) -> bool {
        if self.own.is_empty() {
            let python = ffi::PyObject_Str as *const c_void;
            let ours = file_of as *const c_void;
            self.own = [python, ours].into_iter().filter_map(file_of).collect();
        }
        if let Some(known) = self.files.get(file) {
            return *known;
        }
        let acts = !self.own.iter().any(|own| own == file) && may_act(file);
        self.files.insert(file.to_owned(), acts);
        acts
    }
}

/// The library that contains the code.
fn file_of(code: *const c_void) -> Option<PathBuf> {
    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: a question about an address; the answer is a structure of this function's own, with a string
    // that lives as long as the file is mapped. Null pointers are values of its fields.
    let name = unsafe {
        let is_found = libc::dladdr(code, found.as_mut_ptr()) != 0;
        let name = found.assume_init().dli_fname;
        if !is_found || name.is_null() {
            return None;
        }
        CStr::from_ptr(name)
    };
    Some(Path::new(OsStr::from_bytes(name.to_bytes())).to_owned())
}

fn may_act(file: &Path) -> bool {
    let module = file.file_name().map(OsStr::to_string_lossy);
    let module = module.as_deref().unwrap_or_default().split('.').next();
    if file.to_string_lossy().contains("/lib-dynload/") {
        return WRITERS.contains(&module.unwrap_or_default());
    }
    if package_of(file).is_some_and(|name| MEMORY_ALONE.iter().any(|known| name == *known)) {
        return false;
    }
    let bytes = fs::read(file).unwrap_or_default();
    let Ok(parsed) = object::File::parse(&*bytes) else {
        return true;
    };
    let taken = parsed.dynamic_symbols().filter(ObjectSymbol::is_undefined);
    // A name that cannot be read counts as unknown.
    let names: Vec<&[u8]> = taken
        .map(|symbol| symbol.name_bytes().unwrap_or(b"?"))
        .collect();
    !are_harmless(names.iter().copied())
}

/// The package of an installed file: the name directly below `site-packages` or `dist-packages`.
fn package_of(file: &Path) -> Option<&OsStr> {
    let mut parts = file.components().map(Component::as_os_str);
    parts.find(|part| *part == "site-packages" || *part == "dist-packages")?;
    parts.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_the_name_below_site_packages() {
        let of = |file| package_of(Path::new(file)).map(OsStr::to_string_lossy);
        assert_eq!(
            of("/v/lib/python3.11/site-packages/numpy/core/x.so").as_deref(),
            Some("numpy")
        );
        assert_eq!(
            of("/home/numpy/venv/lib/python3.11/site-packages/h.so").as_deref(),
            Some("h.so")
        );
        assert_eq!(of("/home/numpy/h.so"), None);
    }
}
