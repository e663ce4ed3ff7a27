//! `exit`, `quit`, `help`, `copyright`, `credits` and `license`, as `site` makes them, but without importing `os`,
//! and without code to compile.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyModule};

/// The file names, in each of some folders, that `license` is looked for under.
const LICENSES: [&str; 2] = ["LICENSE.txt", "LICENSE"];

const CREDITS: &str = "    Thanks to CWI, CNRI, BeOpen.com, Zope Corporation and a cast of thousands\n    \
    for supporting Python development.  See www.python.org for more information.";

/// Those of later versions, which have each line indented or not.
const LATER_CREDITS: [&str; 3] = [
    "Thanks to CWI, CNRI, BeOpen, Zope Corporation, the Python Software",
    "Foundation, and a cast of thousands for supporting Python",
    "development.  See www.python.org for more information.",
];

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
    let copyright: String = sys.getattr("copyright")?.extract()?;
    let version = py.version_info();
    let credits = credits((version.minor, version.patch));
    let license = "See https://www.python.org/psf/license/";
    for (name, text, files) in [
        ("copyright", copyright.as_str(), PyList::empty(py)),
        ("credits", credits.as_str(), PyList::empty(py)),
        ("license", license, licenses(sys)?),
    ] {
        builtins.setattr(name, printed(&printer, name, text, files)?)?;
    }
    Ok(())
}

/// The text of this minor and micro version of Python 3.
fn credits(version: (u8, u8)) -> String {
    let is_old = version < (12, 8) || version == (13, 0);
    let is_indented = version < (13, 10) || version == (14, 0);
    if is_old {
        CREDITS.to_owned()
    } else if is_indented {
        LATER_CREDITS.map(|line| format!("    {line}")).join("\n")
    } else {
        LATER_CREDITS.join("\n")
    }
}

/// A `_Printer`, whose `__init__` would import `os`.
fn printed<'py>(
    printer: &Bound<'py, PyAny>,
    name: &str,
    text: &str,
    files: Bound<'py, PyList>,
) -> PyResult<Bound<'py, PyAny>> {
    let made = printer.call_method1("__new__", (printer,))?;
    made.setattr("_Printer__name", name)?;
    made.setattr("_Printer__data", text)?;
    made.setattr("_Printer__lines", made.py().None())?;
    made.setattr("_Printer__filenames", files)?;
    Ok(made)
}

/// Where the file with the licence may be: above and beside the standard library, and in the working directory. Nowhere
/// if the standard library is no folder.
fn licenses<'py>(sys: &Bound<'py, PyModule>) -> PyResult<Bound<'py, PyList>> {
    let found = PyList::empty(sys.py());
    let library = match sys.getattr_opt("_stdlib_dir")? {
        Some(library) if library.is_truthy()? => library,
        _ => {
            let encodings = sys.getattr("modules")?.get_item("encodings")?;
            let Some(file) = encodings.getattr_opt("__file__")? else {
                return Ok(found);
            };
            file.call_method1("rpartition", ("/encodings/",))?
                .get_item(0)?
        }
    };
    for place in ["/../", "/"] {
        for name in LICENSES {
            found.append(library.add(format!("{place}{name}"))?)?;
        }
    }
    for name in LICENSES {
        found.append(format!("./{name}"))?;
    }
    Ok(found)
}
