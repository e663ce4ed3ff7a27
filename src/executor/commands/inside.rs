//! A Python that is running already: a script that its host starts with a Python of the host's own hands
//! its application over, as it would to the standard library's handler. It is the same exchange; what comes
//! before a Python (an image, the choice of it, one that cannot start, a process that waits beside this
//! one) is not here, and that Python's end is its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;

use super::executor::{Executor, Underway};
use crate::python::{self, Inspection, Outcome};
use doors::incident::Incident;
use doors::opened::open;
use exchange::{Failure, MetaVariables};
use process::arrival::Arrival;
use process::{clock, descriptors, report, signals};
use settings::config::{self, App, Config, Source};
use settings::options::CgiOptions;

/// Whether this process has had its request.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// Answers the request in the environment with that application; whether it has an answer that is no
/// failure. Settings are the environment's and the script's own.
///
/// # Errors
/// Where there is no request, or the server's pipes cannot be taken.
pub(crate) fn answer(application: &Bound<'_, PyAny>, script: Option<PathBuf>) -> PyResult<bool> {
    let arrival = Arrival {
        began: clock::now(),
        ..Arrival::default()
    };
    let meta = MetaVariables::from_environment();
    if !meta.are_of_cgi() {
        return Err(PyRuntimeError::new_err(
            "there is no request: a web server describes one in the environment (GATEWAY_INTERFACE, \
             REQUEST_METHOD). To see what this script answers: `wsgi-cgi request SCRIPT`",
        ));
    }
    if BEGUN.swap(true, Ordering::AcqRel) {
        return Err(PyRuntimeError::new_err(
            "this request has been answered already",
        ));
    }
    let private = descriptors::take().map_err(|error| {
        PyOSError::new_err(format!("the server's pipes cannot be taken: {error}"))
    })?;
    std::panic::set_hook(Box::new(|panic| {
        report::log(&format!("a fault of wsgi-cgi: {panic}"));
    }));
    let py = application.py();
    flush(py);
    let incident = Incident::new(&meta);
    let is_nph = config::is_nph(&meta);
    // In an archive that Python runs there is no file of that name.
    let script = script.filter(|script| script.is_file());
    let app = script.map_or_else(in_no_file, App::file);
    let decided = Config::decide(CgiOptions::default(), &meta, app);
    let Ok(opened) = open(meta, private, incident, is_nph, decided, &arrival) else {
        return Ok(false);
    };
    let ready = Executor::change_folder(&opened.config).and_then(|()| {
        python::make_ready(py, opened.config.timeout.is_some()).map_err(|error| anyhow!("{error}"))
    });
    if let Err(error) = ready {
        opened.fail(&Failure::new(500, format!("{error:#}")));
        return Ok(false);
    }
    let underway = Underway::begin(
        &opened.request,
        opened.responder,
        opened.incident,
        opened.recorder,
        Inspection::default(),
    );
    let outcome = underway
        .gateway
        .answer(py, application, &opened.request.meta);
    let status = underway.gateway.status(py);
    underway.end(status, outcome);
    Ok(outcome != Outcome::Failed && !signals::stopping())
}

/// What was printed before belongs into the log, where it goes from now on; a stream that is closed has nothing.
fn flush(py: Python<'_>) {
    for name in ["stdout", "stderr"] {
        let stream = py.import("sys").and_then(|sys| sys.getattr(name));
        _ = stream.and_then(|stream| stream.call_method0("flush"));
    }
}

/// The application of a Python that runs no script.
fn in_no_file() -> App {
    App {
        source: Source::Module("__main__".into()),
        callable: None,
    }
}
