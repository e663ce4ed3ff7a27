//! Measures which functions a request runs, and for how long, for `request --profile`. Python calls a function of
//! ours at each call and return (`sys.setprofile`) on the thread that answers. The time in our function is not
//! counted; the time that Python needs to call it is.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use pyo3::intern;
use pyo3::prelude::*;

use super::failure::Failure;
use doors::inspect::Call;
use process::report;

/// What was measured so far.
static MEASURED: Mutex<Option<Measured>> = Mutex::new(None);

struct Measured {
    /// The first stands for the time outside all functions.
    places: Vec<Call>,
    known: HashMap<(usize, String), usize>,
    /// The indexes of the running functions. A function that is not shown has the index of its caller.
    path: Vec<usize>,
    last: Instant,
}

/// C functions that are not shown, because they only run other functions, which are shown.
const TRANSPARENT: [&str; 3] = ["exec", "__build_class__", "__import__"];

impl Measured {
    fn here(&self) -> usize {
        self.path.last().copied().unwrap_or(0)
    }

    /// A function begins. It is not shown if it has no name.
    fn enter(&mut self, name: Option<String>) {
        let above = self.here();
        let place = name.map_or(above, |name| {
            let next = self.places.len();
            let place = *self.known.entry((above, name.clone())).or_insert(next);
            if place == next {
                self.places.push(Call {
                    above,
                    name,
                    own: Duration::ZERO,
                });
            }
            place
        });
        self.path.push(place);
    }
}

/// The function for `sys.setprofile`.
#[pyfunction]
fn on_event(frame: &Bound<'_, PyAny>, event: &str, argument: &Bound<'_, PyAny>) {
    let now = Instant::now();
    let mut measured = MEASURED.lock().expect("no panic while it was held");
    let Some(measured) = measured.as_mut() else {
        return;
    };
    let here = measured.here();
    measured.places[here].own += now.saturating_duration_since(measured.last);
    match event {
        "call" => {
            let is_import = here != 0 && measured.places[here].name.starts_with(IMPORT);
            measured.enter(of_frame(frame, is_import).unwrap_or_default());
        }
        "c_call" => measured.enter(of_c(argument).unwrap_or_default()),
        // The return of a function that began before the measurement.
        _ => _ = measured.path.pop(),
    }
    measured.last = Instant::now();
}

const IMPORT: &str = "import ";

/// The name of a function, such as `dispatch_request (flask/app.py:870)`, or of an import. `is_import` is whether
/// the caller is already shown as the import of this module.
fn of_frame(frame: &Bound<'_, PyAny>, is_import: bool) -> PyResult<Option<String>> {
    let py = frame.py();
    let code = frame.getattr(intern!(py, "f_code"))?;
    let file: String = code.getattr(intern!(py, "co_filename"))?.extract()?;
    let name: String = match code.getattr_opt(intern!(py, "co_qualname"))? {
        Some(name) => name.extract()?,
        None => code.getattr(intern!(py, "co_name"))?.extract()?,
    };
    if file.starts_with("<frozen importlib") {
        if name != "_find_and_load" {
            return Ok(None);
        }
        let locals = frame.getattr(intern!(py, "f_locals"))?;
        let module: String = locals.get_item(intern!(py, "name"))?.extract()?;
        return Ok(Some(format!("{IMPORT}{module}")));
    }
    if name == "<module>" {
        return Ok((!is_import).then(|| format!("load {}", short(&file))));
    }
    let line: u32 = code.getattr(intern!(py, "co_firstlineno"))?.extract()?;
    Ok(Some(format!("{name} ({}:{line})", short(&file))))
}

fn of_c(function: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let py = function.py();
    let name: String = function.getattr(intern!(py, "__qualname__"))?.extract()?;
    let module = function.getattr_opt(intern!(py, "__module__"))?;
    let module: Option<String> = module.and_then(|module| module.extract().ok());
    Ok(match module.as_deref() {
        _ if TRANSPARENT.contains(&&*name) => None,
        None | Some("builtins") => Some(name),
        Some(module) => Some(format!("{module}.{name}")),
    })
}

/// The file name with its folder, as an application may have many `views.py`.
fn short(file: &str) -> String {
    let parts: Vec<_> = Path::new(file).iter().collect();
    let short = &parts[parts.len().saturating_sub(2)..];
    let short: Vec<_> = short.iter().map(|part| part.to_string_lossy()).collect();
    short.join("/").trim_start_matches("//").to_owned()
}

/// Starts measuring, on this thread.
pub fn begin_profile(py: Python<'_>) {
    *MEASURED.lock().expect("no panic while it was held") = Some(Measured {
        places: vec![Call {
            above: 0,
            name: "all".to_owned(),
            own: Duration::ZERO,
        }],
        known: HashMap::new(),
        path: Vec::new(),
        last: Instant::now(),
    });
    let on_event = wrap_pyfunction!(on_event, py).map(Bound::into_any);
    set(py, on_event);
}

/// Stops measuring.
pub fn end_profile(py: Python<'_>) {
    set(py, Ok(py.None().into_bound(py)));
}

fn set<'py>(py: Python<'py>, function: PyResult<Bound<'py, PyAny>>) {
    let set =
        function.and_then(|function| py.import("sys")?.call_method1("setprofile", (function,)));
    if let Err(error) = set {
        report::log(&Failure::of(py, &error, "--profile: profiling failed").summary);
    }
}

/// The result: all functions that were called, each with its caller.
#[must_use]
pub fn profile() -> Vec<Call> {
    let measured = MEASURED.lock().expect("no panic while it was held").take();
    measured.map_or_else(Vec::new, |measured| measured.places)
}
