//! The virtual environment to name in the script: from the script's folder, the program would not find the
//! one beside the application.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use settings::options::{PYTHON, VENV, Values};
use settings::python::Venv;

/// The one that was named or is active, else `.venv` or `venv` in one of the application's folders or
/// above the last. `None` where --python names a Python, or no environment is found.
///
/// # Errors
/// For one that is broken.
pub(super) fn venv(options: &Values, folders: &[PathBuf]) -> Result<Option<PathBuf>> {
    if options.has(&PYTHON) {
        return Ok(None);
    }
    let active = std::env::var_os("VIRTUAL_ENV").filter(|value| !value.is_empty());
    if let Some(named) = options.path(&VENV).or(active.map(PathBuf::from)) {
        let named =
            std::path::absolute(&named).with_context(|| format!("`{}`", named.display()))?;
        return Venv::open(&named).map(|venv| Some(venv.root));
    }
    let above = folders.last().and_then(|folder| folder.parent());
    let folders = folders.iter().map(PathBuf::as_path).chain(above);
    let mut places = folders.flat_map(|folder| [folder.join(".venv"), folder.join("venv")]);
    let found = places.find(|place: &PathBuf| is_venv(place));
    found
        .map(|root| Venv::open(&root).map(|venv| venv.root))
        .transpose()
}

fn is_venv(place: &Path) -> bool {
    place.join("pyvenv.cfg").is_file()
}
