//! The way out: whatever an application left to be done at exit is done, and then the process ends. Taking
//! everything apart first would free a hundred thousand objects, and copy their pages, so that a few may say
//! goodbye. Instead these few are found and told, one by one, and nothing is freed.
//!
//! In this order: threads are waited for and exit callbacks run, as `Py_FinalizeEx` has it; objects are
//! finalised and generators closed (`finalisers`); files are closed and flushed, as what came before may
//! write. What only letting go of an object does is for types of C alone (`handles`): where it may do more
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

/// What was found before a fork.
static SETTLED: PyOnceLock<Settled> = PyOnceLock::new();

/// Objects and types that are kept for the way out, and let go where Python comes to its own end: what they
/// belong to would else never be let go.
struct Settled {
    found: Mutex<(Remaining, Kinds)>,
    /// How many modules were loaded, and the name of the last.
    modules: usize,
    last_module: Py<PyAny>,
    /// Which of them may write what they keep.
    acting: Acting,
}

static AT_EXIT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Looks through what is loaded once for all processes that will be forked from this one: each
/// would else touch, and so copy, all of its memory. What is loaded is not collected any more.
pub(super) fn settle(py: Python<'_>) -> PyResult<()> {
    // Needed on the way out; importing it costs more than all the rest there. The application has no
    // such module unless it has imported it itself.
    let loaded = py.import("sys")?.getattr("modules")?;
    let is_loaded = loaded.contains("atexit")?;
    // The function: a module that is loaded lazily would look for itself there.
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

/// Whether this process is for forks, or is one.
pub(super) fn is_settled(py: Python<'_>) -> bool {
    SETTLED.get(py).is_some()
}

/// This process is about to load an application, or has one from its image: what is open is not the
/// application's, but for what its loading has opened.
pub(super) fn begin(py: Python<'_>, opened: &[RawFd]) {
    if SETTLED
        .get(py)
        .is_none_or(|settled| settled.acting.is_there)
    {
        handles::note_inherited(opened);
    }
}

/// Does what is left to be done. Whether, and why, there is something that only full finalisation can do.
pub(super) fn leave(py: Python<'_>) -> Option<String> {
    // What failed here will fail, and be reported, in finalisation.
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

    // What came after loading: before that all is frozen.
    let mut list = objects(py)?;
    let mut reason = None;
    if acting.is_there {
        reason = handles::new(&list, &mut kinds)?;
    }
    // What Python 3.9 has in no list may be held by anything.
    let is_listed = kinds.untracked_of_sqlite(py).is_empty();
    if settled.is_some() && is_listed {
        remaining.find(&list, &mut kinds, false)?;
    }
    if settled.is_none() || !is_listed || reason.is_none() && acting.is_untracked {
        py.import("gc")?.call_method0("unfreeze")?;
        list = objects(py)?;
    }
    if reason.is_none() && acting.is_untracked {
        reason = handles::held(&list, &mut kinds)?;
    }
    if settled.is_none() || !is_listed {
        remaining.find(&list, &mut kinds, false)?;
    }
    // A list of everything holds everything: what an object lets go of at its end would stay.
    drop(list);
    let others: usize = py.import("_thread")?.call_method0("_count")?.extract()?;
    if reason.is_none() && others > 0 && remaining.has_work() {
        // Python keeps them from going on before it ends anything that they may use.
        reason = Some("daemon threads are still running".into());
    }
    if reason.is_none() {
        remaining.finish(py, &kinds)?;
        if acting.is_there {
            reason = handles::open(py, &modules, &remaining, &mut kinds);
        }
    }
    if reason.is_none() {
        // Nothing is worth the pages that letting it go would touch.
        std::mem::forget((remaining, kinds));
    }
    Ok(reason)
}

/// The objects of a type that those in the list hold, where Python has no list of them.
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

/// The name of the module that came last.
fn last_of<'py>(modules: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    let names = modules.call_method0("__reversed__")?;
    names.call_method0("__next__")
}

/// Everything that can be collected, but for what is frozen.
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
    // In Python 3.9 each module of that name has callbacks of its own.
    if let Some(at_exit) = modules.get_item("atexit")? {
        at_exit.call_method0("_run_exitfuncs")?;
    }
    match AT_EXIT.get(py) {
        Some(run) => run.bind(py).call0()?,
        None => py.import("atexit")?.call_method0("_run_exitfuncs")?,
    };
    Ok(())
}
