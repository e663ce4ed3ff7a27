//! Finds the cause of an import error, and what the operator can do about it. A package is reported as missing
//! only if neither the application's own files nor permissions explain the error.

use std::path::{Path, PathBuf};

use pyo3::exceptions::{PyImportError, PyModuleNotFoundError, PyPermissionError};
use pyo3::prelude::*;

use super::own_module::Own;
use settings::config::Config;
use settings::permissions::why_out_of_reach;
use settings::python::Packages;

/// The cause and the remedy in a sentence, if they are known.
pub(super) fn remedy(
    py: Python<'_>,
    error: &PyErr,
    config: &Config,
    packages: &Packages,
) -> Option<String> {
    let own = Own::of(&config.app, &config.python_path);
    if error.is_instance_of::<PyPermissionError>(py) {
        let file: PathBuf = error.value(py).getattr("filename").ok()?.extract().ok()?;
        return why_out_of_reach(&std::path::absolute(file).ok()?, own.folders());
    }
    if !error.is_instance_of::<PyImportError>(py) {
        return None;
    }
    let searched = format!("searched {packages}");
    let is_missing = error.is_instance_of::<PyModuleNotFoundError>(py);
    let name = error.value(py).getattr("name").ok();
    let Some(name) = name.and_then(|name| name.extract::<String>().ok()) else {
        return (!is_missing).then_some(searched);
    };
    let path = searched_folders(py).unwrap_or_default();
    let found =
        closed(&name, &path, own.folders()).or_else(|| own.explains(&name, is_missing, &path));
    if found.is_some() || !is_missing {
        return found.or(Some(searched));
    }
    let top = name.split('.').next().unwrap_or(&name);
    if top == "imp" {
        // Used in the `passenger_wsgi.py` files that hosting panels write.
        return Some(
            "Python 3.12 removed the module `imp`: if it is used to load a file `app.py`, write \
             `from app import application` instead"
                .to_owned(),
        );
    }
    Some(match packages {
        Packages::Venv(venv) => format!(
            "{searched}: install it with `{} -m pip install {top}`, or set the folder that contains it \
             with --python-path",
            venv.executable.display()
        ),
        Packages::Own { .. } => format!(
            "{searched}: set the virtual environment that has `{top}` with --venv, or the folder that \
             contains it with --python-path"
        ),
    })
}

/// The folders of `sys.path`, in its order.
fn searched_folders(py: Python<'_>) -> PyResult<Vec<PathBuf>> {
    let path = py.import("sys")?.getattr("path")?;
    let entries = path.try_iter()?.flatten();
    let folders = entries.filter_map(|entry| entry.extract::<PathBuf>().ok());
    Ok(folders.collect())
}

/// Reports a file or folder that this user may not read: Python treats such a module as missing.
fn closed(name: &str, path: &[PathBuf], own: &[PathBuf]) -> Option<String> {
    path.iter().find_map(|folder| {
        let mut place = folder.clone();
        let parts = name.split('.').flat_map(|part| {
            place.push(part);
            [place.clone(), with_ending(&place)]
        });
        [folder.clone()]
            .into_iter()
            .chain(parts)
            .find_map(|part| why_out_of_reach(&part, own))
    })
}

/// The file of a module.
pub(super) fn with_ending(module: &Path) -> PathBuf {
    let mut file = module.as_os_str().to_owned();
    file.push(".py");
    file.into()
}
