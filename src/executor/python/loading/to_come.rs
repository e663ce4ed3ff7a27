//! What stands in for a request that has not come yet, while a script is loaded for an image: variables
//! that nobody may look at. Who runs a handler of `wsgiref.handlers` without having looked finds the
//! request's own in each restored process.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi::c_str;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule};

use super::handlers::NoRequestYet;

/// A dictionary that may be written to and not read. A class in Python: whatever reads a subclass with
/// these methods calls one of them.
const VARIABLES: &std::ffi::CStr = c_str!(
    r#"
class Variables(dict):
    """Of a request that has not come yet."""


def _watched(name):
    plain = getattr(dict, name)

    def method(self, *words, **named):
        look()
        return plain(self, *words, **named)

    return method


for _name in (
    "__contains__ __delitem__ __eq__ __getitem__ __iter__ __len__ __ne__ __or__ __repr__ "
    "__reversed__ __ror__ clear copy get items keys pop popitem setdefault values"
).split():
    setattr(Variables, _name, _watched(_name))
"#
);

/// The first look at a request that has not come, in words. Whoever catches the error that ends it has looked
/// all the same.
static LOOKED: Mutex<Option<&'static str>> = Mutex::new(None);

/// Takes down that a script looked, and gives the error that ends it.
pub(super) fn early_look(what: &'static str) -> PyErr {
    let mut looked = LOOKED.lock().expect("not poisoned");
    looked.get_or_insert(what);
    NoRequestYet::new_err(what)
}

/// Says what has looked so far.
pub(in super::super) fn early_looks() -> Option<&'static str> {
    *LOOKED.lock().expect("not poisoned")
}

/// The variables of the request as it came, before what the script made of them while it was loaded.
static REQUEST: Mutex<Option<Py<PyDict>>> = Mutex::new(None);

/// Keeps them, in bytes, where somebody waits for them.
pub(in super::super) fn has_come(variables: &Bound<'_, PyDict>) {
    if STANDS_IN.get(variables.py()).is_some() {
        *REQUEST.lock().expect("not poisoned") = Some(variables.clone().unbind());
    }
}

/// The stand-in of this process, if it was loaded for an image.
static STANDS_IN: PyOnceLock<Py<ToCome>> = PyOnceLock::new();

/// What was given out, and what `os.environ` held then.
struct Given {
    variables: Py<PyDict>,
    environment: Py<PyDict>,
}

/// The variables of the request to come. Called, it is `wsgiref.handlers.read_environ`.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct ToCome {
    class: PyOnceLock<Py<PyAny>>,
    given: Mutex<Vec<Given>>,
    handlers: Py<PyAny>,
    read_environ: Py<PyAny>,
    has_come: AtomicBool,
}

impl ToCome {
    /// Takes the place of what the module, just imported, reads of the environment.
    pub(super) fn stand_in(handlers: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = handlers.py();
        let own = Bound::new(
            py,
            Self {
                class: PyOnceLock::new(),
                given: Mutex::default(),
                handlers: handlers.clone().unbind(),
                read_environ: handlers.getattr("read_environ")?.unbind(),
                has_come: AtomicBool::new(false),
            },
        )?;
        let module = PyModule::new(py, "_wsgi_cgi_to_come")?;
        module.setattr("look", own.getattr("look")?)?;
        let names = module.dict();
        py.run(VARIABLES, Some(&names), None)?;
        let class = module.getattr("Variables")?;
        _ = own.get().class.set(py, class.unbind());
        handlers.setattr("read_environ", &own)?;
        let handler = handlers.getattr("BaseHandler")?;
        handler.setattr("os_environ", own.get().__call__(py)?)?;
        _ = STANDS_IN.set(py, own.unbind());
        Ok(())
    }

    /// Takes from what was `read` what the script has set in `os.environ` only after it `held` that.
    fn undo_later(
        &self,
        read: &Bound<'_, PyDict>,
        request: &Bound<'_, PyDict>,
        held: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let py = read.py();
        let os = py.import("os")?;
        let is = |dict: &Bound<'_, PyDict>, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>| {
            match dict.get_item(name)? {
                Some(other) => other.eq(value),
                None => Ok(false),
            }
        };
        for (name, value) in own_environment(py)? {
            if is(request, &name, &value)? || is(held, &name, &value)? {
                continue;
            }
            let text = os.call_method1("fsdecode", (&name,))?;
            let Some(own) = request.get_item(&name)? else {
                if read.contains(&text)? {
                    read.del_item(&text)?;
                }
                continue;
            };
            let alone = PyDict::new(py);
            alone.set_item(&text, os.call_method1("fsdecode", (own,))?)?;
            let own = with_environment(py, &alone, || self.read_environ.bind(py).call0())?;
            read.set_item(&text, own.get_item(&text)?)?;
        }
        Ok(())
    }

    fn come(&self, py: Python<'_>) -> PyResult<()> {
        if self.has_come.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let given = std::mem::take(&mut *self.given.lock().expect("not poisoned"));
        let request = REQUEST.lock().expect("not poisoned").take();
        for Given {
            variables,
            environment,
        } in given
        {
            let variables = variables.bind(py);
            let real = self.read_environ.bind(py).call0()?.cast_into::<PyDict>()?;
            if let Some(request) = &request {
                self.undo_later(&real, request.bind(py), environment.bind(py))?;
            }
            for (name, value) in real {
                // What the script has set is meant to be so.
                if !variables.contains(&name)? {
                    variables.set_item(name, value)?;
                }
            }
        }
        if self
            .handlers
            .bind(py)
            .getattr("read_environ")?
            .is_instance_of::<Self>()
        {
            self.handlers
                .setattr(py, "read_environ", &self.read_environ)?;
        }
        Ok(())
    }
}

#[pymethods]
impl ToCome {
    fn __call__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.has_come.load(Ordering::Acquire) {
            return self.read_environ.bind(py).call0();
        }
        let class = self
            .class
            .get(py)
            .expect("set before it is called")
            .bind(py);
        let variables = class.call0()?;
        let mut given = self.given.lock().expect("not poisoned");
        given.push(Given {
            variables: variables.clone().cast_into::<PyDict>()?.unbind(),
            environment: own_environment(py)?.copy()?.unbind(),
        });
        Ok(variables)
    }

    fn look(&self) -> PyResult<()> {
        if self.has_come.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(early_look(
            "loading the application looks at its request's variables, which differ per request",
        ))
    }
}

/// Gives the request's variables to whoever has asked for them while there was none.
pub(in super::super) fn come(py: Python<'_>) -> PyResult<()> {
    match STANDS_IN.get(py) {
        Some(stands_in) => stands_in.get().come(py),
        None => Ok(()),
    }
}

/// What `os.environ` holds, in bytes. Looked at so, nobody has asked for it.
fn own_environment(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let environment = py.import("os")?.getattr("environ")?;
    // A script may have put something else there.
    let data = environment.getattr_opt("_data")?;
    let data = data.and_then(|data| data.cast_into::<PyDict>().ok());
    Ok(data.unwrap_or_else(|| PyDict::new(py)))
}

/// Runs `work` where `os.environ` is empty: importing the handlers copies it.
pub(super) fn without_variables<R>(
    py: Python<'_>,
    work: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    with_environment(py, &PyDict::new(py), work)
}

fn with_environment<R>(
    py: Python<'_>,
    environment: &Bound<'_, PyDict>,
    work: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    let os = py.import("os")?;
    let name = intern!(py, "environ");
    let before = os.getattr(name)?;
    os.setattr(name, environment)?;
    let done = work();
    os.setattr(name, before)?;
    done
}
