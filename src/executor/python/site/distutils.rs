//! The `.pth` file that setuptools has in every environment: it puts something into `sys.meta_path` that
//! gives setuptools' own `distutils` to who imports that. Few do, and it takes as long as a small module:
//! so its line is executed when somebody asks for one of the modules that it is about.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

/// How the line begins and ends in every version; between them stands what is so unless the variable says
/// otherwise.
const BEGIN: &str = "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, '";
const END: &str = "') == 'local'; enabled and __import__('_distutils_hack').add_shim();";

/// Whether a line is that one.
pub(super) fn is_its(line: &str) -> bool {
    let between = line.trim_end().strip_prefix(BEGIN);
    between
        .and_then(|rest| rest.strip_suffix(END))
        .is_some_and(|word| ["local", "stdlib"].contains(&word))
}

/// Has the line executed once it has an effect.
pub(super) fn put_off(py: Python<'_>, line: &str) -> PyResult<()> {
    let later = Later(PyString::new(py, line).unbind());
    let finders = py.import("sys")?.getattr("meta_path")?;
    finders.cast::<PyList>()?.insert(0, Py::new(py, later)?)
}

/// An entry of `sys.meta_path`.
#[pyclass(frozen)]
struct Later(Py<PyString>);

#[pymethods]
impl Later {
    #[pyo3(signature = (name, path = None, target = None))]
    fn find_spec<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
        path: Option<&Bound<'py, PyAny>>,
        target: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let text = name.to_cow()?;
        if !["distutils", "pip"].contains(&&*text) && !text.starts_with("test.") {
            return Ok(None);
        }
        let finders = py.import("sys")?.getattr("meta_path")?;
        // Another thread may be at it, or somebody has taken it out.
        let Ok(finders) = finders.cast_into::<PyList>() else {
            return Ok(None);
        };
        if finders.call_method1("remove", (slf,)).is_err() {
            return Ok(None);
        }
        let known = finders.len();
        py.import("builtins")?
            .call_method1("exec", (&slf.get().0, PyDict::new(py)))?;
        if finders.len() == known {
            return Ok(None);
        }
        // The first that has come asks now, as it would have been asked.
        let found = finders
            .get_item(0)?
            .call_method1("find_spec", (name, path, target))?;
        Ok((!found.is_none()).then_some(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_known_in_both_forms_and_no_other_is() {
        let line = |word| format!("{BEGIN}{word}{END} \n");
        assert!(is_its(&line("local")) && is_its(&line("stdlib")));
        assert!(!is_its(&line("x")) && !is_its("import os") && !is_its(""));
    }
}
