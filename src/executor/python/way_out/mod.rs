//! The end of Python: everything that an application left to be done at exit is done, and then the
//! process ends. A full finalisation would free a hundred thousand objects, and copy their pages, for
//! the sake of the few that have something to do. Instead these few are found and finalised one by one,
//! and nothing is freed.
//!
//! In this order: threads are waited for and exit callbacks run, as in `Py_FinalizeEx`; objects are
//! finalised and generators closed (`finalisers`); then files are closed and flushed, as the steps
//! before may write. Some C types act only when an object is freed (`handles`): if that may do more
//! than free memory, the interpreter is finalised in full.

mod extension;
mod finalisers;
mod handles;
mod held;
mod kinds;
mod symbols;

use std::os::fd::RawFd;
use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyType};

use finalisers::Remaining;
use handles::Acting;
use kinds::Kinds;

/// What was found before a fork or for an image.
static SETTLED: PyOnceLock<Settled> = PyOnceLock::new();

/// Objects and types kept for the end. They are released if Python is finalised in full, as their
/// owners could not be freed otherwise.
struct Settled {
    found: Mutex<(Remaining, Kinds)>,
    /// How many modules were loaded, and the name of the last.
    modules: usize,
    last_module: Py<PyAny>,
    /// Whether C modules among them may write when objects are freed.
    acting: Acting,
}

static AT_EXIT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Looks through what is loaded, once for all processes that will be forked from this one: otherwise
/// each would touch, and so copy, all memory. What is loaded is not garbage-collected any more.
pub(super) fn settle(py: Python<'_>) -> PyResult<()> {
    // Needed at the end, where importing it would cost more than everything else. It is hidden from the
    // application unless that has imported it itself.
    let loaded = py.import("sys")?.getattr("modules")?;
    let is_loaded = loaded.contains("atexit")?;
    // The function: a lazily loaded module would look itself up in `sys.modules`.
    let run = py.import("atexit")?.getattr("_run_exitfuncs")?;
    _ = AT_EXIT.set(py, run.unbind());
    if !is_loaded {
        loaded.del_item("atexit")?;
    }
    let gc = py.import("gc")?;
    gc.call_method0("unfreeze")?;
    gc.call_method0("collect")?;
    let modules = loaded_modules(py)?;
    let (mut remaining, mut kinds) = (Remaining::default(), Kinds::default());
    kinds.refresh(py)?;
    remaining.find(&objects(py)?, &mut kinds, true)?;
    let settled = Settled {
        acting: handles::look(py, handles::all(&modules), &mut kinds)?,
        last_module: last_of(&modules)?.unbind(),
        modules: modules.len(),
        found: Mutex::new((remaining, kinds)),
    };
    gc.call_method0("freeze")?;
    _ = SETTLED.set(py, settled);
    Ok(())
}

/// Whether `settle` was called, in this process or in the one it was copied from.
pub(super) fn is_settled(py: Python<'_>) -> bool {
    SETTLED.get(py).is_some()
}

/// Called before an application is loaded or after an image was restored: descriptors that are open now
/// do not belong to the application, except those in `opened`.
pub(super) fn begin(py: Python<'_>, opened: &[RawFd]) {
    if SETTLED
        .get(py)
        .is_none_or(|settled| settled.acting.is_there)
    {
        handles::note_inherited(opened);
    }
}

/// Does what is left to be done. Returns the reason if a full finalisation is necessary.
pub(super) fn leave(py: Python<'_>) -> Option<String> {
    // If this fails, a full finalisation will report why.
    let reason = left(py).unwrap_or_else(|error| Some(error.to_string()));
    if reason.is_some()
        && py
            .import("gc")
            .and_then(|gc| gc.call_method0("unfreeze"))
            .is_err()
    {
        return None;
    }
    reason
}

/// Waits for threads and runs exit callbacks again, for those that came after the first time, or if that was interrupted.
pub(super) fn wait(py: Python<'_>) {
    let waited = loaded_modules(py).and_then(|modules| run_exit_callbacks(py, &modules));
    if let Err(error) = waited {
        error.write_unraisable(py, None);
    }
}

fn left(py: Python<'_>) -> PyResult<Option<String>> {
    let modules = loaded_modules(py)?;
    run_exit_callbacks(py, &modules)?;
    let settled = SETTLED.get(py);
    let found =
        settled.map(|settled| std::mem::take(&mut *settled.found.lock().expect("not poisoned")));
    let (mut remaining, mut kinds) = found.unwrap_or_default();
    kinds.refresh(py)?;
    let before = settled.map(|settled| settled.acting).unwrap_or_default();
    let newer = match settled {
        Some(settled) => handles::since(&modules, settled.modules, settled.last_module.bind(py))?,
        None => handles::all(&modules),
    };
    let acting = handles::look(py, newer, &mut kinds)?.or(before);
    remaining.refresh(py);

    let mut reason = None;
    // The objects made after loading: all older ones are frozen.
    let new = if acting.is_there || settled.is_some() {
        Some(objects(py)?)
    } else {
        None
    };
    if let (Some(new), true) = (&new, acting.is_there) {
        reason = handles::find_new(new, &mut kinds)?;
    }
    // Objects that Python 3.9 does not track may be referred to by any object.
    let is_listed = kinds.untracked_of_sqlite(py).is_empty();
    let is_settled = settled.is_some() && is_listed;
    if let (Some(new), true) = (&new, is_settled) {
        remaining.find(new, &mut kinds, false)?;
    }
    // A list refers to all of its objects: those released by a finaliser would stay.
    drop(new);
    let is_referenced = reason.is_none() && acting.is_untracked;
    if !is_settled || is_referenced {
        py.import("gc")?.call_method0("unfreeze")?;
        let all = objects(py)?;
        if is_referenced {
            reason = handles::find_referenced(&all, &mut kinds)?;
        }
        if !is_settled {
            remaining.find(&all, &mut kinds, false)?;
        }
    }
    let others: usize = py.import("_thread")?.call_method0("_count")?.extract()?;
    if reason.is_none() && others > 0 && remaining.has_work() {
        // A full finalisation stops them before it ends anything that they may use.
        reason = Some("daemon threads are still running".into());
    }
    if reason.is_none() {
        remaining.finish(py, &kinds)?;
        if acting.is_there {
            reason = handles::find_open(py, &modules, &remaining, &mut kinds);
        }
    }
    if reason.is_none() {
        // Freeing these would touch pages for nothing.
        std::mem::forget((remaining, kinds));
    }
    Ok(reason)
}

/// The objects of a type that the garbage collector does not track, found through those that refer to them.
pub(super) fn untracked<'py>(
    objects: &Bound<'py, PyList>,
    kind: &Bound<'py, PyType>,
) -> Vec<Bound<'py, PyAny>> {
    if kinds::is_tracked(kind.as_type_ptr()) {
        Vec::new()
    } else {
        held::held_by(objects, &[kind.as_type_ptr()])
    }
}

/// The name of the module loaded last.
fn last_of<'py>(modules: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    let names = modules.call_method0("__reversed__")?;
    names.call_method0("__next__")
}

/// All tracked objects that are not frozen.
fn objects(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let list = py.import("gc")?.call_method0("get_objects")?;
    Ok(list.cast_into()?)
}

fn loaded_modules(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let modules = py.import("sys")?.getattr("modules")?;
    Ok(modules.cast_into::<PyDict>()?)
}

/// Waits for threads and calls what was registered with atexit, in the order of `Py_FinalizeEx`.
fn run_exit_callbacks(py: Python<'_>, modules: &Bound<'_, PyDict>) -> PyResult<()> {
    if let Some(threading) = modules.get_item("threading")? {
        threading.call_method0("_shutdown")?;
    }
    // In Python 3.9 each copy of the module has callbacks of its own.
    if let Some(at_exit) = modules.get_item("atexit")? {
        at_exit.call_method0("_run_exitfuncs")?;
    }
    match AT_EXIT.get(py) {
        Some(run) => run.bind(py).call0()?,
        None => py.import("atexit")?.call_method0("_run_exitfuncs")?,
    };
    Ok(())
}
