//! Replaces a function or method in C, while an application is loaded, by one that records the call and
//! then makes it. The Python object stays the same: only the address of the C function in its method
//! table is changed.

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};
use std::mem::{MaybeUninit, transmute};
use std::ptr::null_mut;
use std::sync::OnceLock;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::super::beyond_abi3::{CFunction, METH_FASTCALL, METH_METHOD, MethodDescriptor};

/// A function that is replaced until this value is dropped.
pub(super) struct Replaced {
    table: *mut ffi::PyMethodDef,
    original: Plain,
}

// SAFETY: the table belongs to no thread, and is written to only under the interpreter's lock.
unsafe impl Send for Replaced {}

/// A function that records a call. Calls that it makes itself are not recorded.
#[derive(Clone, Copy)]
pub(super) enum Note {
    /// Called before the call.
    Before(fn(Python<'_>, &Call)),
    /// Called with the result; not if the call raised.
    After(fn(Python<'_>, &Call, &Bound<'_, PyAny>)),
}

/// A call, as Python hands it to C.
pub(super) struct Call {
    /// The module, or `self` of a method.
    this: *mut PyObject,
    given: Given,
}

enum Given {
    Nothing,
    One(*mut PyObject),
    /// A tuple, and a dictionary or null.
    Tuple(*mut PyObject, *mut PyObject),
    /// The arguments, their number, and a tuple with the names of the keyword arguments that follow, or null.
    Vector(*const *mut PyObject, isize, *mut PyObject),
}

impl Replaced {
    /// Replaces a function of a module or a method of a type (`owner`). None if it does not exist, is
    /// not written in C or Cython, or has an unknown calling convention.
    pub(super) fn new(owner: &Bound<'_, PyAny>, name: &str, note: Note) -> Option<Self> {
        let function = owner.getattr(name).ok()?;
        let table = table(&function)?;
        // SAFETY: the interpreter's lock is held, and CPython has the table in memory that can be
        // written to, where it lives as long as the process.
        unsafe {
            let original = (*table).ml_meth.PyCFunction;
            let slot = SLOTS
                .iter()
                .position(|slot| slot.set(Slot { original, note }).is_ok())?;
            let replacement = replacement((*table).ml_flags, slot)?;
            (*table).ml_meth.PyCFunction = transmute::<*mut c_void, Plain>(replacement);
            Some(Self { table, original })
        }
    }
}

impl Drop for Replaced {
    fn drop(&mut self) {
        Python::attach(|_| {
            // SAFETY: as when it was replaced.
            unsafe { (*self.table).ml_meth.PyCFunction = self.original };
        });
    }
}

impl Call {
    /// `self` of a method.
    pub(super) fn this<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        // SAFETY: the caller holds it until the call has returned.
        unsafe { Bound::from_borrowed_ptr_or_opt(py, self.this) }
    }

    /// The argument at a position, or else with that name.
    pub(super) fn argument<'py>(
        &self,
        py: Python<'py>,
        place: usize,
        name: &CStr,
    ) -> Option<Bound<'py, PyAny>> {
        // SAFETY: the caller holds all of them until the call has returned.
        unsafe {
            let found = self
                .positional(place)
                .filter(|object| !object.is_null())
                .or_else(|| self.named(name));
            Bound::from_borrowed_ptr_or_opt(py, found?)
        }
    }

    unsafe fn positional(&self, place: usize) -> Option<*mut PyObject> {
        let index = isize::try_from(place).ok()?;
        match self.given {
            Given::One(object) if index == 0 => Some(object),
            // SAFETY: the place is looked at first; what is given out is borrowed.
            Given::Tuple(tuple, _) => unsafe {
                (index < ffi::PyTuple_Size(tuple)).then(|| ffi::PyTuple_GetItem(tuple, index))
            },
            // SAFETY: as above.
            Given::Vector(first, count, _) if index < count => unsafe { Some(*first.add(place)) },
            _ => None,
        }
    }

    unsafe fn named(&self, name: &CStr) -> Option<*mut PyObject> {
        match self.given {
            // SAFETY: a dictionary, and what is given out is borrowed.
            Given::Tuple(_, names) if !names.is_null() => unsafe {
                Some(ffi::PyDict_GetItemString(names, name.as_ptr()))
            },
            // SAFETY: a tuple of strings, and as many values after the positional arguments.
            Given::Vector(first, count, names) if !names.is_null() => unsafe {
                (0..ffi::PyTuple_Size(names))
                    .find(|&place| {
                        let known = ffi::PyTuple_GetItem(names, place);
                        ffi::PyUnicode_CompareWithASCIIString(known, name.as_ptr()) == 0
                    })
                    .map(|place| *first.offset(count + place))
            },
            _ => None,
        }
    }
}

/// The method table entry of a function.
fn table(function: &Bound<'_, PyAny>) -> Option<*mut ffi::PyMethodDef> {
    let object = function.as_ptr();
    // SAFETY: the type says what the object is; those of `PyCMethod_Type` begin as the others.
    unsafe {
        if ffi::PyCFunction_Check(object) != 0 {
            return Some((*object.cast::<CFunction>()).table);
        }
        if ffi::Py_TYPE(object) == &raw mut ffi::PyMethodDescr_Type {
            return Some((*object.cast::<MethodDescriptor>()).table);
        }
    }
    let kind = function.get_type();
    if kind.name().ok()? != "cython_function_or_method" {
        return None;
    }
    // SAFETY: they begin as Python's own do, except if Cython used the limited API: then the pointer is
    // to an object, and not into a library.
    unsafe {
        let table = (*object.cast::<CFunction>()).table;
        let mut about = MaybeUninit::uninit();
        (libc::dladdr(table.cast(), about.as_mut_ptr()) != 0).then_some(table)
    }
}

/// The calling convention with no argument, one object, or a tuple.
type Plain = ffi::PyCFunction;
type WithKeywords =
    unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
type Fast = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, isize) -> *mut PyObject;
type FastWithKeywords = unsafe extern "C" fn(
    *mut PyObject,
    *const *mut PyObject,
    isize,
    *mut PyObject,
) -> *mut PyObject;
type Method = unsafe extern "C" fn(
    *mut PyObject,
    *mut ffi::PyTypeObject,
    *const *mut PyObject,
    isize,
    *mut PyObject,
) -> *mut PyObject;

/// A C function does not know which Python function was called: each replaced function gets its own set
/// of functions, numbered by slot.
struct Slot {
    original: Plain,
    note: Note,
}

const MOST: usize = 64;
static SLOTS: [OnceLock<Slot>; MOST] = [const { OnceLock::new() }; MOST];

/// Records a call before it is made; returns the original C function.
fn begin(slot: usize, call: &Call) -> *mut c_void {
    let slot = SLOTS[slot]
        .get()
        .expect("a slot is filled before it is used");
    if let Note::Before(note) = slot.note {
        alone(|py| note(py, call));
    }
    slot.original as *mut c_void
}

/// Records a call after it was made.
fn end(slot: usize, call: &Call, result: *mut PyObject) -> *mut PyObject {
    if let Some(Note::After(note)) = SLOTS[slot].get().map(|slot| slot.note) {
        // SAFETY: null, or an object that is this function's to hand on.
        alone(|py| unsafe {
            if let Some(result) = Bound::from_borrowed_ptr_or_opt(py, result) {
                note(py, call, &result);
            }
        });
    }
    result
}

/// Runs `note`, unless it is running already, and keeps a pending exception unchanged.
fn alone(note: impl FnOnce(Python<'_>)) {
    thread_local! {
        static AT_IT: Cell<bool> = const { Cell::new(false) };
    }
    if AT_IT.replace(true) {
        return;
    }
    Python::attach(|py| {
        // The call may have raised an exception.
        let raised = PyErr::take(py);
        note(py);
        drop(PyErr::take(py));
        if let Some(raised) = raised {
            raised.restore(py);
        }
    });
    AT_IT.set(false);
}

unsafe extern "C" fn no_arguments<const N: usize>(
    this: *mut PyObject,
    nothing: *mut PyObject,
) -> *mut PyObject {
    let call = Call {
        this,
        given: Given::Nothing,
    };
    // SAFETY: what was replaced is called in this way.
    let result = unsafe { transmute::<*mut c_void, Plain>(begin(N, &call))(this, nothing) };
    end(N, &call, result)
}

unsafe extern "C" fn one<const N: usize>(
    this: *mut PyObject,
    object: *mut PyObject,
) -> *mut PyObject {
    let call = Call {
        this,
        given: Given::One(object),
    };
    // SAFETY: what was replaced is called in this way.
    let result = unsafe { transmute::<*mut c_void, Plain>(begin(N, &call))(this, object) };
    end(N, &call, result)
}

unsafe extern "C" fn tuple<const N: usize>(
    this: *mut PyObject,
    arguments: *mut PyObject,
) -> *mut PyObject {
    let call = Call {
        this,
        given: Given::Tuple(arguments, null_mut()),
    };
    // SAFETY: what was replaced is called in this way.
    let result = unsafe { transmute::<*mut c_void, Plain>(begin(N, &call))(this, arguments) };
    end(N, &call, result)
}

unsafe extern "C" fn tuple_with_keywords<const N: usize>(
    this: *mut PyObject,
    arguments: *mut PyObject,
    names: *mut PyObject,
) -> *mut PyObject {
    let call = Call {
        this,
        given: Given::Tuple(arguments, names),
    };
    // SAFETY: what was replaced is called in this way.
    let result =
        unsafe { transmute::<*mut c_void, WithKeywords>(begin(N, &call))(this, arguments, names) };
    end(N, &call, result)
}

unsafe extern "C" fn fast<const N: usize>(
    this: *mut PyObject,
    first: *const *mut PyObject,
    count: isize,
) -> *mut PyObject {
    let call = Call {
        this,
        given: Given::Vector(first, count, null_mut()),
    };
    // SAFETY: what was replaced is called in this way.
    let result = unsafe { transmute::<*mut c_void, Fast>(begin(N, &call))(this, first, count) };
    end(N, &call, result)
}

unsafe extern "C" fn fast_with_keywords<const N: usize>(
    this: *mut PyObject,
    first: *const *mut PyObject,
    count: isize,
    names: *mut PyObject,
) -> *mut PyObject {
    let call = Call {
        this,
        given: Given::Vector(first, count, names),
    };
    // SAFETY: what was replaced is called in this way.
    let result = unsafe {
        transmute::<*mut c_void, FastWithKeywords>(begin(N, &call))(this, first, count, names)
    };
    end(N, &call, result)
}

unsafe extern "C" fn method<const N: usize>(
    this: *mut PyObject,
    of: *mut ffi::PyTypeObject,
    first: *const *mut PyObject,
    count: isize,
    names: *mut PyObject,
) -> *mut PyObject {
    let call = Call {
        this,
        given: Given::Vector(first, count, names),
    };
    // SAFETY: what was replaced is called in this way.
    let result =
        unsafe { transmute::<*mut c_void, Method>(begin(N, &call))(this, of, first, count, names) };
    end(N, &call, result)
}

/// The functions of all slots for one calling convention.
macro_rules! each {
    ($function:ident, $kind:ty) => {
        each!($function, $kind, 0 8 16 24 32 40 48 56)
    };
    ($function:ident, $kind:ty, $($row:literal)*) => {
        [$(
            $function::<{ $row }> as $kind as *mut c_void,
            $function::<{ $row + 1 }> as $kind as *mut c_void,
            $function::<{ $row + 2 }> as $kind as *mut c_void,
            $function::<{ $row + 3 }> as $kind as *mut c_void,
            $function::<{ $row + 4 }> as $kind as *mut c_void,
            $function::<{ $row + 5 }> as $kind as *mut c_void,
            $function::<{ $row + 6 }> as $kind as *mut c_void,
            $function::<{ $row + 7 }> as $kind as *mut c_void,
        )*]
    };
}

/// The function of a slot for the calling convention in the flags.
fn replacement(flags: c_int, slot: usize) -> Option<*mut c_void> {
    const ALL: c_int = ffi::METH_VARARGS
        | ffi::METH_KEYWORDS
        | ffi::METH_NOARGS
        | ffi::METH_O
        | METH_FASTCALL
        | METH_METHOD;
    const WITH_KEYWORDS: c_int = ffi::METH_VARARGS | ffi::METH_KEYWORDS;
    const FAST_WITH_KEYWORDS: c_int = METH_FASTCALL | ffi::METH_KEYWORDS;
    const METHOD: c_int = METH_METHOD | FAST_WITH_KEYWORDS;
    let functions: [*mut c_void; MOST] = match flags & ALL {
        ffi::METH_NOARGS => each!(no_arguments, Plain),
        ffi::METH_O => each!(one, Plain),
        ffi::METH_VARARGS => each!(tuple, Plain),
        WITH_KEYWORDS => each!(tuple_with_keywords, WithKeywords),
        METH_FASTCALL => each!(fast, Fast),
        FAST_WITH_KEYWORDS => each!(fast_with_keywords, FastWithKeywords),
        METHOD => each!(method, Method),
        _ => return None,
    };
    Some(functions[slot])
}
