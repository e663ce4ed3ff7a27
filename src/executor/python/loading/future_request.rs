//! A placeholder for the request, while a script is loaded for an image: variables that must not be
//! read. If the script runs a handler of `wsgiref.handlers` without having read them, each restored
//! process fills in the variables of its request.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi::c_str;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule};

use super::handlers::NoRequestYet;

/// A dictionary that may be written to but not read. It is a class in Python, so that every way to read
/// it calls one of these methods.
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

/// The first read of a request that has not come, in words. It counts even if the script catches the error.
static LOOKED: Mutex<Option<&'static str>> = Mutex::new(None);

/// Records that the script read a request, and returns the error that stops it.
pub(super) fn early_read(what: &'static str) -> PyErr {
    let mut looked = LOOKED.lock().expect("not poisoned");
    looked.get_or_insert(what);
    NoRequestYet::new_err(what)
}

/// What was read so far, in words.
pub(in super::super) fn early_reads() -> Option<&'static str> {
    *LOOKED.lock().expect("not poisoned")
}

/// The variables of the request as it came, without the changes that the script made while it was loaded.
static REQUEST: Mutex<Option<Py<PyDict>>> = Mutex::new(None);

/// Stores them, in bytes, if a placeholder needs them.
pub(in super::super) fn keep_request(variables: &Bound<'_, PyDict>) {
    if PLACEHOLDER.get(variables.py()).is_some() {
        *REQUEST.lock().expect("not poisoned") = Some(variables.clone().unbind());
    }
}

/// The placeholder of this process, if it was loaded for an image.
static PLACEHOLDER: PyOnceLock<Py<FutureRequest>> = PyOnceLock::new();

/// A placeholder dictionary, and the content of `os.environ` when it was made.
struct Given {
    variables: Py<PyDict>,
    environment: Py<PyDict>,
}

/// The variables of the request to come. Called, it is `wsgiref.handlers.read_environ`.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct FutureRequest {
    class: PyOnceLock<Py<PyAny>>,
    given: Mutex<Vec<Given>>,
    handlers: Py<PyAny>,
    read_environ: Py<PyAny>,
    has_come: AtomicBool,
}

impl FutureRequest {
    /// Replaces `read_environ` of the module, which was just imported, and the variables that it read.
    pub(super) fn install(handlers: &Bound<'_, PyAny>) -> PyResult<()> {
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
        let module = PyModule::new(py, "_wsgi_cgi_future_request")?;
        module.setattr("look", own.getattr("look")?)?;
        let names = module.dict();
        py.run(VARIABLES, Some(&names), None)?;
        let class = module.getattr("Variables")?;
        _ = own.get().class.set(py, class.unbind());
        handlers.setattr("read_environ", &own)?;
        let handler = handlers.getattr("BaseHandler")?;
        handler.setattr("os_environ", own.get().__call__(py)?)?;
        _ = PLACEHOLDER.set(py, own.unbind());
        Ok(())
    }

    /// Removes from `read` what the script has set in `os.environ` later than `held`.
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

    fn fill_in(&self, py: Python<'_>) -> PyResult<()> {
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
                // Values set by the script are kept.
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
impl FutureRequest {
    fn __call__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.has_come.load(Ordering::Acquire) {
            return self.read_environ.bind(py).call0();
        }
        let class = self
            .class
            .get(py)
            .expect("the class is set before the first call")
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
        Err(early_read(
            "while loading, the application reads the request's variables, which differ per request: \
             read them when a request needs them",
        ))
    }
}

/// Fills the request's variables into the placeholders.
pub(in super::super) fn fill_in_request(py: Python<'_>) -> PyResult<()> {
    match PLACEHOLDER.get(py) {
        Some(placeholder) => placeholder.get().fill_in(py),
        None => Ok(()),
    }
}

/// The content of `os.environ`, in bytes, read without being recorded.
fn own_environment(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let environment = py.import("os")?.getattr("environ")?;
    // A script may have put something else there.
    let data = environment.getattr_opt("_data")?;
    let data = data.and_then(|data| data.cast_into::<PyDict>().ok());
    Ok(data.unwrap_or_else(|| PyDict::new(py)))
}

/// Runs `work` with an empty `os.environ`, as importing the handlers copies it.
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
