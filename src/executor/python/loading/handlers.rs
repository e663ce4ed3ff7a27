//! Scripts that pass their application to a handler of `wsgiref.handlers`, themselves or through a
//! library: this gateway answers that call, with the environ as the script prepared it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use pyo3::exceptions::{PyBaseException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};
use pyo3::{create_exception, intern};

use super::super::application::Application;
use super::super::collection::Collection;
use super::super::environ::latin1;
use super::super::gateway::{Gateway, Outcome};
use super::custom_handler::{CustomHandler, is_customized};
use super::forbidden_calls;
use super::future_request::{self, FutureRequest};
use super::printed::Look;
use super::standard_input::StandardInput;
use exchange::MetaVariables;

create_exception!(
    wsgi_cgi,
    NoRequestYet,
    PyBaseException,
    "Stops loading a script that answers requests by itself, if there is no request."
);

/// Whether loading was stopped because the script wanted a request while there was none.
pub(in super::super) fn has_no_request(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<NoRequestYet>(py)
}

/// Whether it is a handler or a handler class. If the module is not imported, there are none.
pub(super) fn is_handler(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let modules = value.py().import("sys")?.getattr("modules")?;
    let Ok(handlers) = modules.get_item("wsgiref.handlers") else {
        return Ok(false);
    };
    let class = handlers.getattr("BaseHandler")?;
    match value.cast::<PyType>() {
        Ok(value) => value.is_subclass(&class),
        Err(_) => value.is_instance(&class),
    }
}

/// Replaces `BaseHandler.run`. A function in Python, so that it becomes a method.
const RUN: &std::ffi::CStr = c"\
def run(self, application):
    if not answer(self, application):
        original(self, application)
";

/// Called when a script passes its application to a handler before there is a request: takes the image.
/// Returns only in a restored process, with the gateway that answers.
pub type OnHandlerCall = Box<dyn FnOnce(&Application) -> Arc<Gateway> + Send>;

/// The replacement of the handlers' `run`, and whether it was called.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct Answer {
    gateway: OnceLock<Arc<Gateway>>,
    script_name: Option<Vec<u8>>,
    answering: AtomicBool,
    early: AtomicBool,
    is_for_an_image: bool,
    on_handler_call: Mutex<Option<OnHandlerCall>>,
    look: Option<Arc<Look>>,
    outcome: Mutex<Option<Outcome>>,
    installed: Mutex<Option<Installed>>,
    input: Mutex<Option<StandardInput>>,
}

/// What has to be restored.
struct Installed {
    class: Py<PyAny>,
    original: Py<PyAny>,
}

impl Answer {
    pub(super) fn new(
        gateway: Option<&Arc<Gateway>>,
        script_name: Option<&[u8]>,
        on_handler_call: Option<OnHandlerCall>,
        look: Option<Arc<Look>>,
    ) -> Self {
        Self {
            gateway: gateway.map_or_else(OnceLock::new, |gateway| gateway.clone().into()),
            script_name: script_name.map(<[u8]>::to_vec),
            answering: AtomicBool::new(false),
            early: AtomicBool::new(false),
            is_for_an_image: on_handler_call.is_some(),
            on_handler_call: Mutex::new(on_handler_call),
            look,
            outcome: Mutex::new(None),
            installed: Mutex::new(None),
            input: Mutex::new(None),
        }
    }

    /// Replaces `run` in the module's handlers, and standard input by the body of the request.
    pub(super) fn install(
        &self,
        own: &Bound<'_, Self>,
        handlers: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = own.py();
        let class = handlers.getattr("BaseHandler")?;
        let original = class.getattr("run")?;
        let names = PyDict::new(py);
        // The package `wsgi_cgi` recognises by this name that the program answers the script.
        names.set_item("__name__", "wsgi_cgi")?;
        names.set_item("answer", own)?;
        names.set_item("original", &original)?;
        py.run(RUN, Some(&names), None)?;
        class.setattr("run", names.get_item("run")?)?;
        self.install_input(py)?;
        if self.is_for_an_image {
            FutureRequest::install(handlers)?;
        }
        *self.installed.lock().expect("not poisoned") = Some(Installed {
            class: class.unbind(),
            original: original.unbind(),
        });
        Ok(())
    }

    /// Replaces standard input by the body, which may come later.
    pub(super) fn install_input(&self, py: Python<'_>) -> PyResult<()> {
        let gateway = self.gateway.get();
        let mut input = self.input.lock().expect("not poisoned");
        if input.is_some() || (gateway.is_none() && !self.is_for_an_image) {
            return Ok(());
        }
        let installed = StandardInput::install(py)?;
        if let Some(gateway) = gateway {
            installed.read_from(py, gateway.input(py)?);
        } else {
            installed.keep(py);
        }
        *input = Some(installed);
        Ok(())
    }

    /// Undoes the replacements. In a script that was `answered`, standard input stays replaced.
    pub(super) fn uninstall(&self, py: Python<'_>, answered: bool) -> PyResult<()> {
        if let Some(installed) = self.installed.lock().expect("not poisoned").take() {
            installed.class.setattr(py, "run", installed.original)?;
        }
        match self.input.lock().expect("not poisoned").take() {
            Some(input) if !answered => input.uninstall(py),
            _ => Ok(()),
        }
    }

    /// How the script's exchange ended, if it had one.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        *self.outcome.lock().expect("not poisoned")
    }

    /// Whether an image is to be made of this process.
    pub(super) fn is_for_an_image(&self) -> bool {
        self.is_for_an_image
    }

    /// The gateway for a call of a handler. If an image is to be made, it is made here, in the middle
    /// of the script.
    fn exchange(&self, application: &Bound<'_, PyAny>) -> PyResult<Arc<Gateway>> {
        if let Some(gateway) = self.gateway.get() {
            return Ok(gateway.clone());
        }
        let py = application.py();
        self.early.store(true, Ordering::Release);
        let on_handler_call = self.on_handler_call.lock().expect("not poisoned").take();
        let Some(on_handler_call) = on_handler_call else {
            return Err(NoRequestYet::new_err(
                "a script that answers requests itself is loaded for each request",
            ));
        };
        let gateway = on_handler_call(&application.clone().unbind());
        future_request::fill_in_request(py)?;
        if let Some(input) = &*self.input.lock().expect("not poisoned") {
            input.read_from(py, gateway.input(py)?);
        }
        Ok(self.gateway.get_or_init(|| gateway).clone())
    }

    /// Whether a handler was called before there was a request.
    pub(super) fn was_early(&self) -> bool {
        self.early.load(Ordering::Acquire)
    }
}

/// The variables as the script left them to its handler, in bytes.
fn variables(handler: &Bound<'_, PyAny>) -> PyResult<MetaVariables> {
    let py = handler.py();
    let environment = PyDict::new(py);
    for name in ["os_environ", "base_env"] {
        if let Some(variables) = handler.getattr_opt(name)? {
            environment.call_method1("update", (variables,))?;
        }
    }
    let os = py.import("os")?;
    let (raw, encode) = (os.getattr("environb")?, os.getattr("fsencode")?);
    let of_process = os.getattr("environ")?;
    // The standard library decodes variables of the request as latin-1, and others with the file
    // system's encoding.
    let unchanged = py
        .import("wsgiref.handlers")?
        .call_method0("read_environ")?
        .cast_into::<PyDict>()?;
    let mut pairs = Vec::with_capacity(environment.len());
    for (name, value) in environment {
        let Ok(value) = value.cast_into::<PyString>() else {
            continue; // `wsgi.` keys and other non-variables
        };
        let bytes = encode.call1((&name,))?;
        let is_unchanged = match unchanged.get_item(&name)? {
            Some(before) => {
                before.eq(&value)? || of_process.call_method1("get", (&name,))?.eq(&value)?
            }
            None => false,
        };
        let value: Vec<u8> = if is_unchanged {
            raw.get_item(&bytes)?.extract()?
        } else {
            match latin1(&value) {
                Some(value) => value,
                None => encode.call1((value,))?.extract()?,
            }
        };
        pairs.push((bytes.extract()?, value));
    }
    Ok(MetaVariables::from_pairs(pairs))
}

/// Whether a handler's stream is a standard stream of the process, through whichever object.
fn is_standard(
    stream: &Bound<'_, PyAny>,
    name: &str,
    is_it: impl Fn(i32) -> bool,
) -> PyResult<bool> {
    let py = stream.py();
    let sys = py.import("sys")?;
    for name in [name.to_owned(), format!("__{name}__")] {
        let standard = sys.getattr(name)?;
        if stream.is(&standard)
            || standard
                .getattr_opt("buffer")?
                .is_some_and(|buffer| stream.is(&buffer))
        {
            return Ok(true);
        }
    }
    let number = stream
        .call_method0("fileno")
        .and_then(|number| number.extract::<i32>());
    Ok(number.is_ok_and(is_it))
}

#[pymethods]
impl Answer {
    /// Returns False if the handler does not write to the server.
    #[pyo3(signature = (handler, application, /))]
    fn __call__(
        &self,
        handler: &Bound<'_, PyAny>,
        application: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let py = application.py();
        let is_output = |number| match &self.look {
            Some(look) => look.is_standard(number),
            None => number == 1,
        };
        match handler.getattr_opt(intern!(py, "stdout"))? {
            Some(stdout) if is_standard(&stdout, "stdout", is_output)? => {}
            // For an image there is no request; and a main guard that is only tried must not answer.
            _ if self.is_for_an_image || forbidden_calls::is_trying_main_guard() => {
                return Err(NoRequestYet::new_err(
                    "while loading, the application runs a WSGI handler that does not write to standard output",
                ));
            }
            _ => return Ok(false),
        }
        if let Some(look) = &self.look {
            look.pause(py)?;
        }
        let paused = forbidden_calls::pause();
        let gateway = self.exchange(application)?;
        if self.answering.swap(true, Ordering::AcqRel) {
            return Err(PyRuntimeError::new_err(
                "this request was already answered: the script must run \
                 its handler only once",
            ));
        }
        let mut meta = variables(handler)?;
        // A mount that is unclear was logged when the exchange was opened.
        _ = meta.complete(self.script_name.as_deref());
        let stdin = handler.getattr_opt(intern!(py, "stdin"))?;
        let input = match stdin {
            Some(stdin)
                if !stdin.is_none() && !is_standard(&stdin, "stdin", |number| number == 0)? =>
            {
                Some(stdin)
            }
            _ => None,
        };
        let own_way = if is_customized(handler)? {
            let installed = self.installed.lock().expect("not poisoned");
            let run = installed.as_ref().map(|it| it.original.clone_ref(py));
            run.map(|run| Bound::new(py, CustomHandler::new(handler, application, run)))
        } else {
            None
        };
        let own_way = own_way.transpose()?.map(Bound::into_any);
        let application = own_way.as_ref().unwrap_or(application);
        Collection::enable(py)?;
        let outcome = gateway.answer_from(py, application, &meta, input.as_ref());
        drop(paused);
        if let Some(look) = &self.look {
            look.resume();
        }
        *self.outcome.lock().expect("not poisoned") = Some(outcome);
        Ok(true)
    }
}
