//! `exit`, `quit`, `help`, `copyright`, `credits` and `license`, as `site` makes them, but without importing `os`,
//! and without code to compile.

use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use pyo3::types::{PyList, PyModule};

use super::is_new;

/// The folders, relative to the standard library's, that `license` is looked for in, and the files.
const LICENSES: [&str; 2] = ["LICENSE.txt", "LICENSE"];

const CREDITS: &str = "    Thanks to CWI, CNRI, BeOpen.com, Zope Corporation and a cast of thousands\n    \
    for supporting Python development.  See www.python.org for more information.";

/// Those of Python 3.14.
const NEW_CREDITS: &str = "Thanks to CWI, CNRI, BeOpen, Zope Corporation, the Python Software\n\
    Foundation, and a cast of thousands for supporting Python\n\
    development.  See www.python.org for more information.";

/// Makes them.
pub(super) fn make(sys: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = sys.py();
    let builtins = py.import("builtins")?;
    let types = py.import("_sitebuiltins")?;
    let quitter = types.getattr("Quitter")?;
    for name in ["quit", "exit"] {
        builtins.setattr(name, quitter.call1((name, "Ctrl-D (i.e. EOF)"))?)?;
    }
    builtins.setattr("help", types.getattr("_Helper")?.call0()?)?;
    let printer = types.getattr("_Printer")?;
    let credits = if is_new(sys)? { NEW_CREDITS } else { CREDITS };
    let copyright: String = sys.getattr("copyright")?.extract()?;
    let license = "See https://www.python.org/psf/license/";
    for (name, text, files) in [
        ("copyright", copyright.as_str(), vec![]),
        ("credits", credits, vec![]),
        ("license", license, licenses(sys)?),
    ] {
        builtins.setattr(name, printed(sys, &printer, name, text, &files)?)?;
    }
    Ok(())
}

/// A `_Printer`, whose `__init__` would import `os`.
fn printed<'py>(
    sys: &Bound<'py, PyModule>,
    printer: &Bound<'py, PyAny>,
    name: &str,
    text: &str,
    files: &[PathBuf],
) -> PyResult<Bound<'py, PyAny>> {
    let made = printer.call_method1("__new__", (printer,))?;
    made.setattr("_Printer__name", name)?;
    made.setattr("_Printer__data", text)?;
    let no_lines = PyList::empty(sys.py()).into_any();
    let no_lines = is_new(sys)?.then_some(no_lines);
    made.setattr("_Printer__lines", no_lines)?;
    let files = PyList::new(sys.py(), files.iter().map(|file| file.as_os_str()))?;
    made.setattr("_Printer__filenames", files)?;
    Ok(made)
}

/// Where the file with the licence may be: above and beside the standard library, and in the working directory.
fn licenses(sys: &Bound<'_, PyModule>) -> PyResult<Vec<PathBuf>> {
    let encodings = sys.getattr("modules")?.get_item("encodings")?;
    let file: PathBuf = encodings.getattr("__file__")?.extract()?;
    let library = file.parent().and_then(Path::parent).unwrap_or(&file);
    let places = [library.join(".."), library.to_owned(), PathBuf::from(".")];
    let files = places
        .iter()
        .flat_map(|place| LICENSES.map(|name| place.join(name)));
    Ok(files.collect())
}
