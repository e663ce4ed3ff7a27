//! Measures how long each import takes, for `request --timing`, by wrapping the import system's
//! function that loads a new module. (`-X importtime` would have to be set before this module is
//! loaded, and writes to standard error.)

use std::sync::Mutex;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use doors::inspect::Import;

/// What was measured so far.
static MEASURED: Mutex<Measured> = Mutex::new(Measured {
    imports: Vec::new(),
    inner: Vec::new(),
    site: Duration::ZERO,
});

struct Measured {
    imports: Vec<Import>,
    /// For each import under way, the time of the imports inside it.
    inner: Vec<Duration>,
    site: Duration,
}

/// `_frozen_importlib._find_and_load`
#[pyclass(frozen)]
struct Timed(Py<PyAny>);

#[pymethods]
impl Timed {
    /// The first argument is the module's name.
    #[pyo3(signature = (*arguments))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        arguments: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let measured = || MEASURED.lock().expect("not poisoned");
        measured().inner.push(Duration::ZERO);
        let begun = Instant::now();
        let found = self.0.bind(py).call1(arguments);
        let whole = begun.elapsed();
        let mut measured = measured();
        let inner = measured.inner.pop().unwrap_or_default();
        if let Some(outer) = measured.inner.last_mut() {
            *outer += whole;
        }
        let depth = measured.inner.len();
        let name = arguments.get_item(0).and_then(|name| name.extract());
        measured.imports.push(Import {
            own: micros(whole.saturating_sub(inner)),
            whole: micros(whole),
            depth,
            name: name.unwrap_or_default(),
        });
        found
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Measures from now on.
pub(super) fn begin(py: Python<'_>) -> PyResult<()> {
    const NAME: &str = "_find_and_load";
    let system = py.import("_frozen_importlib")?;
    let timed = Timed(system.getattr(NAME)?.unbind());
    system.setattr(NAME, Py::new(py, timed)?)
}

/// Forgets the imports so far, which are those of `site`, and keeps their time.
pub(super) fn interpreter_is_ready(site: Duration) {
    let mut measured = MEASURED.lock().expect("not poisoned");
    measured.imports.clear();
    measured.site = site;
}

/// The time that `site` took, and the imports, each after the imports inside it.
#[must_use]
pub fn import_times() -> (Duration, Vec<Import>) {
    let mut measured = MEASURED.lock().expect("not poisoned");
    (measured.site, std::mem::take(&mut measured.imports))
}
