//! The module `site` itself, if it is imported later (`site.addsitedir`): importing it would do all of
//! its work again, unless `sys.flags.no_site` is set meanwhile.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::{is_new, set_no_site};

/// Waits for the import of `site`.
pub(super) fn expect(py: Python<'_>) -> PyResult<()> {
    let finders = py.import("sys")?.getattr("meta_path")?;
    finders.cast::<PyList>()?.insert(0, Py::new(py, Late)?)
}

/// An entry of `sys.meta_path` that knows one module, once.
#[pyclass(frozen)]
struct Late;

#[pymethods]
impl Late {
    #[pyo3(signature = (name, _path = None, _target = None))]
    fn find_spec<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
        _path: Option<&Bound<'py, PyAny>>,
        _target: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        if name.to_cow()? != "site" {
            return Ok(None);
        }
        let sys = py.import("sys")?;
        // Fails if the application has removed this finder.
        sys.getattr("meta_path")?.call_method1("remove", (slf,))?;
        set_no_site(py, true)?;
        let imported = py.import("site");
        set_no_site(py, false)?;
        let module = imported?.into_any();
        module.setattr("ENABLE_USER_SITE", false)?;
        if !is_new(&sys)? {
            module.setattr("PREFIXES", PyList::new(py, [sys.getattr("prefix")?])?)?;
        }
        let loader = Loaded {
            spec: module.getattr("__spec__")?.unbind(),
            module: module.clone().unbind(),
        };
        let machinery = py.import("_frozen_importlib")?;
        let spec = machinery.call_method1("ModuleSpec", ("site", Py::new(py, loader)?))?;
        // The import system uses the spec of a module that was loaded while it was searched for.
        module.setattr("__spec__", &spec)?;
        Ok(Some(spec))
    }
}

/// The loader of a module that is loaded.
#[pyclass(frozen)]
struct Loaded {
    module: Py<PyAny>,
    spec: Py<PyAny>,
}

#[pymethods]
impl Loaded {
    fn create_module(&self, py: Python<'_>, _spec: &Bound<'_, PyAny>) -> Py<PyAny> {
        self.module.clone_ref(py)
    }

    fn exec_module(&self, py: Python<'_>, module: &Bound<'_, PyAny>) -> PyResult<()> {
        module.setattr("__spec__", self.spec.bind(py))
    }
}
