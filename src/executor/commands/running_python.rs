//! `wsgi_cgi.run`: answers in a Python that is running already, for scripts that the host starts with
//! its own Python. The exchange is the same; what the program does before Python starts (images,
//! choosing a Python, a page for a Python that cannot start, a process that waits) is missing, and
//! Python ends in its usual way.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;

use super::executor::{Executor, RunningExchange};
use crate::python::{self, Inspection, Outcome};
use doors::incident::Incident;
use doors::open_exchange::open;
use exchange::{Failure, MetaVariables};
use process::arrival::Arrival;
use process::{descriptors, report, signals, times};
use settings::config::{self, App, Config, Source};
use settings::options::CgiOptions;

/// Whether this process has begun to answer.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// Answers the request in the environment with this application. Returns true unless the answer is a
/// failure. Settings come from the environment and the script.
///
/// # Errors
/// If there is no request, if it was answered already, or if standard input and output cannot be taken over.
pub(crate) fn answer(application: &Bound<'_, PyAny>, script: Option<PathBuf>) -> PyResult<bool> {
    let arrival = Arrival {
        began: times::now(),
        ..Arrival::default()
    };
    let meta = MetaVariables::from_environment();
    if !meta.is_cgi_request() {
        return Err(PyRuntimeError::new_err(
            "no request: a web server starts this script and describes the request in the environment \
             (GATEWAY_INTERFACE, REQUEST_METHOD). To see what it answers, run `wsgi-cgi request SCRIPT`",
        ));
    }
    if BEGUN.swap(true, Ordering::AcqRel) {
        return Err(PyRuntimeError::new_err(
            "this request was already answered: the script must run its \
             handler only once",
        ));
    }
    let private = descriptors::take().map_err(|error| {
        PyOSError::new_err(format!(
            "cannot redirect standard input and output: {error}"
        ))
    })?;
    std::panic::set_hook(Box::new(|panic| {
        report::log(&format!("bug in wsgi-cgi: {panic}"));
    }));
    let py = application.py();
    flush(py);
    let incident = Incident::new(&meta);
    let is_nph = config::is_nph(&meta);
    // In a zip archive that Python runs, the script is not a file.
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
    let underway = RunningExchange::begin(
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

/// Flushes what was printed so far, so that it goes to the log. A closed stream is ignored.
fn flush(py: Python<'_>) {
    for name in ["stdout", "stderr"] {
        let stream = py.import("sys").and_then(|sys| sys.getattr(name));
        _ = stream.and_then(|stream| stream.call_method0("flush"));
    }
}

/// The application if Python runs no script file.
fn in_no_file() -> App {
    App {
        source: Source::Module("__main__".into()),
        callable: None,
    }
}
