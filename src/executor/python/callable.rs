//! Finds the application in a module: the callable that was named, or one with a usual name; or says
//! why there is none.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyString};

use super::failure::Failure;
use super::start_response::shown;
use settings::config::{App, Callable};

/// The names an application is looked for under when none is given.
const APPLICATIONS: [&str; 2] = ["application", "app"];
/// The names of factories, if there is no application.
const FACTORIES: [&str; 2] = ["create_app", "make_app"];

/// Why no application was found.
pub(super) enum Wrong {
    Raised(PyErr),
    Hinted(PyErr, String),
    Said(String),
}

impl From<PyErr> for Wrong {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl Wrong {
    /// Whether an exception with that text is the error itself or one of its causes.
    pub(super) fn is_of(&self, py: Python<'_>, text: &str) -> bool {
        let (Self::Raised(error) | Self::Hinted(error, _)) = self else {
            return true; // what was caught left no application
        };
        let mut error = Some(error.value(py).clone().into_any());
        // Chains of exceptions may be circular.
        for _ in 0..32 {
            let Some(current) = error else { break };
            if current
                .str()
                .is_ok_and(|said| said.to_string_lossy() == text)
            {
                return true;
            }
            error = ["__cause__", "__context__"].iter().find_map(|name| {
                let before = current.getattr(*name).ok()?;
                (!before.is_none()).then_some(before)
            });
        }
        false
    }

    pub(super) fn explain(self, failed: &dyn Fn(PyErr) -> Failure) -> Failure {
        match self {
            Self::Raised(error) => failed(error),
            Self::Hinted(error, hint) => {
                let mut failure = failed(error);
                failure.summary.push_str(&hint);
                failure
            }
            Self::Said(summary) => Failure::new(500, summary),
        }
    }
}

/// The callable that was named, or one with a usual name.
pub(super) fn callable<'py>(
    py: Python<'py>,
    module: &Bound<'py, PyAny>,
    app: &App,
) -> Result<Bound<'py, PyAny>, Wrong> {
    let found = match &app.callable {
        Some(named) => named_callable(py, module, app, named)?,
        None => default_callable(module, app)?,
    };
    if !found.is_callable() {
        let name = app
            .callable
            .as_ref()
            .map_or("the application".to_owned(), |c| format!("`{c}`"));
        let found = shown(&found);
        return Err(Wrong::Said(format!(
            "`{app}`: {name} is {found}, which is not callable"
        )));
    }
    Ok(found)
}

fn named_callable<'py>(
    py: Python<'py>,
    module: &Bound<'py, PyAny>,
    app: &App,
    named: &Callable,
) -> Result<Bound<'py, PyAny>, Wrong> {
    let mut found = module.clone();
    for name in &named.path {
        found = found
            .getattr_opt(PyString::new(py, name))?
            .ok_or_else(|| Wrong::Said(format!("`{app}` has no `{named}`: {}", defined(module))))?;
    }
    Ok(if named.factory { found.call0()? } else { found })
}

fn default_callable<'py>(
    module: &Bound<'py, PyAny>,
    app: &App,
) -> Result<Bound<'py, PyAny>, Wrong> {
    for name in APPLICATIONS {
        if let Some(found) = module.getattr_opt(name)? {
            // A package may have a submodule of that name: `flaskr.app` is no application.
            if !found.is_instance_of::<PyModule>() {
                return if is_stack_of_bottle(&found)? {
                    Ok(found.call0()?)
                } else {
                    Ok(found)
                };
            }
        }
    }
    let mut factories = Vec::new();
    for name in FACTORIES {
        factories.extend(
            module
                .getattr_opt(name)?
                .filter(pyo3::types::PyAnyMethods::is_callable),
        );
    }
    match factories.as_slice() {
        [factory] => Ok(factory.call0()?),
        [] => Err(Wrong::Said(format!(
            "`{app}` has no application: expected `application`, `app`, or a factory `create_app` \
             or `make_app`; {}",
            defined(module)
        ))),
        _ => Err(Wrong::Said(format!(
            "`{app}` has two factories: name `{app}:create_app()` or `{app}:make_app()`"
        ))),
    }
}

/// `bottle.app`, which `from bottle import *` brings: calling it returns the application.
fn is_stack_of_bottle(found: &Bound<'_, PyAny>) -> PyResult<bool> {
    let kind = found.get_type();
    Ok(kind.name()? == "AppStack" && kind.getattr("__module__")?.eq("bottle")?)
}

/// Lists what the module defines, to choose from.
fn defined(module: &Bound<'_, PyAny>) -> String {
    let names = || -> PyResult<Vec<String>> {
        let dict = module.getattr("__dict__")?.cast_into::<PyDict>()?;
        let own = dict
            .iter()
            .filter(|(_, value)| value.is_callable() && !value.is_instance_of::<PyModule>());
        let names = own.filter_map(|(name, _)| name.extract::<String>().ok());
        Ok(names
            .filter(|name| !name.starts_with('_'))
            .take(20)
            .collect())
    };
    match names().unwrap_or_default().as_slice() {
        [] => "it defines nothing callable".to_owned(),
        names => format!("it defines {}: name one as FILE:NAME", names.join(", ")),
    }
}
