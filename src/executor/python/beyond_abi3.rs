//! Parts of CPython beyond its limited API (PEP 384), which is all that one library for every version
//! may link with. Every CPython from 3.9 on exports these functions and has these layouts; without one
//! of them, a slower way is used.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::{MaybeUninit, transmute};
use std::sync::LazyLock;

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

/// <https://docs.python.org/3/c-api/memory.html#c.PyMemAllocatorEx>
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MemoryFunctions {
    /// What the functions get first.
    pub context: *mut c_void,
    /// As malloc(3).
    pub malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    /// As calloc(3).
    pub calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    /// As realloc(3).
    pub realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    /// As free(3).
    pub free: unsafe extern "C" fn(*mut c_void, *mut c_void),
}

/// For which memory: `PYMEM_DOMAIN_MEM` and `PYMEM_DOMAIN_OBJ`, whose functions need the interpreter's lock.
pub const MEMORY_DOMAINS: [c_int; 2] = [1, 2];

type AboutMemory = unsafe extern "C" fn(c_int, *mut MemoryFunctions);

/// The functions that Python takes this memory with; `None` in a process without Python. It may not run yet.
#[must_use]
pub fn memory_functions(domain: c_int) -> Option<MemoryFunctions> {
    let get = symbol(c"PyMem_GetAllocator")?;
    let mut functions = MaybeUninit::uninit();
    // SAFETY: the function has this signature, and fills the structure.
    unsafe {
        transmute::<*mut c_void, AboutMemory>(get)(domain, functions.as_mut_ptr());
        Some(functions.assume_init())
    }
}

/// Makes Python take this memory with these functions; `None` in a process without Python.
///
/// # Safety
/// The functions know the blocks that were taken before. No other thread runs.
#[must_use]
pub unsafe fn set_memory_functions(domain: c_int, mut functions: MemoryFunctions) -> Option<()> {
    let set = symbol(c"PyMem_SetAllocator")?;
    // SAFETY: the function has this signature, and copies what it is given; the caller's promise.
    unsafe { transmute::<*mut c_void, AboutMemory>(set)(domain, &raw mut functions) };
    Some(())
}

/// How a function of C is called (`PyMethodDef.ml_flags`).
pub(super) const METH_FASTCALL: c_int = 0x80;
pub(super) const METH_METHOD: c_int = 0x200;

/// `PyCFunctionObject`: a function in C, as far as its layout is the same in every version.
#[repr(C)]
pub(super) struct CFunction {
    head: PyObject,
    pub(super) table: *mut ffi::PyMethodDef,
}

/// `PyMethodDescrObject`: a method of a type in C.
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

static AUDIT: LazyLock<Option<usize>> =
    LazyLock::new(|| Some(symbol(c"PySys_Audit")?.expose_provenance()));
static FINALISE: LazyLock<Option<usize>> =
    LazyLock::new(|| Some(symbol(c"PyObject_CallFinalizer")?.expose_provenance()));

/// Finds what each restored process calls, and what would else be looked up at its first call, which touches a page
/// of every library. The interpreter's lock is held.
pub fn resolve_symbols() {
    LazyLock::force(&AUDIT);
    LazyLock::force(&FINALISE);
    // What Python does after a fork: it makes the key of its thread anew, by functions of the C library.
    // SAFETY: a key of its own.
    unsafe {
        let key = ffi::PyThread_tss_alloc();
        if !key.is_null() {
            ffi::PyThread_tss_create(key);
            ffi::PyThread_tss_delete(key);
            ffi::PyThread_tss_free(key);
        }
    }
}

/// Makes Python allocate the memory of small objects there from now on; it keeps what it has.
pub(super) fn set_arena_allocator(mut allocator: ArenaAllocator) {
    type Set = unsafe extern "C" fn(*mut ArenaAllocator);
    if let Some(set) = symbol(c"PyObject_SetArenaAllocator") {
        // SAFETY: the function has this signature; Python copies what it is given.
        unsafe { transmute::<*mut c_void, Set>(set)(&raw mut allocator) };
    }
}

/// <https://docs.python.org/3/c-api/file.html#c.PyFile_SetOpenCodeHook>. False if a hook is set already.
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

/// <https://docs.python.org/3/c-api/sys.html#c.PySys_AddAuditHook>. False if Python refuses it.
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
    let Some(audit) = AUDIT.map(std::ptr::with_exposed_provenance_mut::<c_void>) else {
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

/// The offsets of three functions in a type object, in words; None if unknown.
struct Places {
    finalise: Option<usize>,
    let_go: Option<usize>,
    traverse: Option<usize>,
}

static PLACES: PyOnceLock<Places> = PyOnceLock::new();

/// The word at that offset of a type; None if the offset is unknown.
fn word(kind: *mut ffi::PyTypeObject, place: Option<usize>) -> Option<*const c_void> {
    // SAFETY: within a type, which is larger; the place was found in one.
    place.map(|place| unsafe { *kind.cast::<*const c_void>().add(place) })
}

fn places(py: Python<'_>) -> &Places {
    PLACES.get_or_init(py, || {
        find_places(py).unwrap_or(Places {
            finalise: None,
            let_go: None,
            traverse: None,
        })
    })
}

/// Searches for the functions in a type that has all three, and verifies the offsets with other types.
fn find_places(py: Python<'_>) -> PyResult<Places> {
    /// The number of words that `PyTypeObject` has at least in every version.
    const WORDS: usize = 50;
    let made = py.eval(c"type('', (), {'__del__': lambda self: None})", None, None)?;
    let generator = py.eval(c"type(x for x in ())", None, None)?;
    let integer = py.eval(c"int", None, None)?;
    let at = |kind: &Bound<'_, PyAny>, place| word(kind.as_ptr().cast(), Some(place));
    let has = |kind: &Bound<'_, PyAny>, place| at(kind, place).is_some_and(|word| !word.is_null());
    let find = |slot: c_int, integers_have_it: bool| {
        // SAFETY: a heap type, which may be asked for any slot.
        let wanted = unsafe { ffi::PyType_GetSlot(made.as_ptr().cast(), slot) };
        (0..WORDS)
            .find(|&place| !wanted.is_null() && at(&made, place) == Some(wanted.cast_const()))
            .filter(|&place| has(&generator, place) && has(&integer, place) == integers_have_it)
    };
    Ok(Places {
        finalise: find(ffi::Py_tp_finalize, false),
        let_go: find(ffi::Py_tp_dealloc, true),
        traverse: find(ffi::Py_tp_traverse, false),
    })
}

/// Whether objects of a type may have a finaliser.
pub(super) fn has_finaliser(py: Python<'_>, kind: *mut ffi::PyTypeObject) -> bool {
    word(kind, places(py).finalise).is_none_or(|word| !word.is_null())
}

/// The deallocator of a type; None if unknown.
pub(super) fn deallocator(py: Python<'_>, kind: *mut ffi::PyTypeObject) -> Option<*const c_void> {
    word(kind, places(py).let_go)
}

pub(super) type Visit = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> c_int;

/// Calls `visit` with each object that this one refers to, until `visit` returns a value other than 0.
/// Reference counts do not change.
///
/// # Safety
/// The object is alive, and `visit` may be called with `data` until this returns.
pub(super) unsafe fn traverse(object: *mut PyObject, visit: Visit, data: *mut c_void) {
    type Traverse = unsafe extern "C" fn(*mut PyObject, Visit, *mut c_void) -> c_int;
    // SAFETY: the caller's promise; whoever calls has the interpreter's lock.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: as above.
    let kind = unsafe { ffi::Py_TYPE(object) };
    if let Some(function) = word(kind, places(py).traverse)
        && !function.is_null()
    {
        // SAFETY: the function has this signature, and its type's objects may be handed to it.
        unsafe { transmute::<*const c_void, Traverse>(function)(object, visit, data) };
    }
}

/// Runs the finaliser of an object, once (`tp_finalize`).
/// <https://docs.python.org/3/c-api/typeobj.html#c.PyTypeObject.tp_finalize>
pub(super) fn finalise(object: &Bound<'_, PyAny>) {
    type Finalise = unsafe extern "C" fn(*mut PyObject);
    if let Some(function) = FINALISE.map(std::ptr::with_exposed_provenance_mut::<c_void>) {
        // SAFETY: the function has this signature; the object is alive.
        unsafe { transmute::<*mut c_void, Finalise>(function)(object.as_ptr()) };
    }
}
