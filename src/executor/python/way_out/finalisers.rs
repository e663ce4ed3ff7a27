//! Objects with a finaliser: `__del__`, suspended generators, open files and databases. Each is found
//! once, and finalised.

use std::collections::HashSet;
use std::os::fd::RawFd;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyWeakrefReference};

use super::super::beyond_abi3::{finalise, has_finaliser};
use super::held::{self, each};
use super::kinds::{Kinds, Remains, is_tracked};

/// An object with a finaliser. A weak reference lets it go before the end if the application releases it.
enum Held {
    Weak(Py<PyWeakrefReference>),
    Strong(Py<PyAny>),
}

impl Held {
    fn new(object: Bound<'_, PyAny>, weakly: bool) -> Self {
        match weakly.then(|| PyWeakrefReference::new(&object)) {
            Some(Ok(weak)) => Self::Weak(weak.unbind()),
            _ => Self::Strong(object.unbind()),
        }
    }

    fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        match self {
            Self::Weak(weak) => weak.bind(py).upgrade(),
            Self::Strong(object) => Some(object.bind(py).clone()),
        }
    }
}

/// The objects that may have something to do at the end, the oldest first as far as known.
#[derive(Default)]
pub(super) struct Remaining {
    found: Vec<(Remains, Held)>,
    /// The addresses of those found already.
    seen: HashSet<usize>,
}

impl Remaining {
    /// Looks at each object of a list.
    pub(super) fn find(
        &mut self,
        objects: &Bound<'_, PyList>,
        kinds: &mut Kinds,
        weakly: bool,
    ) -> PyResult<()> {
        let py = objects.py();
        let mut untracked = kinds.untracked_of_sqlite(py);
        each(objects, |object| {
            // SAFETY: the list holds it.
            let kind = kinds.of(py, unsafe { ffi::Py_TYPE(object) })?;
            if kind.is_meta
                && has_finaliser(py, object.cast())
                && !is_tracked(object.cast())
                && kinds.of(py, object.cast())?.remains != Remains::Nothing
            {
                // A C type whose objects refer to nothing, and so are not tracked.
                untracked.push(object.cast());
            }
            if kind.remains != Remains::Nothing {
                // SAFETY: as above.
                let object = unsafe { Bound::from_borrowed_ptr(py, object) };
                self.keep(object, kind.remains, weakly);
            }
            Ok(true)
        })?;
        if !untracked.is_empty() {
            for object in held::held_by(objects, &untracked) {
                let remains = kinds.of(py, object.get_type_ptr())?.remains;
                if remains != Remains::Nothing {
                    self.keep(object, remains, weakly);
                }
            }
        }
        Ok(())
    }

    /// Forgets objects that were freed since: another object may have the same address.
    pub(super) fn refresh(&mut self, py: Python<'_>) {
        self.found.retain(|(_, held)| held.get(py).is_some());
        let alive = self.found.iter().filter_map(|(_, held)| held.get(py));
        self.seen = alive.map(|object| object.as_ptr() as usize).collect();
    }

    /// Whether anything but closing and flushing files is left.
    pub(super) fn has_work(&self) -> bool {
        let mut found = self.found.iter();
        found.any(|(remains, _)| {
            !matches!(
                remains,
                Remains::Nothing | Remains::Descriptor | Remains::Buffer
            )
        })
    }

    fn keep(&mut self, object: Bound<'_, PyAny>, remains: Remains, weakly: bool) {
        // A connection has no weak references, and a strong one would keep it open. One made by loading
        // is idle: SQLite does what closing would do when the database is next opened.
        if weakly && matches!(remains, Remains::Cursor | Remains::Database) {
            return;
        }
        if self.seen.insert(object.as_ptr() as usize) {
            self.found.push((remains, Held::new(object, weakly)));
        }
    }

    fn all<'py>(&self, py: Python<'py>, wanted: &[Remains]) -> Vec<Bound<'py, PyAny>> {
        let found = self.found.iter();
        let found = found.filter(|(remains, _)| wanted.contains(remains));
        found.filter_map(|(_, held)| held.get(py)).collect()
    }

    /// Finalises, closes and flushes. An error in one object is reported as Python does, and does not
    /// stop the others.
    pub(super) fn finish(&self, py: Python<'_>, kinds: &Kinds) -> PyResult<()> {
        let mut last = self.all(py, &[Remains::Something]);
        for generator in self.all(py, &[Remains::Generator]) {
            if !is_at_rest(&generator)? {
                last.push(generator);
            }
        }
        for object in held::owners_first(py, last) {
            finalise(&object);
        }
        for file in self.all(py, &[Remains::File]) {
            report_error(&file, || {
                if !file.getattr("closed")?.is_truthy()? {
                    file.call_method0("close")?;
                }
                Ok(())
            });
        }
        for buffer in self.all(py, &[Remains::Buffer]) {
            report_error(&buffer, || {
                if !buffer.getattr("closed")?.is_truthy()?
                    && buffer.call_method0("writable")?.is_truthy()?
                {
                    buffer.call_method0("flush")?;
                }
                Ok(())
            });
        }
        for remains in [Remains::Cursor, Remains::Database] {
            for object in self.all(py, &[remains]) {
                // The method of SQLite's own type, even if the application's class overrides it;
                // objects of another thread refuse.
                if let Some(kind) = kinds.of_sqlite(py, remains) {
                    _ = kind.call_method1("close", (object,));
                }
            }
        }
        Ok(())
    }

    /// The descriptors of Python's own file objects, which have written everything.
    pub(super) fn descriptors(&self, py: Python<'_>) -> HashSet<RawFd> {
        let holders = self.all(py, &[Remains::Descriptor, Remains::File, Remains::Buffer]);
        let number = |holder: &Bound<'_, PyAny>| holder.call_method0("fileno")?.extract::<RawFd>();
        holders.iter().flat_map(number).collect()
    }
}

fn report_error(object: &Bound<'_, PyAny>, what: impl FnOnce() -> PyResult<()>) {
    if let Err(error) = what() {
        error.write_unraisable(object.py(), Some(object));
    }
}

/// Whether a generator has not begun, or has ended.
fn is_at_rest(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    for name in ["gi_frame", "cr_frame", "ag_frame"] {
        if let Some(frame) = object.getattr_opt(name)? {
            // -1 before the first instruction.
            return Ok(frame.is_none() || frame.getattr("f_lasti")?.extract::<i64>()? < 0);
        }
    }
    Ok(false)
}
