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
use super::loading::{self, Loading, MainGuard, OnHandlerCall, Seen};
use super::script_file;
use super::worker::Prepared;
use process::signals;
use settings::config::{App, Config, Source};
use settings::python::Packages;

/// A loaded application.
pub type Application = Py<PyAny>;

/// The result of loading.
pub enum Loaded<'py> {
    /// An application to call.
    Application(Bound<'py, PyAny>),
    /// A script that passed its application to a handler of the standard library, which was answered.
    Answered(Outcome),
    /// A script that did so while there was no request yet.
    NeedsRequest,
}

/// Prepares the interpreter and loads the application of `config`, unless that was done in advance
/// (`prepared`).
///
/// # Errors
/// With what is wrong and what can be done about it.
pub fn load<'py>(
    py: Python<'py>,
    config: &Config,
    packages: &Packages,
    gateway: &Arc<Gateway>,
    prepared: Option<&Prepared>,
) -> Result<Loaded<'py>, Failure> {
    match prepared {
        Some(Prepared::Loaded(application)) => {
            let what = "the process restored from the image failed to start";
            let failed = |error| Failure::of(py, &error, what);
            loading::fill_in_request(py).map_err(failed)?;
            loading::connect(py, || gateway.input(py)).map_err(failed)?;
            return Ok(Loaded::Application(application.bind(py).clone()));
        }
        Some(Prepared::Answered(outcome)) => return Ok(Loaded::Answered(*outcome)),
        Some(Prepared::Ready) => {}
        None => ready(py, config)?,
    }
    find(py, config, packages, Some(gateway), None)
}

/// Prepares the interpreter for one exchange.
pub(super) fn ready(py: Python<'_>, config: &Config) -> Result<(), Failure> {
    let failed = |error| Failure::of(py, &error, "cannot prepare Python for the request");
    interpreter::make_ready(py, config.timeout.is_some()).map_err(failed)
}

/// Loads the application before there is a request. A script that runs a handler itself while it is
/// loaded cannot be loaded without one; an image of it is made by `on_handler_call`, during that call.
pub(super) fn load_early(
    py: Python<'_>,
    config: &Config,
    packages: &Packages,
    on_handler_call: Option<OnHandlerCall>,
) -> Result<Prepared, Failure> {
    Ok(match find(py, config, packages, None, on_handler_call)? {
        Loaded::Application(application) => Prepared::Loaded(application.unbind()),
        Loaded::Answered(outcome) => Prepared::Answered(outcome),
        Loaded::NeedsRequest => Prepared::Ready,
    })
}

/// Finds the application. Without a gateway nothing can be answered yet.
fn find<'py>(
    py: Python<'py>,
    config: &Config,
    packages: &Packages,
    gateway: Option<&Arc<Gateway>>,
    on_handler_call: Option<OnHandlerCall>,
) -> Result<Loaded<'py>, Failure> {
    let what = format!("`{}` cannot be loaded", config.app);
    let failed = |error: PyErr| {
        if error.is_instance_of::<PySystemExit>(py) && signals::stopping() {
            return Failure::stopped();
        }
        Failure::of_import(py, &error, &what, config, packages)
    };
    extend_path(py, config).map_err(failed)?;
    let file = match &config.app.source {
        Source::File(file) => Some(std::path::absolute(file).unwrap_or_else(|_| file.clone())),
        Source::Module(_) | Source::PasteDeploy { .. } => None,
    };
    let collection = Collection::disable(py).map_err(failed)?;
    let script_name = config.script_name.as_deref();
    let answers = gateway.is_some() || on_handler_call.is_some();
    let loading = Loading::begin(py, gateway, script_name, file.as_deref(), on_handler_call)
        .map_err(failed)?;
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
            |code| loading.replace_stdin_early(code),
            || loading.outcome().is_some(),
        ),
    };
    let seen = loading.end().map_err(failed)?;
    let loaded = judge(py, config, seen, came, &failed)?;
    collection.release(py).map_err(failed)?;
    arenas::loading_has_ended();
    Ok(loaded)
}

/// Decides on the result, from what loading returned and what was observed meanwhile.
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
                // What the script does after the answer is its own business; the log has it.
                let what = "the script raised an exception after the answer";
                let failure = Failure::of(py, &error, what);
                process::report::log(&failure.summary);
            }
            Ok(Loaded::Answered(outcome))
        }
        (seen, _) if seen.answers_itself => Ok(Loaded::NeedsRequest),
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
            let what = loading::explain_printed_answer(&config.app, &printed, came.ok().as_ref());
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
        (_, Ok(application)) => match loading::explain_asgi(&config.app, &application) {
            Ok(None) => Ok(Loaded::Application(application)),
            Ok(Some(sentence)) => Err(Failure::new(500, sentence)),
            Err(error) => Err(failed(error)),
        },
    }
}

fn load_module<'py>(py: Python<'py>, name: &str, app: &App) -> Result<Bound<'py, PyAny>, Wrong> {
    let module = py.import(name).map_err(|error| {
        let file = format!("{name}.py");
        if Path::new(&file).exists() {
            Wrong::Hinted(error, format!(" (to load the file, write `{file}`)"))
        } else {
            Wrong::Raised(error)
        }
    })?;
    callable(py, module.as_any(), app)
}

/// Runs the script. Its main guard is run too if a handler is called there, or if the script defines no
/// application.
fn load_file<'py>(
    py: Python<'py>,
    file: &Path,
    app: &App,
    answers: bool,
    replace_stdin_early: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<()>,
    is_answered: impl Fn() -> bool,
) -> Result<Bound<'py, PyAny>, Wrong> {
    let script = script_file::run(py, file, replace_stdin_early)?;
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
        return Err(Wrong::Said(loading::explain_django(app, file)));
    }
    // Without a request the main guard would run for nothing.
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

/// Whether the script ended with `sys.exit()` or `sys.exit(0)`.
fn is_usual_end(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PySystemExit>(py)
        && error
            .value(py)
            .getattr("code")
            .is_ok_and(|code| code.is_none() || code.eq(0).unwrap_or(false))
}

/// Puts the application's folder first on `sys.path`, then the folders named with --python-path. If the
/// file is a symbolic link, the folder of its target is added too, as Python does for a script.
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
