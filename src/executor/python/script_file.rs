//! Loading a file as a module, whatever the file's name.
//!
//! It is registered in `sys.modules` (frameworks look themselves up there). Only a `.py` file may
//! use `__pycache__`: `app.cgi` would share the cache entry of an `app.py` beside it; and only one that was
//! not written just now.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A file that was run as a module.
pub(super) struct Script<'py> {
    pub(super) module: Bound<'py, PyAny>,
    pub(super) code: Bound<'py, PyAny>,
    /// What it raised, if it did.
    pub(super) ended: PyResult<()>,
}

/// Runs the file as a new module, with the name that an import would use, or one that replaces no other
/// module. If it fails, the module is removed.
pub(super) fn run<'py>(
    py: Python<'py>,
    file: &Path,
    before_it_runs: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<Script<'py>> {
    let machinery = py.import("_frozen_importlib_external")?;
    let bootstrap = py.import("_frozen_importlib")?;
    let modules = py.import("sys")?.getattr("modules")?;
    let name = module_name(&modules, file)?;
    let loader = machinery
        .getattr("SourceFileLoader")?
        .call1((&name, file.as_os_str()))?;
    let named = PyDict::new(py);
    named.set_item("loader", &loader)?;
    let spec = machinery
        .getattr("spec_from_file_location")?
        .call((&name, file.as_os_str()), Some(&named))?;
    let module = bootstrap.call_method1("module_from_spec", (&spec,))?;
    let before = modules.call_method1("get", (&name,))?;
    modules.set_item(&name, &module)?;

    let is_source = file.extension().is_some_and(|extension| extension == "py");
    let ran = code_of(py, &loader, &name, file, is_source).and_then(|code| {
        before_it_runs(&code)?;
        let globals = module.getattr("__dict__")?;
        let ended = py
            .import("builtins")?
            .call_method1("exec", (&code, globals));
        Ok((code, ended.map(drop)))
    });
    if !matches!(ran, Ok((_, Ok(())))) {
        // Removes a module that failed, as the import system does.
        if before.is_none() {
            modules.del_item(&name)?;
        } else {
            modules.set_item(&name, before)?;
        }
    }
    ran.map(|(code, ended)| Script {
        module,
        code,
        ended,
    })
}

fn code_of<'py>(
    py: Python<'py>,
    loader: &Bound<'py, PyAny>,
    name: &str,
    file: &Path,
    is_source: bool,
) -> PyResult<Bound<'py, PyAny>> {
    if is_source && !is_young(file) {
        return loader.call_method1("get_code", (name,));
    }
    let source = std::fs::read(file)?;
    let name = file.as_os_str().as_bytes();
    if let (Ok(source), Ok(name)) = (CString::new(source), CString::new(name)) {
        // Python's `compile` first creates all types of syntax trees, which takes a millisecond.
        // SAFETY: C strings; the interpreter's lock is held, and the object is a new one, or null.
        return unsafe {
            let code = ffi::Py_CompileString(source.as_ptr(), name.as_ptr(), ffi::Py_file_input);
            Bound::from_owned_ptr_or_err(py, code)
        };
    }
    // Reports that the source has a NUL byte.
    let source = loader.call_method1("get_data", (file.as_os_str(),))?;
    let path = file.as_os_str().into_pyobject(py)?;
    loader.call_method1("source_to_code", (source, path))
}

/// Compiled code is stored with the time of its source in seconds and its size: if a script is written
/// twice within one second, the old code would be used forever.
fn is_young(file: &Path) -> bool {
    let modified = file.metadata().and_then(|about| about.modified());
    let age = modified.map(|at| at.elapsed());
    !matches!(age, Ok(Ok(age)) if age >= SETTLED)
}

/// After this time that second is over, mostly also with a file server whose clock differs.
const SETTLED: Duration = Duration::from_secs(2);

/// `app` for `app.py` unless that is another module's name; else a name no import can ask for by
/// accident (`site.wsgi` must not become `site`).
fn module_name(modules: &Bound<'_, PyAny>, file: &Path) -> PyResult<String> {
    let stem: String = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    let importable = file.extension().is_some_and(|extension| extension == "py")
        && file.file_stem().is_some_and(|given| given == stem.as_str())
        && !stem.starts_with(|first: char| first.is_ascii_digit());
    let free = importable && !modules.contains(&stem)? && !is_standard(modules.py(), &stem)?;
    Ok(if free {
        stem
    } else {
        format!("_wsgi_cgi_{stem}")
    })
}

/// Whether the standard library has a module of that name (Python 3.10 and newer can tell).
fn is_standard(py: Python<'_>, name: &str) -> PyResult<bool> {
    match py.import("sys")?.getattr_opt("stdlib_module_names")? {
        Some(names) => names.contains(name),
        None => Ok(false),
    }
}
