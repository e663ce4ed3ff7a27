//! Connections to SQLite that are open when an application is loaded. One that is idle has nothing that
//! another process could not have: it holds no lock, and looks whether the database has changed before it
//! reads or writes (<https://www.sqlite.org/atomiccommit.html>, section 3.2). Its file is opened again.

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};

use super::super::interpreter::attach;
use super::super::way_out;

/// How a database is written to where its file alone says what is in it: the journal is there during a
/// transaction. A write-ahead log is shared memory.
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
    // What was loaded is frozen, and will be again.
    gc.call_method0("unfreeze")?;
    let objects = gc.call_method0("get_objects")?.cast_into::<PyList>()?;
    let (mut idle, mut busy) = (Vec::new(), Vec::new());
    for object in objects.iter().chain(way_out::untracked(&objects, &kind)) {
        // Of some objects `isinstance` asks what they stand for, and makes it.
        if !object.get_type().is_subclass(&kind)? {
            continue;
        }
        // One that is closed, or another thread's, has no word to say.
        if let Ok((files, is_idle)) = files_of(&object, &kind, &cursors) {
            if is_idle { &mut idle } else { &mut busy }.extend(files);
        }
    }
    idle.retain(|file| !busy.contains(file));
    Ok(idle)
}

/// The files of a connection, and whether it is idle. Asked by a cursor of SQLite's own: the application's
/// may count what it is asked, or give rows of another kind.
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
