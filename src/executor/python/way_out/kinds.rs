//! What has to be done at the end of an object, by its type: determined once for each type, as there
//! are a hundred times more objects than types.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use pyo3::ffi::{self, PyTypeObject};
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::super::beyond_abi3::has_finaliser;
use super::extension::Extensions;

/// What has to be done at the end of an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Remains {
    /// Nothing: the end of the process does it as well.
    Nothing,
    /// Nothing, but it has a descriptor.
    Descriptor,
    /// A buffered file of the io module.
    Buffer,
    /// A file object in Python around another file: closing may write, as a `GzipFile` does its last block.
    File,
    /// A cursor of an SQLite database, which cannot be closed before its cursors.
    Cursor,
    /// A connection to an SQLite database: closing it removes the write-ahead log.
    Database,
    /// A generator: if it is suspended, a `finally` may have to run.
    Generator,
    /// A finaliser of the application.
    Something,
}

/// What is known of a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) remains: Remains,
    /// Whether its objects are types.
    pub(super) is_meta: bool,
    /// Whether freeing an object may do more than free memory; None if not determined yet.
    acts: Option<bool>,
}

/// The types determined so far, by address. They are kept alive, so that no address is reused.
#[derive(Default)]
pub(super) struct Kinds {
    known: HashMap<usize, (Kind, Py<PyType>), BuildHasherDefault<OfAddress>>,
    /// Objects of one type often follow each other.
    last: Option<(usize, Kind)>,
    /// The types of SQLite's module.
    sqlite: Vec<(Remains, Py<PyType>)>,
    pub(super) extensions: Extensions,
}

impl Kinds {
    /// Finds the types of SQLite, if it is loaded.
    pub(super) fn refresh(&mut self, py: Python<'_>) -> PyResult<()> {
        self.sqlite.clear();
        let Some(module) = super::loaded_modules(py)?.get_item("_sqlite3")? else {
            return Ok(());
        };
        for (remains, name) in [
            (Remains::Cursor, "Cursor"),
            (Remains::Database, "Connection"),
        ] {
            let kind = module.getattr(name)?.cast_into::<PyType>()?;
            self.sqlite.push((remains, kind.unbind()));
        }
        Ok(())
    }

    /// The type of SQLite's module.
    pub(super) fn of_sqlite<'py>(
        &self,
        py: Python<'py>,
        wanted: Remains,
    ) -> Option<Bound<'py, PyType>> {
        let mut kinds = self.sqlite.iter();
        let found = kinds.find(|(remains, _)| *remains == wanted);
        found.map(|(_, kind)| kind.bind(py).clone())
    }

    /// The types of SQLite's module whose objects are not tracked: those of Python 3.9.
    pub(super) fn untracked_of_sqlite(&self, py: Python<'_>) -> Vec<*mut PyTypeObject> {
        let kinds = self
            .sqlite
            .iter()
            .map(|(_, kind)| kind.bind(py).as_type_ptr());
        kinds.filter(|kind| !is_tracked(*kind)).collect()
    }

    /// What is known of a type.
    pub(super) fn of(&mut self, py: Python<'_>, kind: *mut PyTypeObject) -> PyResult<Kind> {
        let key = kind as usize;
        if let Some((last, known)) = self.last
            && last == key
        {
            return Ok(known);
        }
        let found = if let Some((known, _)) = self.known.get(&key) {
            *known
        } else {
            // SAFETY: the type of an object that is alive.
            let kind =
                unsafe { Bound::from_borrowed_ptr(py, kind.cast()) }.cast_into::<PyType>()?;
            let found = Kind {
                remains: self.remains(&kind)?,
                is_meta: kind.is_subclass_of::<PyType>()?,
                acts: None,
            };
            self.known.insert(key, (found, kind.unbind()));
            found
        };
        self.last = Some((key, found));
        Ok(found)
    }

    /// Whether freeing an object of this type may do more than free memory.
    pub(super) fn has_side_effects(
        &mut self,
        py: Python<'_>,
        kind: *mut PyTypeObject,
    ) -> PyResult<bool> {
        let known = self.of(py, kind)?;
        if let Some(acts) = known.acts {
            return Ok(acts);
        }
        let acts = self.extensions.act(py, kind);
        let found = Kind {
            acts: Some(acts),
            ..known
        };
        if let Some((known, _)) = self.known.get_mut(&(kind as usize)) {
            *known = found;
        }
        self.last = Some((kind as usize, found));
        Ok(acts)
    }

    fn remains(&self, kind: &Bound<'_, PyType>) -> PyResult<Remains> {
        for (remains, of_sqlite) in &self.sqlite {
            if kind.is_subclass(of_sqlite.bind(kind.py()))? {
                return Ok(*remains);
            }
        }
        if has_finaliser(kind.py(), kind.as_type_ptr()) {
            judge(kind)
        } else {
            Ok(Remains::Nothing)
        }
    }
}

/// Whether the garbage collector tracks the objects of a type.
pub(super) fn is_tracked(kind: *mut PyTypeObject) -> bool {
    // SAFETY: a type.
    unsafe { ffi::PyType_GetFlags(kind) & ffi::Py_TPFLAGS_HAVE_GC != 0 }
}

fn judge(kind: &Bound<'_, PyType>) -> PyResult<Remains> {
    // Finds the class that defines `__del__`.
    let mut origin = None;
    for class in kind.mro() {
        if class.getattr("__dict__")?.contains("__del__")? {
            origin = Some(class.cast_into::<PyType>()?);
            break;
        }
    }
    let Some(origin) = origin else {
        return Ok(Remains::Nothing);
    };
    let name_of = |class: &Bound<'_, PyType>| -> PyResult<(String, String)> {
        Ok((
            class.getattr("__module__")?.extract()?,
            class.name()?.extract()?,
        ))
    };
    let (module, name) = name_of(kind)?;
    let (origin_module, origin_name) = name_of(&origin)?;
    Ok(match (origin_module.as_str(), origin_name.as_str()) {
        ("_io", _) if module != "_io" => Remains::File,
        ("_io", _) => match name.as_str() {
            "BufferedWriter" | "BufferedRandom" | "BufferedRWPair" | "TextIOWrapper" => {
                Remains::Buffer
            }
            "FileIO" => Remains::Descriptor,
            _ => Remains::Nothing,
        },
        // Closing a descriptor is all they would do.
        ("_socket", _) => Remains::Descriptor,
        ("posix" | "select", _) | ("subprocess", "Popen") => Remains::Nothing,
        ("builtins", "generator" | "coroutine" | "async_generator") => Remains::Generator,
        _ => Remains::Something,
    })
}

/// A fast hash for addresses.
#[derive(Default)]
pub(super) struct OfAddress(u64);

impl Hasher for OfAddress {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        // Fibonacci hashing (Knuth, volume 3, section 6.4).
        let mixed = (address as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = self.0.rotate_left(5) ^ mixed;
    }
}
