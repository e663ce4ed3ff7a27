//! Scripts that hand their application to a handler of `wsgiref.handlers`, themselves or through a
//! library: that call is answered by us, with the environ as the script prepared it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyBaseException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use pyo3::{create_exception, intern};

use super::super::environ::latin1;
use super::super::gateway::{Gateway, Outcome};
use super::Place;
use super::capture::{NoVariables, is_all};
use super::standard_input::StandardInput;
use crate::exchange::MetaVariables;

create_exception!(
    wsgi_cgi,
    NoRequestYet,
    PyBaseException,
    "Ends the loading of a script that answers itself while there is nothing to answer."
);

/// What stands in for `BaseHandler.run`. A function in Python, so that it becomes a method.
const RUN: &std::ffi::CStr = c"\
def run(self, application):
    if not answer(self, application):
        original(self, application)
";

/// What the handlers' `run` became, and whether it was called.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct Answer {
    gateway: Option<Arc<Gateway>>,
    script_name: Option<Vec<u8>>,
    answering: AtomicBool,
    early: AtomicBool,
    /// The call that wanted an answer before there was a request, where an image is to be made.
    early_call: Mutex<Option<Place>>,
    /// The script, where its application may be taken for an image.
    captures: Option<PathBuf>,
    captured: Mutex<Option<Py<PyAny>>>,
    outcome: Mutex<Option<Outcome>>,
    installed: Mutex<Option<Installed>>,
}

/// What has to be put back.
struct Installed {
    class: Py<PyAny>,
    original: Py<PyAny>,
    input: Option<StandardInput>,
    /// The module, where its reading of variables has a stand-in, that, and what it was.
    variables: Option<(Py<PyAny>, Py<NoVariables>, Py<PyAny>)>,
}

impl Answer {
    pub(super) fn new(
        gateway: Option<&Arc<Gateway>>,
        script_name: Option<&[u8]>,
        captures: Option<&Path>,
    ) -> Self {
        Self {
            captures: captures.map(Path::to_owned),
            captured: Mutex::new(None),
            gateway: gateway.cloned(),
            script_name: script_name.map(<[u8]>::to_vec),
            answering: AtomicBool::new(false),
            early: AtomicBool::new(false),
            early_call: Mutex::new(None),
            outcome: Mutex::new(None),
            installed: Mutex::new(None),
        }
    }

    /// Takes the place of `run` in the module's handlers, and of standard input: whoever imports
    /// them finds the body there.
    pub(super) fn install(
        &self,
        own: &Bound<'_, Self>,
        handlers: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = own.py();
        let class = handlers.getattr("BaseHandler")?;
        let original = class.getattr("run")?;
        let names = PyDict::new(py);
        names.set_item("answer", own)?;
        names.set_item("original", &original)?;
        py.run(RUN, Some(&names), None)?;
        class.setattr("run", names.get_item("run")?)?;
        let input = match &self.gateway {
            Some(gateway) => Some(StandardInput::install(py, gateway.input(py)?)?),
            None => None,
        };
        let variables = if self.captures() {
            let stand_in = Bound::new(py, NoVariables::new())?;
            let original = handlers.getattr("read_environ")?;
            handlers.setattr("read_environ", &stand_in)?;
            Some((
                handlers.clone().unbind(),
                stand_in.unbind(),
                original.unbind(),
            ))
        } else {
            None
        };
        *self.installed.lock().expect("not poisoned") = Some(Installed {
            variables,
            class: class.unbind(),
            original: original.unbind(),
            input,
        });
        Ok(())
    }

    /// Puts it back. Standard input stays in a script that was `answered`.
    pub(super) fn uninstall(&self, py: Python<'_>, answered: bool) -> PyResult<()> {
        let Some(installed) = self.installed.lock().expect("not poisoned").take() else {
            return Ok(());
        };
        installed.class.setattr(py, "run", installed.original)?;
        if let Some((module, _, original)) = installed.variables {
            module.setattr(py, "read_environ", original)?;
        }
        match installed.input {
            Some(input) if !answered => input.uninstall(py),
            _ => Ok(()),
        }
    }

    /// How the script's exchange ended, if it had one.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        *self.outcome.lock().expect("not poisoned")
    }

    /// Whether an application may be taken for an image.
    pub(super) fn captures(&self) -> bool {
        self.captures.is_some()
    }

    /// The application that was taken.
    pub(super) fn captured(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let captured = self.captured.lock().expect("not poisoned");
        captured.as_ref().map(|captured| captured.clone_ref(py))
    }

    fn capture(&self, handler: &Bound<'_, PyAny>, application: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = handler.py();
        let variables = {
            let installed = self.installed.lock().expect("not poisoned");
            let variables = installed.as_ref().and_then(|it| it.variables.as_ref());
            variables.map(|(_, variables, _)| variables.clone_ref(py))
        };
        if let (Some(file), Some(variables)) = (&self.captures, variables)
            && is_all(handler, variables.get(), file)?
        {
            *self.captured.lock().expect("not poisoned") = Some(application.clone().unbind());
        }
        Ok(())
    }

    /// Whether it wanted one before there was a request.
    pub(super) fn was_early(&self) -> bool {
        self.early.load(Ordering::Acquire)
    }

    /// The call that did, where that is known.
    pub(super) fn early_call(&self) -> Option<Place> {
        self.early_call.lock().expect("not poisoned").clone()
    }
}

/// The variables of the process as loading left them, for an application that was taken from a handler;
/// standard input is the body from now on.
pub(in super::super) fn take_over(
    py: Python<'_>,
    gateway: &Gateway,
    script_name: Option<&[u8]>,
) -> PyResult<MetaVariables> {
    StandardInput::install(py, gateway.input(py)?)?;
    let raw = py.import("os")?.getattr("environb")?;
    let mut pairs = Vec::new();
    for pair in raw.call_method0("items")?.try_iter()? {
        pairs.push(pair?.extract::<(Vec<u8>, Vec<u8>)>()?);
    }
    let mut meta = MetaVariables::from_pairs(pairs);
    meta.complete(script_name);
    Ok(meta)
}

/// What the handlers copied when they were imported for an image is this process's again.
pub(in super::super) fn refresh(py: Python<'_>) -> PyResult<()> {
    let modules = py.import("sys")?.getattr("modules")?;
    let modules = modules.cast_into::<PyDict>()?;
    if let Some(handlers) = modules.get_item("wsgiref.handlers")?
        && let Some(class) = handlers.getattr_opt("BaseHandler")?
        && class.getattr("os_environ")?.len()? == 0
    {
        class.setattr("os_environ", handlers.call_method0("read_environ")?)?;
    }
    Ok(())
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
    // The standard library has the request's as latin-1, the others as the file system's names.
    let unchanged = py
        .import("wsgiref.handlers")?
        .call_method0("read_environ")?
        .cast_into::<PyDict>()?;
    let mut pairs = Vec::with_capacity(environment.len());
    for (name, value) in environment {
        let Ok(value) = value.cast_into::<PyString>() else {
            continue; // `wsgi.` keys, and what else is no variable
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

/// Whether a handler's stream is the process's own of that number, by whatever object.
fn is_standard(stream: &Bound<'_, PyAny>, name: &str, number: i32) -> PyResult<bool> {
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
    let its_number = stream
        .call_method0("fileno")
        .and_then(|n| n.extract::<i32>());
    Ok(its_number.is_ok_and(|its_number| its_number == number))
}

#[pymethods]
impl Answer {
    /// False where the handler writes to somewhere else than the server.
    #[pyo3(signature = (handler, application, /))]
    fn __call__(
        &self,
        handler: &Bound<'_, PyAny>,
        application: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let py = application.py();
        match handler.getattr_opt(intern!(py, "stdout"))? {
            Some(stdout) if is_standard(&stdout, "stdout", 1)? => {}
            _ => return Ok(false),
        }
        let Some(gateway) = &self.gateway else {
            self.early.store(true, Ordering::Release);
            if let Some(file) = &self.captures {
                *self.early_call.lock().expect("not poisoned") = Place::find(py, file);
            }
            self.capture(handler, application)?;
            return Err(NoRequestYet::new_err(
                "a script that answers itself is loaded with each request",
            ));
        };
        if self.answering.swap(true, Ordering::AcqRel) {
            return Err(PyRuntimeError::new_err(
                "this request has been answered already",
            ));
        }
        let mut meta = variables(handler)?;
        meta.complete(self.script_name.as_deref());
        let stdin = handler.getattr_opt(intern!(py, "stdin"))?;
        let input = match stdin {
            Some(stdin) if !stdin.is_none() && !is_standard(&stdin, "stdin", 0)? => Some(stdin),
            _ => None,
        };
        let outcome = gateway.answer_from(py, application, &meta, input.as_ref());
        *self.outcome.lock().expect("not poisoned") = Some(outcome);
        Ok(true)
    }
}
