//! Who holds whom. Looked at as the garbage collector does (`tp_traverse`), which counts no reference: to touch an
//! object that an image has is to copy its page.

use std::collections::{HashMap, HashSet};
use std::ffi::{c_int, c_void};

use pyo3::ffi::{self, PyObject, PyTypeObject};
use pyo3::prelude::*;
use pyo3::types::{PyFunction, PyList};

use super::super::beyond_abi3::traverse;
use super::kinds::is_tracked;

/// So many are put in order.
const MANY: usize = 200;

/// So far is looked for what an object holds: beyond that its order is that of its age.
const FAR: usize = 10_000;

/// Calls `what` with each object that this one holds, until that is told to stop.
fn each_of(object: *mut PyObject, what: &mut dyn FnMut(*mut PyObject) -> bool) {
    unsafe extern "C" fn visit(object: *mut PyObject, what: *mut c_void) -> c_int {
        // SAFETY: `what` is the reference below, which outlives the call.
        let what = unsafe { &mut *what.cast::<&mut dyn FnMut(*mut PyObject) -> bool>() };
        c_int::from(!what(object))
    }
    let mut what = what;
    // SAFETY: the object is alive, and the interpreter's lock is held.
    unsafe { traverse(object, visit, (&raw mut what).cast()) };
}

/// The same, and with what it holds through others that are in no list of Python's: dictionaries and tuples
/// that have nothing to be collected.
pub(super) fn each_held(object: *mut PyObject, what: &mut dyn FnMut(*mut PyObject) -> bool) {
    let mut next = vec![object];
    let mut seen = HashSet::new();
    let mut goes_on = true;
    while let (Some(holder), true) = (next.pop(), goes_on) {
        each_of(holder, &mut |held| {
            // SAFETY: an object that another one holds. Types of C hold nothing of an application's, and may
            // not be asked.
            let is_hidden = unsafe {
                is_tracked(ffi::Py_TYPE(held))
                    && ffi::PyObject_GC_IsTracked(held) == 0
                    && ffi::PyType_Check(held) == 0
            };
            if is_hidden && seen.insert(held) {
                next.push(held);
            }
            goes_on = what(held);
            goes_on
        });
    }
}

/// Calls `what` with each object of a list, until that says that it is enough. The list holds them meanwhile.
pub(super) fn each(
    objects: &Bound<'_, PyList>,
    mut what: impl FnMut(*mut PyObject) -> PyResult<bool>,
) -> PyResult<()> {
    for place in 0..objects.len() {
        // SAFETY: a place within the list, which is this module's alone.
        let object = unsafe { ffi::PyList_GetItem(objects.as_ptr(), place.cast_signed()) };
        if object.is_null() || !what(object)? {
            break;
        }
    }
    Ok(())
}

/// The objects of these types that others in the list hold.
pub(super) fn held_by<'py>(
    objects: &Bound<'py, PyList>,
    kinds: &[*mut PyTypeObject],
) -> Vec<Bound<'py, PyAny>> {
    let mut found = Vec::new();
    for object in objects {
        each_held(object.as_ptr(), &mut |held| {
            // SAFETY: an object that another one holds.
            if kinds.contains(&unsafe { ffi::Py_TYPE(held) }) {
                // SAFETY: as above.
                found.push(unsafe { Bound::from_borrowed_ptr(objects.py(), held) });
            }
            true
        });
    }
    found
}

/// The objects with each before what it holds, as that may be of use to it to the last; else the oldest first.
/// Python promises no order.
pub(super) fn owners_first<'py>(
    py: Python<'py>,
    objects: Vec<Bound<'py, PyAny>>,
) -> Vec<Bound<'py, PyAny>> {
    // To put very many in order takes longer than it is worth.
    if objects.len() < 2 || objects.len() > MANY {
        return objects;
    }
    let places: HashMap<*mut PyObject, usize> = objects
        .iter()
        .enumerate()
        .map(|(place, object)| (object.as_ptr(), place))
        .collect();
    let owned: Vec<HashSet<usize>> = objects
        .iter()
        .map(|object| owned_by(py, object, &places))
        .collect();
    let mut order = Vec::with_capacity(objects.len());
    let mut left: Vec<usize> = (0..objects.len()).collect();
    while !left.is_empty() {
        let is_free = |&&place: &&usize| {
            left.iter()
                .all(|&other| other == place || !owned[other].contains(&place))
        };
        // In a circle the oldest is first.
        let next = *left.iter().find(is_free).unwrap_or(&left[0]);
        left.retain(|&place| place != next);
        order.push(objects[next].clone());
    }
    order
}

/// Which of these an object holds, itself or through what it holds. Classes, modules and functions are not
/// looked into: through them everything holds everything.
fn owned_by(
    py: Python<'_>,
    object: &Bound<'_, PyAny>,
    places: &HashMap<*mut PyObject, usize>,
) -> HashSet<usize> {
    let function = py.get_type::<PyFunction>();
    let mut owned = HashSet::new();
    let mut seen = HashSet::from([object.as_ptr()]);
    let mut next = vec![object.as_ptr()];
    while let Some(holder) = next.pop() {
        each_held(holder, &mut |held| {
            // SAFETY: an object that another one holds.
            let is_shared = unsafe {
                ffi::PyType_Check(held) != 0
                    || ffi::PyModule_Check(held) != 0
                    || ffi::Py_TYPE(held) == function.as_type_ptr()
            };
            if !is_shared && seen.len() < FAR && seen.insert(held) {
                if let Some(&place) = places.get(&held) {
                    owned.insert(place);
                }
                next.push(held);
            }
            seen.len() < FAR
        });
    }
    owned
}
