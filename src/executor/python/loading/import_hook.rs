//! Changes `wsgiref.handlers` when it is imported, so that scripts that do not use it need not load it.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::future_request::without_variables;
use super::handlers::Answer;

const HANDLERS: &str = "wsgiref.handlers";

/// Waits for the import of the module.
pub(super) struct Watching<'py> {
    answer: Bound<'py, Answer>,
    finders: Bound<'py, PyAny>,
    finder: Bound<'py, Finder>,
}

impl<'py> Watching<'py> {
    pub(super) fn begin(answer: &Bound<'py, Answer>) -> PyResult<Self> {
        let py = answer.py();
        let sys = py.import("sys")?;
        let finders = sys.getattr("meta_path")?;
        let finder = Bound::new(
            py,
            Finder {
                answer: answer.clone().unbind(),
            },
        )?;
        let modules = sys.getattr("modules")?;
        if modules.contains(HANDLERS)? {
            answer.get().install(answer, &modules.get_item(HANDLERS)?)?;
        } else {
            finders.call_method1("insert", (0, &finder))?;
        }
        Ok(Self {
            answer: answer.clone(),
            finders,
            finder,
        })
    }

    /// Ends the wait; for a script that was `answered`, standard input stays replaced.
    pub(super) fn end(self, answered: bool) -> PyResult<()> {
        Finder::leave(&self.finders, self.finder.as_any())?;
        self.answer.get().uninstall(self.answer.py(), answered)
    }
}

/// An entry of `sys.meta_path` that knows one module.
#[pyclass(frozen, module = "wsgi_cgi")]
struct Finder {
    answer: Py<Answer>,
}

impl Finder {
    fn leave(finders: &Bound<'_, PyAny>, own: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(list) = finders.cast::<PyList>() {
            for place in 0..list.len() {
                if list.get_item(place)?.is(own) {
                    return list.del_item(place);
                }
            }
        }
        Ok(())
    }
}

#[pymethods]
impl Finder {
    #[pyo3(signature = (name, path=None, target=None, /))]
    fn find_spec<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        path: Option<&Bound<'py, PyAny>>,
        target: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if name != HANDLERS {
            return Ok(None);
        }
        let py = slf.py();
        let finders = py.import("sys")?.getattr("meta_path")?;
        Self::leave(&finders, slf.as_any())?;
        for finder in finders.try_iter()? {
            let spec = finder?.call_method1("find_spec", (name, path, target))?;
            if spec.is_none() {
                continue;
            }
            let loader = Loader {
                real: spec.getattr("loader")?.unbind(),
                answer: slf.get().answer.clone_ref(py),
            };
            spec.setattr("loader", Bound::new(py, loader)?)?;
            return Ok(Some(spec));
        }
        Ok(None)
    }
}

/// Loads the module as its own loader does, and then changes it.
#[pyclass(frozen, module = "wsgi_cgi")]
struct Loader {
    real: Py<PyAny>,
    answer: Py<Answer>,
}

#[pymethods]
impl Loader {
    fn create_module(&self, py: Python<'_>, spec: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.real.call_method1(py, "create_module", (spec,))
    }

    fn exec_module(&self, module: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = module.py();
        module.setattr(intern!(py, "__loader__"), &self.real)?;
        let spec = module.getattr(intern!(py, "__spec__"))?;
        spec.setattr(intern!(py, "loader"), &self.real)?;
        let answer = self.answer.bind(py);
        let execute = || self.real.call_method1(py, "exec_module", (module,));
        if answer.get().is_for_an_image() {
            without_variables(py, execute)?;
        } else {
            execute()?;
        }
        answer.get().install(answer, module)
    }
}
