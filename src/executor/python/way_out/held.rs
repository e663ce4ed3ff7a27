//! References between objects, followed as the garbage collector does (`tp_traverse`), without changing
//! reference counts: writing to an object of an image would copy its page.

use std::collections::{HashMap, HashSet};
use std::ffi::{c_int, c_void};

use pyo3::ffi::{self, PyObject, PyTypeObject};
use pyo3::prelude::*;
use pyo3::types::{PyFunction, PyList};

use super::super::beyond_abi3::traverse;
use super::kinds::is_tracked;

/// How many objects are put in order at most.
const MANY: usize = 200;

/// How many objects are followed at most to find what an object refers to; beyond that the order is by age.
const FAR: usize = 10_000;

/// Calls `what` with each object that this one refers to, until `what` returns false.
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

/// The same, and with what it refers to through untracked dictionaries and tuples.
pub(super) fn each_held(object: *mut PyObject, what: &mut dyn FnMut(*mut PyObject) -> bool) {
    let mut next = vec![object];
    let mut seen = HashSet::new();
    let mut goes_on = true;
    while let (Some(holder), true) = (next.pop(), goes_on) {
        each_of(holder, &mut |held| {
            // SAFETY: an object that another one refers to. C types refer to nothing of an application,
            // and must not be traversed.
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

/// Calls `what` with each object of a list, until `what` returns false. The list keeps them alive meanwhile.
pub(super) fn each(
    objects: &Bound<'_, PyList>,
    mut what: impl FnMut(*mut PyObject) -> PyResult<bool>,
) -> PyResult<()> {
    for place in 0..objects.len() {
        // SAFETY: an index within the list, which only this module uses.
        let object = unsafe { ffi::PyList_GetItem(objects.as_ptr(), place.cast_signed()) };
        if object.is_null() || !what(object)? {
            break;
        }
    }
    Ok(())
}

/// The objects of these types that objects in the list refer to.
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

/// The objects, each before what it refers to, as it may use that in its finaliser; otherwise the
/// oldest first. Python promises no order.
pub(super) fn owners_first<'py>(
    py: Python<'py>,
    objects: Vec<Bound<'py, PyAny>>,
) -> Vec<Bound<'py, PyAny>> {
    // Ordering very many takes longer than it is worth.
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
        // In a cycle the oldest is first.
        let next = *left.iter().find(is_free).unwrap_or(&left[0]);
        left.retain(|&place| place != next);
        order.push(objects[next].clone());
    }
    order
}

/// Which of these an object refers to, directly or indirectly. Classes, modules and functions are not
/// followed: through them everything refers to everything.
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
