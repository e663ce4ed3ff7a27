//! What is needed of CPython beyond its limited API (PEP 384), which is all that one file for every
//! version may be linked with. Every CPython from 3.9 on exports these functions and has these layouts;
//! where one is missing, the plain way is taken.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::transmute;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// <https://docs.python.org/3/c-api/memory.html#c.PyObjectArenaAllocator>
#[repr(C)]
pub(super) struct ArenaAllocator {
    pub(super) context: *mut c_void,
    pub(super) take: extern "C" fn(*mut c_void, usize) -> *mut c_void,
    pub(super) give_back: extern "C" fn(*mut c_void, *mut c_void, usize),
}

/// How a function of C is called (`PyMethodDef.ml_flags`).
pub(super) const METH_FASTCALL: c_int = 0x80;
pub(super) const METH_METHOD: c_int = 0x200;

/// `PyCFunctionObject`: a function of C, as far as it is the same everywhere.
#[repr(C)]
pub(super) struct CFunction {
    head: PyObject,
    pub(super) table: *mut ffi::PyMethodDef,
}

/// `PyMethodDescrObject`: a method of a type of C.
#[repr(C)]
pub(super) struct MethodDescriptor {
    head: PyObject,
    of: *mut c_void,
    name: *mut c_void,
    qualified_name: *mut c_void,
    pub(super) table: *mut ffi::PyMethodDef,
}

pub(super) type AuditHook =
    unsafe extern "C" fn(*const c_char, *mut PyObject, *mut c_void) -> c_int;
pub(super) type OpenCodeHook = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> *mut PyObject;

fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a question by a C string.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

/// Has Python take the memory of small objects there from now on; what it has, it keeps.
pub(super) fn set_arena_allocator(mut allocator: ArenaAllocator) {
    type Set = unsafe extern "C" fn(*mut ArenaAllocator);
    if let Some(set) = symbol(c"PyObject_SetArenaAllocator") {
        // SAFETY: the function has this signature; Python copies what it is given.
        unsafe { transmute::<*mut c_void, Set>(set)(&raw mut allocator) };
    }
}

/// <https://docs.python.org/3/c-api/file.html#c.PyFile_SetOpenCodeHook>. False where somebody was first.
pub(super) fn set_open_code_hook(hook: OpenCodeHook) -> bool {
    type Set = unsafe extern "C" fn(OpenCodeHook, *mut c_void) -> c_int;
    // SAFETY: the functions have these signatures; the hook lives as long as the process.
    symbol(c"PyFile_SetOpenCodeHook").is_some_and(|set| unsafe {
        let is_set = transmute::<*mut c_void, Set>(set)(hook, std::ptr::null_mut()) == 0;
        if !is_set {
            ffi::PyErr_Clear();
        }
        is_set
    })
}

/// <https://docs.python.org/3/c-api/sys.html#c.PySys_AddAuditHook>. False where Python takes none.
pub(super) fn add_audit_hook(hook: AuditHook) -> bool {
    type Add = unsafe extern "C" fn(AuditHook, *mut c_void) -> c_int;
    // SAFETY: as above.
    symbol(c"PySys_AddAuditHook").is_some_and(|add| unsafe {
        let is_added = transmute::<*mut c_void, Add>(add)(hook, std::ptr::null_mut()) == 0;
        if !is_added {
            ffi::PyErr_Clear();
        }
        is_added
    })
}

/// Asks the audit hooks about the opening of a file, as `_io.FileIO` does.
///
/// # Errors
/// What a hook raises.
pub(super) fn audit_open(path: &Bound<'_, PyAny>, flags: c_int) -> PyResult<()> {
    type Audit = unsafe extern "C" fn(*const c_char, *const c_char, ...) -> c_int;
    let Some(audit) = symbol(c"PySys_Audit") else {
        return Ok(());
    };
    let (event, format) = (c"open".as_ptr(), c"Osi".as_ptr());
    // SAFETY: the function has this signature, and the format tells of an object and two values of C,
    // which follow.
    let refused = unsafe {
        let audit = transmute::<*mut c_void, Audit>(audit);
        audit(event, format, path.as_ptr(), c"r".as_ptr(), flags)
    };
    if refused == 0 {
        Ok(())
    } else {
        Err(PyErr::fetch(path.py()))
    }
}

/// Where in a type its finaliser is (`tp_finalize`); none where that cannot be told.
static FINALISER: PyOnceLock<Option<usize>> = PyOnceLock::new();

/// Whether objects of a type may have a finaliser.
pub(super) fn may_finalise(py: Python<'_>, kind: *mut ffi::PyTypeObject) -> bool {
    let Some(place) = FINALISER.get_or_init(py, || find_finaliser(py).ok().flatten()) else {
        return true;
    };
    // SAFETY: within a type, which is larger; the place was found there.
    unsafe { !(*kind.cast::<*const c_void>().add(*place)).is_null() }
}

/// Looks for it in a type that has one, and makes sure of it with some of which that is known.
fn find_finaliser(py: Python<'_>) -> PyResult<Option<usize>> {
    /// The words that every version's `PyTypeObject` has at least.
    const WORDS: usize = 50;
    let made = py.eval(c"type('', (), {'__del__': lambda self: None})", None, None)?;
    let generator = py.eval(c"type(x for x in ())", None, None)?;
    let integer = py.eval(c"int", None, None)?;
    // SAFETY: all of them are types; a heap type may be asked for any slot.
    unsafe {
        let slot = ffi::PyType_GetSlot(made.as_ptr().cast(), ffi::Py_tp_finalize);
        let word = |kind: &Bound<'_, PyAny>, place| *kind.as_ptr().cast::<*mut c_void>().add(place);
        Ok((0..WORDS)
            .find(|&place| word(&made, place) == slot && !slot.is_null())
            .filter(|&place| !word(&generator, place).is_null() && word(&integer, place).is_null()))
    }
}
