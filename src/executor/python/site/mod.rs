//! Does what the module `site` does when Python starts; Python is started without it. `site` spends
//! half of its time looking for what most environments do not have, and loading modules that a small
//! application does not need. This does what has an effect: the environment's prefix and packages,
//! `.pth` files, `sitecustomize`, and the builtins. Other environments than plain virtual ones, and
//! `.pth` files that do more, are left to `site` itself
//! (<https://docs.python.org/3/library/site.html>).

mod builtins;
mod distutils;
mod late;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pyo3::exceptions::{PyException, PyImportError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyModule};

use super::image::looked_at;

/// The place of `no_site` in `sys.flags`.
const NO_SITE: isize = 6;

/// Does the work of `site`, unless it was done when the interpreter started.
///
/// # Errors
/// An exception of a `.pth` file or `sitecustomize` that would end Python at its start.
pub(super) fn complete(py: Python<'_>) -> PyResult<()> {
    let sys = py.import("sys")?;
    let flags = sys.getattr("flags")?;
    if !flags.getattr("no_site")?.is_truthy()? {
        return Ok(());
    }
    match plain_environment(&sys)? {
        Some((root, home)) => {
            sys.setattr("_home", home)?;
            complete_plain(&sys, &root)?;
        }
        None => _ = py.import("site")?.call_method0("main")?,
    }
    // Processes that the application starts should not inherit this flag.
    set_no_site(py, false)
}

/// Sets `sys.flags.no_site`, which tells `site`, when it is imported, whether to do its work.
fn set_no_site(py: Python<'_>, is_without: bool) -> PyResult<()> {
    let flags = py.import("sys")?.getattr("flags")?;
    let value = i32::from(is_without).into_pyobject(py)?.into_any();
    // SAFETY: the flags are a structure sequence, whose item is given away.
    unsafe { ffi::PyStructSequence_SetItem(flags.as_ptr(), NO_SITE, value.into_ptr()) };
    Ok(())
}

/// The virtual environment of this interpreter, if it has only its own packages and its `site` is a
/// known version.
fn plain_environment(sys: &Bound<'_, PyModule>) -> PyResult<Option<(PathBuf, Option<String>)>> {
    let executable: PathBuf = sys.getattr("executable")?.extract()?;
    let Some(folder) = executable.parent().filter(|_| executable.is_absolute()) else {
        return Ok(None);
    };
    // Entries of PYTHONPATH may be relative or repeated.
    if std::env::var_os("PYTHONPATH").is_some() || sys.getattr("version_info")?.ge((3, 15))? {
        return Ok(None);
    }
    let above = folder.parent().unwrap_or(folder);
    if is_new(sys)? {
        // This Python sets them itself, and `site` warns if they are others.
        for name in ["prefix", "exec_prefix"] {
            if !sys.getattr(name)?.eq(above.as_os_str())? {
                return Ok(None);
            }
        }
    }
    let texts = [folder, above].map(|place| {
        let file = place.join("pyvenv.cfg");
        looked_at(&file, true);
        fs::read_to_string(file)
    });
    let Some(Ok(text)) = texts.into_iter().find(Result::is_ok) else {
        return Ok(None);
    };
    let of = |wanted: &str| {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let mut values = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(wanted));
        values.next_back().map(|(_, value)| value.trim().to_owned())
    };
    let home = of("home");
    let is_plain =
        of("include-system-site-packages").is_some_and(|value| !value.eq_ignore_ascii_case("true"));
    Ok(is_plain.then(|| (above.to_owned(), home)))
}

/// Whether it is Python 3.14 or newer.
fn is_new(sys: &Bound<'_, PyModule>) -> PyResult<bool> {
    sys.getattr("version_info")?.ge((3, 14))
}

fn complete_plain(sys: &Bound<'_, PyModule>, root: &Path) -> PyResult<()> {
    let py = sys.py();
    for name in ["prefix", "exec_prefix"] {
        sys.setattr(name, root.as_os_str())?;
    }
    let path = sys.getattr("path")?.cast_into::<PyList>()?;
    let mut has_run_code = false;
    for folder in packages(sys, root)? {
        path.append(folder.as_os_str())?;
        looked_at(&folder, false);
        for name in path_files(&folder) {
            if put_off(py, &folder.join(&name))? {
                continue;
            }
            has_run_code = true;
            let site = py.import("site")?;
            site.setattr("ENABLE_USER_SITE", false)?;
            site.call_method1("addpackage", (folder.as_os_str(), name, py.None()))?;
        }
    }
    builtins::make(sys)?;
    if !has_run_code {
        late::expect(py)?;
    }
    if has_run_code || has_customization(&path) {
        customize(py)?;
    }
    Ok(())
}

/// Whether nothing need be done for a `.pth` file now.
fn put_off(py: Python<'_>, file: &Path) -> PyResult<bool> {
    looked_at(file, true);
    let text = fs::read_to_string(file).unwrap_or_else(|_| "unreadable".to_owned());
    let is_empty = |line: &&str| line.trim().is_empty() || line.starts_with('#');
    let mut lines = text.lines().filter(|line| !is_empty(line));
    match (lines.next(), lines.next()) {
        (None, _) => Ok(true),
        (Some(line), None) if distutils::is_setuptools_line(line) => {
            distutils::put_off(py, line)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Imports `sitecustomize`, where there is one. As with `site`, an exception is only logged.
fn customize(py: Python<'_>) -> PyResult<()> {
    const NAME: &str = "sitecustomize";
    let Err(error) = py.import(NAME) else {
        return Ok(());
    };
    let named = error.value(py).getattr("name");
    if error.is_instance_of::<PyImportError>(py)
        && named.is_ok_and(|name| name.eq(NAME).unwrap_or(false))
    {
        return Ok(());
    }
    if !error.is_instance_of::<PyException>(py) {
        return Err(error);
    }
    let line = format!("error in {NAME}: {error}");
    process::report::log(&process::report::one_line(&line));
    Ok(())
}

/// The folders of the environment's packages that exist.
fn packages(sys: &Bound<'_, PyModule>, root: &Path) -> PyResult<Vec<PathBuf>> {
    let version = sys.getattr("version_info")?;
    let (major, minor): (u32, u32) = (
        version.getattr("major")?.extract()?,
        version.getattr("minor")?.extract()?,
    );
    let platform: String = sys.getattr("platlibdir")?.extract()?;
    let mut names = vec![platform];
    if names[0] != "lib" {
        names.push("lib".into());
    }
    let folders = names.into_iter().map(|name| {
        root.join(name)
            .join(format!("python{major}.{minor}"))
            .join("site-packages")
    });
    Ok(folders.filter(|folder| folder.is_dir()).collect())
}

/// The `.pth` files in a folder, in the order in which they are read. Hidden ones are not, in later Pythons.
fn path_files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| name.as_bytes().ends_with(b".pth") && !name.starts_with('.'))
        .collect();
    names.sort_unstable();
    names
}

/// Whether there may be a module `sitecustomize`.
fn has_customization(path: &Bound<'_, PyList>) -> bool {
    for entry in path {
        let Ok(folder) = entry.extract::<PathBuf>() else {
            return true;
        };
        looked_at(&folder, false);
        // It may be an archive that has one.
        if folder.is_file() {
            return true;
        }
        let known = ["sitecustomize.py", "sitecustomize", "sitecustomize.pyc"];
        if known.iter().any(|name| folder.join(name).exists()) {
            return true;
        }
        if folder.as_os_str().as_bytes().ends_with(b"-packages")
            && fs::read_dir(&folder)
                .into_iter()
                .flatten()
                .flatten()
                .any(|entry| entry.file_name().as_bytes().starts_with(b"sitecustomize."))
        {
            return true;
        }
    }
    false
}
