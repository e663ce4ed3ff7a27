//! Connections to SQLite that are open when an application is loaded. An idle one can be used in
//! another process: it holds no lock, and checks whether the database has changed before it reads or
//! writes (<https://www.sqlite.org/atomiccommit.html>, section 3.2). Its file is opened again.

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};

use super::super::interpreter::attach;
use super::super::way_out;

/// The journal modes in which the file alone has the whole database outside of transactions. A
/// write-ahead log uses shared memory.
const JOURNALS: [&str; 3] = ["delete", "truncate", "persist"];

/// The files of connections that are idle.
#[must_use]
pub fn idle_databases() -> Vec<Vec<u8>> {
    attach(|py| find(py).unwrap_or_default())
}

fn find(py: Python<'_>) -> PyResult<Vec<Vec<u8>>> {
    let modules = py
        .import("sys")?
        .getattr("modules")?
        .cast_into::<PyDict>()?;
    let Some(module) = modules.get_item("_sqlite3")? else {
        return Ok(Vec::new());
    };
    let kind = module.getattr("Connection")?.cast_into::<PyType>()?;
    let cursors = module.getattr("Cursor")?.cast_into::<PyType>()?;
    let gc = py.import("gc")?;
    // What was loaded is frozen; it is frozen again later.
    gc.call_method0("unfreeze")?;
    let objects = gc.call_method0("get_objects")?.cast_into::<PyList>()?;
    let (mut idle, mut busy) = (Vec::new(), Vec::new());
    for object in objects.iter().chain(way_out::untracked(&objects, &kind)) {
        // `isinstance` would make lazy proxies load what they stand for.
        if !object.get_type().is_subclass(&kind)? {
            continue;
        }
        // A closed connection, or one of another thread, raises an error and is skipped.
        if let Ok((files, is_idle)) = files_of(&object, &kind, &cursors) {
            if is_idle { &mut idle } else { &mut busy }.extend(files);
        }
    }
    idle.retain(|file| !busy.contains(file));
    Ok(idle)
}

/// The files of a connection, and whether it is idle. Uses a cursor of the `_sqlite3` module itself:
/// one of the application's may count queries, or return other kinds of rows.
fn files_of(
    connection: &Bound<'_, PyAny>,
    kind: &Bound<'_, PyType>,
    cursors: &Bound<'_, PyType>,
) -> PyResult<(Vec<Vec<u8>>, bool)> {
    let rows = |question: &str| -> PyResult<Vec<Bound<'_, PyAny>>> {
        let cursor = cursors.call1((connection,))?;
        let rows = cursors.call_method1("execute", (&cursor, question))?;
        let rows = rows.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        cursors.call_method1("close", (&cursor,))?;
        Ok(rows)
    };
    let text = |row: &Bound<'_, PyAny>, place: usize| -> PyResult<Vec<u8>> {
        let value = row.get_item(place)?;
        value
            .extract::<PathBuf>()
            .map(|path| path.into_os_string().into_vec())
    };
    let is_in_transaction = kind
        .getattr("in_transaction")?
        .call_method1("__get__", (connection,))?
        .is_truthy()?;
    let mut is_idle = !is_in_transaction;
    let mut files = Vec::new();
    for database in rows("pragma database_list")? {
        let file = text(&database, 2)?;
        if file.is_empty() {
            // In memory.
            continue;
        }
        let name = String::from_utf8_lossy(&text(&database, 1)?).replace('"', "\"\"");
        let of = |what: &str| -> PyResult<Vec<u8>> {
            let found = rows(&format!("pragma \"{name}\".{what}"))?;
            found.first().map_or(Ok(Vec::new()), |row| text(row, 0))
        };
        let journal = of("journal_mode")?;
        is_idle &= JOURNALS.iter().any(|known| known.as_bytes() == journal)
            && of("locking_mode")? == b"normal";
        files.push(file);
    }
    Ok((files, is_idle))
}
