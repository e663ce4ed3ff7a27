//! Handles of C types that close, flush or remove something in their deallocator, and have no
//! finaliser. If loading made one that has to write, it has an open descriptor; those made by the
//! request are looked at one by one.

use std::collections::HashSet;
use std::fs;
use std::os::fd::{BorrowedFd, RawFd};
use std::path::PathBuf;
use std::sync::Mutex;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyModule, PyType};
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};

use super::finalisers::Remaining;
use super::held::{each, each_held};
use super::kinds::{Kinds, is_tracked};
use process::last_resort;
use rustix::stdio::stderr;

/// Descriptors that were open for writing before the application was loaded.
static INHERITED: Mutex<Vec<Open>> = Mutex::new(Vec::new());

/// A descriptor and its file, as the number may be reused for another file later.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Open {
    number: RawFd,
    device: u64,
    inode: u64,
}

/// Descriptors opened from now on, and those in `opened`, belong to the application.
pub(super) fn note_inherited(opened: &[RawFd]) {
    let mut inherited = writable();
    inherited.retain(|open| !opened.contains(&open.number));
    *INHERITED.lock().expect("not poisoned") = inherited;
}

/// Whether one of these modules has types whose deallocator may do more than free memory; and whether
/// the garbage collector does not track objects of one of them.
pub(super) fn look(
    py: Python<'_>,
    modules: Vec<Bound<'_, PyAny>>,
    kinds: &mut Kinds,
) -> PyResult<Acting> {
    let mut found = Acting::default();
    for (file, names) in extension_modules(modules) {
        if !kinds.extensions.file_acts(&file) {
            continue;
        }
        found.is_there = true;
        for value in names.values() {
            if let Ok(kind) = value.cast_into::<PyType>()
                && !is_tracked(kind.as_type_ptr())
                && kinds.has_side_effects(py, kind.as_type_ptr())?
            {
                found.is_untracked = true;
            }
        }
    }
    Ok(found)
}

/// Whether there are extension modules whose objects may act when they are freed.
#[derive(Clone, Copy, Default)]
pub(super) struct Acting {
    /// There is one.
    pub(super) is_there: bool,
    /// One has objects that the garbage collector does not track.
    pub(super) is_untracked: bool,
}

impl Acting {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            is_there: self.is_there || other.is_there,
            is_untracked: self.is_untracked || other.is_untracked,
        }
    }
}

/// Looks for such a handle among objects made after loading.
pub(super) fn find_new(objects: &Bound<'_, PyList>, kinds: &mut Kinds) -> PyResult<Option<String>> {
    let mut found = None;
    each(objects, |object| {
        // SAFETY: the list holds it.
        let kind = unsafe { ffi::Py_TYPE(object) };
        if kinds.has_side_effects(objects.py(), kind)? && !kinds.of(objects.py(), kind)?.is_meta {
            found = Some(kind);
        }
        Ok(found.is_none())
    })?;
    reason(objects.py(), found)
}

/// Looks for an untracked handle among everything that tracked objects refer to.
pub(super) fn find_referenced(
    objects: &Bound<'_, PyList>,
    kinds: &mut Kinds,
) -> PyResult<Option<String>> {
    // Judged afterwards, as that may run Python code, which could change the objects.
    let mut seen = HashSet::new();
    each(objects, |object| {
        each_held(object, &mut |held| {
            // SAFETY: an object that another one holds.
            let kind = unsafe { ffi::Py_TYPE(held) };
            if !is_tracked(kind) {
                seen.insert(kind);
            }
            true
        });
        Ok(true)
    })?;
    let mut found = None;
    for kind in seen {
        if kinds.has_side_effects(objects.py(), kind)? {
            found = Some(kind);
        }
    }
    reason(objects.py(), found)
}

fn reason(py: Python<'_>, found: Option<*mut ffi::PyTypeObject>) -> PyResult<Option<String>> {
    let Some(kind) = found else {
        return Ok(None);
    };
    // SAFETY: the type of an object that is alive.
    let kind = unsafe { Bound::from_borrowed_ptr(py, kind.cast()) };
    Ok(Some(format!(
        "an object of the C type `{}.{}` may still have data to write when it is freed",
        kind.getattr("__module__")?,
        kind.getattr("__qualname__")?
    )))
}

/// Looks for a descriptor that is open for writing and belongs to no Python object: if there is a C
/// module that could, it may still write there.
pub(super) fn find_open(
    py: Python<'_>,
    modules: &Bound<'_, PyDict>,
    remaining: &Remaining,
    kinds: &mut Kinds,
) -> Option<String> {
    let mut writable = writable();
    if writable.is_empty() {
        return None;
    }
    let known = remaining.descriptors(py);
    let inherited = INHERITED.lock().expect("not poisoned");
    writable.retain(|open| !known.contains(&open.number) && !inherited.contains(open));
    let number = writable.first()?.number;
    let mut acting =
        extension_modules(all(modules)).filter(|(file, _)| kinds.extensions.file_acts(file));
    acting.next().map(|(module, _)| {
        let file = fs::read_link(format!("/proc/self/fd/{number}")).unwrap_or_default();
        format!(
            "file descriptor {number} (`{}`) is open for writing, and `{}` may still write to it",
            file.display(),
            module.display()
        )
    })
}

/// Descriptors from 3 on that are open for writing and not this program's own.
fn writable() -> Vec<Open> {
    let entries = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<RawFd>().ok());
    // Duplicates of the log are this program's own.
    let log = fstat(stderr())
        .map(|about| (about.st_dev, about.st_ino))
        .ok();
    numbers
        .filter(|&number| number > 2)
        .filter_map(|number| {
            // SAFETY: only looked at; a closed descriptor gives an error.
            let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
            let flags = fcntl_getfl(descriptor).ok()?;
            let about = fstat(descriptor).ok()?;
            let may_write = flags.intersects(OFlags::WRONLY | OFlags::RDWR)
                && !last_resort::is_ours(descriptor)
                && log != Some((about.st_dev, about.st_ino))
                && FileType::from_raw_mode(about.st_mode) != FileType::Unknown;
            may_write.then_some(Open {
                number,
                device: about.st_dev,
                inode: about.st_ino,
            })
        })
        .collect()
}

/// All modules.
pub(super) fn all<'py>(modules: &Bound<'py, PyDict>) -> Vec<Bound<'py, PyAny>> {
    modules.values().iter().collect()
}

/// The modules loaded after `last`; all if that cannot be told.
pub(super) fn since<'py>(
    modules: &Bound<'py, PyDict>,
    number: usize,
    last: &Bound<'py, PyAny>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let mut newer = Vec::new();
    // A dictionary keeps its insertion order.
    for name in modules.call_method0("__reversed__")?.try_iter()? {
        let name = name?;
        if name.is(last) && modules.len() == number + newer.len() {
            return Ok(newer);
        }
        if newer.len() + number > modules.len() {
            break;
        }
        newer.extend(modules.get_item(name)?);
    }
    Ok(all(modules))
}

/// The extension modules: file and dictionary. Attributes are not read, as that would load a lazily
/// loaded module.
fn extension_modules(
    modules: Vec<Bound<'_, PyAny>>,
) -> impl Iterator<Item = (PathBuf, Bound<'_, PyDict>)> {
    modules.into_iter().filter_map(|module| {
        let names = module.cast::<PyModule>().ok()?.dict();
        let file: PathBuf = names.get_item("__file__").ok()??.extract().ok()?;
        (file.extension()? == "so").then_some((file, names))
    })
}
