//! On whose behalf Python asks about a path while an application is loaded: the import system, which
//! looks for modules; `os.path.exists` and its like, which tell no more than whether something is
//! there; or code that gets all that `stat` tells. The functions in C behind `os.stat` and
//! `os.lstat` are replaced meanwhile, which nobody in Python can see.

use std::sync::Mutex;

use pyo3::ffi;
use pyo3::prelude::*;

use super::frames::{self, Code};
use super::paths::path_of;
use crate::snapshot::watch::{Asked, Askers};

type Function = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    ffi::Py_ssize_t,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

/// What was there before.
struct Replaced {
    stat: Function,
    lstat: Function,
}

static REPLACED: Mutex<Option<Replaced>> = Mutex::new(None);
static ASKERS: Mutex<Option<Askers>> = Mutex::new(None);

/// From now on it is taken down who asks. Where Python's functions are not of the form that is known,
/// each look counts as one that wants to know everything.
pub(super) fn record(py: Python<'_>) -> PyResult<()> {
    let posix = py.import("posix")?;
    if let Ok(mut askers) = ASKERS.lock() {
        *askers = Some(Askers::default());
    }
    let (stat, lstat) = (definition(&posix, "stat")?, definition(&posix, "lstat")?);
    if let (Some(stat), Some(lstat), Ok(mut replaced)) = (stat, lstat, REPLACED.lock()) {
        // SAFETY: both are definitions of that form, which nobody reads meanwhile: the lock of the
        // interpreter is held.
        unsafe {
            *replaced = Some(Replaced {
                stat: exchange(stat, recorded_stat),
                lstat: exchange(lstat, recorded_lstat),
            });
        }
    }
    Ok(())
}

/// Puts everything back; who asked for what.
pub(super) fn end(py: Python<'_>) -> PyResult<Askers> {
    let posix = py.import("posix")?;
    let before = REPLACED
        .lock()
        .ok()
        .and_then(|mut replaced| replaced.take());
    if let Some(before) = before {
        for (name, function) in [("stat", before.stat), ("lstat", before.lstat)] {
            if let Some(definition) = definition(&posix, name)? {
                // SAFETY: as above.
                unsafe { exchange(definition, function) };
            }
        }
    }
    let askers = ASKERS.lock().ok().and_then(|mut askers| askers.take());
    Ok(askers.unwrap_or_default())
}

/// The import system, or somebody else, lists a folder.
pub(super) fn lists(path: &[u8]) {
    if frames::nearest().first().is_some_and(Code::is_of_imports) {
        count_list(path);
    }
}

/// This program itself looks at a path, for its own sake.
pub(super) fn looks_ourselves(path: &[u8], lists: bool) {
    if lists {
        count_list(path);
    }
    if let Ok(mut askers) = ASKERS.lock()
        && let Some(askers) = &mut *askers
    {
        askers.stat.entry(path.to_vec()).or_default().by_imports += 1;
    }
}

fn count_list(path: &[u8]) {
    if let Ok(mut askers) = ASKERS.lock()
        && let Some(askers) = &mut *askers
    {
        *askers.listed.entry(path.to_vec()).or_default() += 1;
    }
}

/// How a module's function is defined, where it takes its arguments in the form that is known.
fn definition(module: &Bound<'_, PyModule>, name: &str) -> PyResult<Option<*mut ffi::PyMethodDef>> {
    let function = module.getattr(name)?;
    // SAFETY: the type is looked at first; the object has the layout of its type.
    unsafe {
        if ffi::PyCFunction_Check(function.as_ptr()) == 0 {
            return Ok(None);
        }
        let definition = (*function.as_ptr().cast::<ffi::PyCFunctionObject>()).m_ml;
        let form = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
        Ok(((*definition).ml_flags == form).then_some(definition))
    }
}

unsafe fn exchange(definition: *mut ffi::PyMethodDef, with: Function) -> Function {
    // SAFETY: the caller knows the function's form, which makes it a plain pointer to such a one.
    unsafe {
        let place = (&raw mut (*definition).ml_meth).cast::<Function>();
        place.replace(with)
    }
}

unsafe extern "C" fn recorded_stat(
    module: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls this as it would call the function itself.
    unsafe {
        note(arguments, count, names, false);
        call(|replaced| replaced.stat)(module, arguments, count, names)
    }
}

unsafe extern "C" fn recorded_lstat(
    module: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        note(arguments, count, names, true);
        call(|replaced| replaced.lstat)(module, arguments, count, names)
    }
}

fn call(which: impl Fn(&Replaced) -> Function) -> Function {
    let replaced = REPLACED.lock().ok();
    let function = replaced.as_ref().and_then(|replaced| replaced.as_ref());
    function.map_or(refuse as Function, which)
}

/// Cannot be called: what was replaced is known as long as it is replaced.
unsafe extern "C" fn refuse(
    _: *mut ffi::PyObject,
    _: *const *mut ffi::PyObject,
    _: ffi::Py_ssize_t,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter's lock is held.
    unsafe { ffi::PyErr_NoMemory() }
}

unsafe fn note(
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
    mut itself: bool,
) {
    // SAFETY: the arguments are as the caller got them from Python; objects are borrowed.
    unsafe {
        let named = if names.is_null() {
            0
        } else {
            ffi::PyTuple_Size(names)
        };
        if count != 1 {
            return;
        }
        for place in 0..named {
            let name = ffi::PyTuple_GetItem(names, place);
            let value = *arguments.offset(count + place);
            if ffi::PyUnicode_CompareWithASCIIString(name, c"follow_symlinks".as_ptr()) == 0 {
                itself |= ffi::PyObject_IsTrue(value) == 0;
            } else if value != ffi::Py_None() {
                return; // relative to a folder that is open
            }
        }
        let path = path_of(*arguments);
        ffi::PyErr_Clear();
        if let Some(path) = path {
            looked(path, itself);
        }
    }
}

fn looked(path: Vec<u8>, itself: bool) {
    let code = frames::nearest();
    let Ok(mut askers) = ASKERS.lock() else {
        return;
    };
    let Some(askers) = &mut *askers else { return };
    let map = if itself {
        &mut askers.lstat
    } else {
        &mut askers.stat
    };
    let asked: &mut Asked = map.entry(path).or_default();
    match code.as_slice() {
        [nearest, ..] if nearest.is_of_imports() => asked.by_imports += 1,
        [nearest, rest @ ..] if nearest.asks_for_kind(rest.first()) => asked.for_its_kind += 1,
        _ => asked.for_all += 1,
    }
}
