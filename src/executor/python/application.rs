//! Finding and loading the application: the module, then the callable in it.

use std::path::Path;
use std::sync::Arc;

use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arenas;
use super::callable::{Wrong, callable};
use super::collection::Collection;
use super::failure::Failure;
use super::gateway::{Gateway, Outcome};
use super::interpreter;
use super::loading::{self, Inside, Loading, MainGuard, Seen};
use super::script_file;
use super::worker::Ahead;
use settings::config::{App, Config, Source};
use settings::python::Packages;

/// An application that is loaded, whoever has the interpreter.
pub type Application = Py<PyAny>;

/// What loading came to.
pub enum Loaded<'py> {
    /// An application to call.
    Application(Bound<'py, PyAny>),
    /// A script that handed its application to a handler of the standard library's itself.
    Answered(Outcome),
    /// One that would have, but for a request.
    Later,
}

/// Readies the interpreter and loads the application of `config`, but for what was done ahead.
///
/// # Errors
/// With what is wrong and what can be done about it.
pub fn load<'py>(
    py: Python<'py>,
    config: &Config,
    packages: &Packages,
    gateway: &Arc<Gateway>,
    ahead: Option<&Ahead>,
) -> Result<Loaded<'py>, Failure> {
    match ahead {
        Some(Ahead::Loaded(application)) => {
            let failed = |error| Failure::of(py, &error, "the image cannot go on");
            loading::come(py).map_err(failed)?;
            loading::connect(py, || gateway.input(py)).map_err(failed)?;
            return Ok(Loaded::Application(application.bind(py).clone()));
        }
        Some(Ahead::Answered(outcome)) => return Ok(Loaded::Answered(*outcome)),
        Some(Ahead::Ready) => {}
        None => ready(py, config)?,
    }
    find(py, config, packages, Some(gateway), None)
}

/// Readies the interpreter for one exchange.
pub(super) fn ready(py: Python<'_>, config: &Config) -> Result<(), Failure> {
    let failed = |error| Failure::of(py, &error, "Python cannot be readied");
    interpreter::make_ready(py, config.timeout.is_some()).map_err(failed)
}

/// Loads the application before there is a request, but for one that cannot be, as it is answered by
/// what it does while it is loaded. An image of that is made `inside` the call that would answer.
pub(super) fn load_ahead(
    py: Python<'_>,
    config: &Config,
    packages: &Packages,
    inside: Option<Inside>,
) -> Result<Ahead, Failure> {
    Ok(match find(py, config, packages, None, inside)? {
        Loaded::Application(application) => Ahead::Loaded(application.unbind()),
        Loaded::Answered(outcome) => Ahead::Answered(outcome),
        Loaded::Later => Ahead::Ready,
    })
}

/// Finds the application. Without a gateway nothing can be answered yet.
fn find<'py>(
    py: Python<'py>,
    config: &Config,
    packages: &Packages,
    gateway: Option<&Arc<Gateway>>,
    inside: Option<Inside>,
) -> Result<Loaded<'py>, Failure> {
    let what = format!("`{}` cannot be loaded", config.app);
    let failed = |error: PyErr| Failure::of_import(py, &error, &what, config, packages);
    extend_path(py, config).map_err(failed)?;
    let file = match &config.app.source {
        Source::File(file) => Some(std::path::absolute(file).unwrap_or_else(|_| file.clone())),
        Source::Module(_) | Source::PasteDeploy { .. } => None,
    };
    let collection = Collection::hold(py).map_err(failed)?;
    let script_name = config.script_name.as_deref();
    let answers = gateway.is_some() || inside.is_some();
    let loading =
        Loading::begin(py, gateway, script_name, file.as_deref(), inside).map_err(failed)?;
    let came = match &config.app.source {
        Source::PasteDeploy { file, name } => {
            load_paste_deploy(py, file, name.as_deref()).map_err(Wrong::Raised)
        }
        Source::Module(name) => load_module(py, name, &config.app),
        Source::File(_) => load_file(
            py,
            file.as_deref().unwrap_or(Path::new("")),
            &config.app,
            answers,
            |code| loading.foresee(code),
            || loading.outcome().is_some(),
        ),
    };
    let seen = loading.end().map_err(failed)?;
    let loaded = judge(py, config, seen, came, &failed)?;
    collection.release(py).map_err(failed)?;
    arenas::loading_has_ended();
    Ok(loaded)
}

/// What loading came to, from what came of it and what was seen meanwhile.
fn judge<'py>(
    py: Python<'py>,
    config: &Config,
    mut seen: Seen,
    came: Result<Bound<'py, PyAny>, Wrong>,
    failed: &dyn Fn(PyErr) -> Failure,
) -> Result<Loaded<'py>, Failure> {
    let is_exit =
        |wrong: &Wrong| matches!(wrong, Wrong::Raised(e) if e.is_instance_of::<PySystemExit>(py));
    if came.as_ref().is_err_and(is_exit) {
        seen.refused = seen.refused.or(seen.bound.take());
    }
    if let Some(what) = seen.looked {
        return Err(Failure::new(500, what));
    }
    match (seen, came) {
        (
            Seen {
                outcome: Some(outcome),
                ..
            },
            came,
        ) => {
            if let Err(Wrong::Raised(error)) = came
                && !is_usual_end(py, &error)
            {
                // What comes after the answer is the script's own affair, as it was before.
                let failure = Failure::of(py, &error, "after the answer, the script raised");
                process::report::log(&failure.summary);
            }
            Ok(Loaded::Answered(outcome))
        }
        (seen, _) if seen.answers_itself => Ok(Loaded::Later),
        (_, Err(Wrong::Raised(error))) if loading::has_no_request(py, &error) => {
            Err(Failure::new(500, error.value(py).to_string()))
        }
        (
            Seen {
                printed: Some(printed),
                ..
            },
            came,
        ) if came
            .as_ref()
            .err()
            .is_none_or(|wrong| is_exit(wrong) || matches!(wrong, Wrong::Said(_))) =>
        {
            let what = loading::say_what_it_is(&config.app, &printed, came.ok().as_ref());
            Err(Failure::new(500, what))
        }
        (
            Seen {
                refused: Some(sentence),
                ..
            },
            Err(wrong),
        ) if is_exit(&wrong) || wrong.is_of(py, &sentence) => Err(loading::of_refused(
            wrong.explain(failed),
            &config.app,
            &sentence,
        )),
        (_, Err(wrong)) => Err(wrong.explain(failed)),
        (_, Ok(application)) => match loading::asynchronous(&config.app, &application) {
            Ok(None) => Ok(Loaded::Application(application)),
            Ok(Some(sentence)) => Err(Failure::new(500, sentence)),
            Err(error) => Err(failed(error)),
        },
    }
}

fn load_module<'py>(py: Python<'py>, name: &str, app: &App) -> Result<Bound<'py, PyAny>, Wrong> {
    let module = py.import(name).map_err(|error| {
        if Path::new(&format!("{name}.py")).exists() {
            Wrong::Hinted(error, " (for the file, write it with its folder or ending)")
        } else {
            Wrong::Raised(error)
        }
    })?;
    callable(py, module.as_any(), app)
}

/// Runs the script, and what stands behind its main guard where that is what answers, or is needed to
/// find out what the script is.
fn load_file<'py>(
    py: Python<'py>,
    file: &Path,
    app: &App,
    answers: bool,
    foresee: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<()>,
    is_answered: impl Fn() -> bool,
) -> Result<Bound<'py, PyAny>, Wrong> {
    let script = script_file::run(py, file, foresee)?;
    let found = script
        .ended
        .map_err(Wrong::Raised)
        .and_then(|()| callable(py, &script.module, app));
    let is_missing = matches!(found, Err(Wrong::Said(_)));
    if is_answered() || app.callable.is_some() || !(found.is_ok() || is_missing) {
        return found;
    }
    let Some(guard) = MainGuard::of(&script.module, &script.code, file)? else {
        return found;
    };
    if is_missing && guard.mentions("execute_from_command_line")? {
        return Err(Wrong::Said(loading::of_django(app, file)));
    }
    // Without a request it would do in vain whatever it does.
    let is_needed = is_missing && answers;
    if !is_needed && !guard.answers()? {
        return found;
    }
    if found.is_ok() {
        guard.try_to_run()?;
        return found;
    }
    guard.run()?;
    if is_missing && !is_answered() {
        return callable(py, &script.module, app);
    }
    found
}

/// `sys.exit()`, or with 0.
fn is_usual_end(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PySystemExit>(py)
        && error
            .value(py)
            .getattr("code")
            .is_ok_and(|code| code.is_none() || code.eq(0).unwrap_or(false))
}

/// The application's own folder comes first, then those that were named. Where a file is a link,
/// the real one's comes too: Python itself has a script's modules there.
fn extend_path(py: Python<'_>, config: &Config) -> PyResult<()> {
    let path = py.import("sys")?.getattr("path")?;
    let mut own = vec![config.app.folder()];
    if let Source::File(file) = &config.app.source
        && file.is_symlink()
        && let Ok(real) = file.canonicalize()
    {
        own.extend(real.parent().map(Path::to_owned));
    }
    for (place, folder) in own.iter().chain(&config.python_path).enumerate() {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        path.call_method1("insert", (place, folder.as_os_str()))?;
    }
    Ok(())
}

fn load_paste_deploy<'py>(
    py: Python<'py>,
    file: &Path,
    name: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let uri = format!("config:{}", file.display());
    let named = PyDict::new(py);
    named.set_item("name", name)?;
    py.import("paste.deploy")?
        .getattr("loadapp")?
        .call((uri,), Some(&named))
}
