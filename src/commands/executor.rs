//! The executor: one request, one application, one answer, whichever door the request came by.
//!
//! Its state is here and in `process::last_resort`; everything it needs is decided before.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use super::incident::Incident;
use crate::config::{Config, Source};
use crate::exchange::{MetaVariables, Request, Responder};
use crate::process::{descriptors, signals};
use crate::python::{self, Failure, Gateway, Interpreter, Loaded, Outcome, Packages};
use crate::report::{self, Exit};

/// A running interpreter with the packages of one application, which is not loaded yet.
pub(super) struct Executor {
    packages: Packages,
    interpreter: Interpreter,
}

impl Executor {
    /// Readies what the application will find, and starts the interpreter.
    pub(super) fn start(config: &Config, meta: &MetaVariables) -> Result<Self> {
        if let Some(log) = &config.log {
            match descriptors::log_to(log) {
                Ok(()) => report::stamp_entries(),
                Err(error) => {
                    let path = log.display();
                    report::log_error(
                        &anyhow!(error).context(format!("`{path}` cannot be written")),
                    );
                }
            }
        }
        if let Some(folder) = &config.chdir {
            std::env::set_current_dir(folder)
                .with_context(|| format!("cannot change to the folder `{}`", folder.display()))?;
        }
        if let Some(timeout) = config.timeout {
            signals::start_timeout(timeout).context("--timeout cannot be kept")?;
        }
        let virtual_env = meta.get_redirected("VIRTUAL_ENV").map(OsStr::from_bytes);
        let packages = Packages::find(config, virtual_env.map(Path::new))?;
        let argument = match &config.app.source {
            Source::File(path) => path.as_os_str().to_owned(),
            Source::Module(_) | Source::PasteDeploy { .. } => config.app.to_string().into(),
        };
        let interpreter = Interpreter::start(&packages, &argument)?;
        Ok(Self {
            packages,
            interpreter,
        })
    }

    /// Loads the application, calls it, and ends the interpreter once the client has its answer.
    pub(super) fn answer(
        self,
        config: &Config,
        request: &Request,
        responder: Responder,
        incident: Incident,
    ) -> Exit {
        let on_failure = move |failure: &Failure, responder: &mut Responder| {
            incident.report(failure, responder);
        };
        let gateway = Gateway::new(responder, request, Box::new(on_failure));
        let outcome =
            python::attach(
                |py| match python::load(py, config, &self.packages, &gateway) {
                    Ok(Loaded::Application(application)) => {
                        gateway.answer(py, &application, &request.meta)
                    }
                    Ok(Loaded::Answered(outcome)) => outcome,
                    Err(failure) => gateway.fail(py, &failure),
                },
            );
        if let Some(missing) = request.body.lock().ok().and_then(|body| body.missing()) {
            report::log(&format!(
                "the request's body ended {missing} bytes before its CONTENT_LENGTH"
            ));
        }
        drop(gateway);
        let flushed = self.interpreter.finish();
        match outcome {
            _ if signals::stopping() => Exit::Terminated,
            Outcome::Answered | Outcome::ClientGone if flushed => Exit::Success,
            _ => Exit::Failure,
        }
    }
}
