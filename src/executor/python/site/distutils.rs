//! The `.pth` file that setuptools installs in every environment: it adds a finder to `sys.meta_path`,
//! so that `import distutils` loads setuptools' own copy. That takes as long as loading a small module
//! and few need it: so its line is executed when one of its modules is imported.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

/// The beginning and the end of the line in every version; between them is the default of the variable.
const BEGIN: &str = "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, '";
const END: &str = "') == 'local'; enabled and __import__('_distutils_hack').add_shim();";

/// Whether it is the line of setuptools.
pub(super) fn is_setuptools_line(line: &str) -> bool {
    let between = line.trim_end().strip_prefix(BEGIN);
    between
        .and_then(|rest| rest.strip_suffix(END))
        .is_some_and(|word| ["local", "stdlib"].contains(&word))
}

/// Executes the line when it has an effect.
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
        // Another thread, or the application, may have removed this finder.
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
        // The finder that the line added is asked now, as it would have been.
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
    fn only_the_two_forms_of_the_line_are_recognised() {
        let line = |word| format!("{BEGIN}{word}{END} \n");
        assert!(is_setuptools_line(&line("local")) && is_setuptools_line(&line("stdlib")));
        assert!(
            !is_setuptools_line(&line("x"))
                && !is_setuptools_line("import os")
                && !is_setuptools_line("")
        );
    }
}
