//! Random numbers in Python: records each draw of random bytes and each seeding of a generator while an
//! application is loaded. `randomness.py` decides what to do about them.

use std::ffi::CString;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

use super::builtin::{Call, Note, Replaced};
use super::running_functions::running_functions;
use crate::interposed::draws;

const SOURCE: &str = include_str!("randomness.py");

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
static REPLACED: Mutex<Vec<Replaced>> = Mutex::new(Vec::new());
/// Whether this is recorded.
static RECORDED: AtomicBool = AtomicBool::new(false);
/// The module that made a UUID from the time.
static BY_CLOCK: Mutex<Option<String>> = Mutex::new(None);

/// Which modules drew random bytes, and what prevents an image.
#[derive(Debug, Default)]
pub(super) struct Randomness {
    pub(super) drawn: Vec<String>,
    pub(super) obstacle: Option<String>,
}

/// Starts recording.
pub(super) fn record(py: Python<'_>) -> PyResult<()> {
    let source = CString::new(SOURCE)?;
    let name = c"_wsgi_cgi_randomness";
    let module = PyModule::from_code(py, &source, c"wsgi-cgi", name)?;
    let modules = py.import("sys")?.getattr("modules")?;
    modules.call_method1("pop", ("_wsgi_cgi_randomness", py.None()))?;
    _ = MODULE.set(py, module.unbind());
    RECORDED.store(true, Ordering::Release);
    draws::record();
    let loader = py.import("_imp")?;
    replace(&loader, "create_builtin", Note::After(created));
    replace(&loader, "create_dynamic", Note::After(created));
    replace(&loader, "exec_builtin", Note::After(filled));
    replace(&loader, "exec_dynamic", Note::After(filled));
    for name in ["posix", "_random", "_uuid", "_ssl"] {
        if let Ok(module) = modules.get_item(name) {
            look(py, name, &module);
        }
    }
    Ok(())
}

/// Stops recording, and decides.
pub(super) fn end(py: Python<'_>) -> PyResult<Randomness> {
    RECORDED.store(false, Ordering::Release);
    let replaced = REPLACED.lock().map(|mut all| std::mem::take(&mut *all));
    drop(replaced);
    let by_clock = BY_CLOCK.lock().ok().and_then(|mut by| by.take());
    let (drawn, unknown): (_, Option<String>) = python(py)?.call_method0(py, "end")?.extract(py)?;
    let by_clock = by_clock.map(|module| {
        format!(
            "while loading, the application made a UUID from the time (`uuid.uuid1` in `{module}`), and \
             two requests could make the same one: make it when a request needs it"
        )
    });
    let unknown = unknown.map(|module| {
        format!(
            "while loading, the application seeded a random generator (in `{module}`) with a value that \
             is not a constant in the code and may be random: seed it with a constant, or when a \
             request needs it"
        )
    });
    Ok(Randomness {
        drawn,
        obstacle: by_clock.or(unknown),
    })
}

/// Seeds the generators again, in a restored process.
pub(super) fn wake(py: Python<'_>) -> PyResult<()> {
    python(py)?.call_method0(py, "wake").map(drop)
}

fn python(py: Python<'_>) -> PyResult<&Py<PyModule>> {
    MODULE.get(py).ok_or_else(|| {
        pyo3::exceptions::PyRuntimeError::new_err(
            "the application's use of random numbers could not be \
             recorded",
        )
    })
}

fn replace(owner: &Bound<'_, PyAny>, name: &str, note: Note) {
    if let Some(function) = Replaced::new(owner, name, note)
        && let Ok(mut all) = REPLACED.lock()
    {
        all.push(function);
    }
}

/// A C module was created: its functions exist.
fn created(py: Python<'_>, _: &Call, module: &Bound<'_, PyAny>) {
    if let Ok(name) = module
        .getattr("__name__")
        .and_then(|name| name.extract::<String>())
    {
        look(py, &name, module);
    }
}

/// A C module was executed: its types exist too.
fn filled(py: Python<'_>, call: &Call, _: &Bound<'_, PyAny>) {
    if let Some(module) = call.argument(py, 0, c"mod") {
        let name = module
            .getattr("__name__")
            .and_then(|name| name.extract::<String>());
        let with_generators = ["_random", "numpy.random.mtrand", "numpy.random._mt19937"];
        if name.is_ok_and(|name: String| with_generators.contains(&name.as_str())) {
            look_at_types(&module);
        }
    }
}

fn look(_: Python<'_>, name: &str, module: &Bound<'_, PyAny>) {
    match name {
        "posix" => {
            replace(module, "urandom", Note::After(drew));
            replace(module, "getrandom", Note::After(drew));
        }
        "_ssl" => replace(module, "RAND_bytes", Note::After(drew)),
        "_uuid" => replace(module, "generate_time_safe", Note::Before(by_clock)),
        "_random" => look_at_types(module),
        _ => {}
    }
}

fn look_at_types(module: &Bound<'_, PyAny>) {
    if let Ok(kind) = module.getattr("Random") {
        replace(
            &kind,
            "seed",
            Note::Before(|py, call| seeded(py, call, false)),
        );
        replace(&kind, "getstate", Note::After(state_taken));
        replace(
            &kind,
            "setstate",
            Note::Before(|py, call| state_put(py, call, false)),
        );
    }
    // Creating or seeding a `RandomState` with a seed calls this.
    if let Ok(kind) = module.getattr("MT19937") {
        replace(
            &kind,
            "_legacy_seeding",
            Note::Before(|py, call| seeded(py, call, true)),
        );
    }
    if let Ok(kind) = module.getattr("RandomState") {
        replace(&kind, "get_state", Note::After(state_taken));
        replace(
            &kind,
            "set_state",
            Note::Before(|py, call| state_put(py, call, true)),
        );
    }
}

/// Whether random numbers are recorded.
pub(super) fn is_recorded() -> bool {
    RECORDED.load(Ordering::Acquire)
}

/// The code of a module is about to run.
pub(super) fn executed(py: Python<'_>, code: &Bound<'_, PyAny>) {
    tell(py, "executed", (code,));
}

fn drew(py: Python<'_>, _: &Call, bytes: &Bound<'_, PyAny>) {
    tell(py, "drew", (bytes, running_functions().module()));
}

fn by_clock(_: Python<'_>, _: &Call) {
    let module = running_functions().module();
    if let Ok(mut by) = BY_CLOCK.lock() {
        by.get_or_insert(module);
    }
}

fn seeded(py: Python<'_>, call: &Call, keep: bool) {
    if let Some(this) = call.this(py) {
        let (seed, module) = (call.argument(py, 0, c"seed"), running_functions().module());
        tell(py, "seeded", (this, seed, keep, module));
    }
}

fn state_taken(py: Python<'_>, call: &Call, state: &Bound<'_, PyAny>) {
    if let Some(this) = call.this(py) {
        tell(py, "state_taken", (this, state));
    }
}

fn state_put(py: Python<'_>, call: &Call, keep: bool) {
    if let Some(this) = call.this(py) {
        tell(
            py,
            "state_put",
            (
                this,
                call.argument(py, 0, c"state"),
                keep,
                running_functions().module(),
            ),
        );
    }
}

fn tell<'py>(py: Python<'py>, what: &str, arguments: impl pyo3::call::PyCallArgs<'py>) {
    if let Ok(module) = python(py) {
        // If this fails, the generator counts as seeded randomly.
        _ = module.bind(py).call_method1(what, arguments);
    }
}
