//! The executor: one request, one application, one answer, whichever door the request came by.
//!
//! Its state is here and in `process::last_resort`; everything it needs is decided before.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use super::incident::{Incident, Unheard};
use super::record::Recorder;
use crate::config::{Config, Source};
use crate::exchange::{Event, MetaVariables, Request, Responder};
use crate::process::{descriptors, signals};
use crate::python::{
    self, Ahead, Failure, Gateway, Inspection, Interpreter, Loaded, Outcome, Packages,
};
use crate::report::{self, Exit};

/// A running interpreter with the packages of one application, which is not loaded yet.
pub(super) struct Executor {
    packages: Packages,
    interpreter: Interpreter,
    inspection: Inspection,
    ahead: Option<Ahead>,
    /// What is done once the client has its answer.
    answered: Option<Box<dyn FnOnce()>>,
}

impl Executor {
    /// Readies what the application will find, and starts the interpreter and the time of the
    /// exchange.
    pub(super) fn start(
        config: &Config,
        meta: &MetaVariables,
        inspection: Inspection,
    ) -> Result<Self> {
        Self::start_time(config)?;
        Self::ready(config, meta, inspection)
    }

    /// From now on an exchange takes place.
    pub(super) fn start_time(config: &Config) -> Result<()> {
        match config.timeout {
            Some(timeout) => signals::start_timeout(timeout).context("--timeout cannot be kept"),
            None => Ok(()),
        }
    }

    /// Sees to the error log and the working directory.
    pub(super) fn surround(config: &Config) -> Result<()> {
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
        Ok(())
    }

    /// As [`start`](Self::start), before there is a request.
    pub(super) fn ready(
        config: &Config,
        meta: &MetaVariables,
        inspection: Inspection,
    ) -> Result<Self> {
        Self::surround(config)?;
        let virtual_env = meta.get_redirected("VIRTUAL_ENV").map(OsStr::from_bytes);
        let packages = Packages::find(config, virtual_env.map(Path::new))?;
        let argument = match &config.app.source {
            Source::File(path) => path.as_os_str().to_owned(),
            Source::Module(_) | Source::PasteDeploy { .. } => config.app.to_string().into(),
        };
        let interpreter = Interpreter::start(&packages, &argument, inspection.import_times)?;
        python::keep_bytecode(config.cache_dir.clone())?;
        inspection.watch.tell(Event::InterpreterStarted);
        Ok(Self {
            packages,
            interpreter,
            inspection,
            ahead: None,
            answered: None,
        })
    }

    /// Readies what other processes will go on from, with the application if that is to be loaded.
    pub(super) fn prepare(&mut self, config: &Config, loaded: bool) -> Result<(), Failure> {
        self.ahead = Some(python::prepare(config, &self.packages, loaded, false)?);
        Ok(())
    }

    /// Loads the application for an image.
    pub(super) fn prepare_image(&mut self, config: &Config) -> Result<(), Failure> {
        self.ahead = Some(python::prepare(config, &self.packages, true, true)?);
        Ok(())
    }

    /// Sends a request through the application whose answer nobody reads, for what it loads only
    /// then. What comes of it is the application's affair.
    pub(super) fn warm_up(&self, request: &Request, responder: Responder) {
        let inspection = Inspection::default();
        let gateway = Gateway::new(responder, request, inspection, Box::new(Unheard));
        python::attach(|py| {
            if let Some(Ahead::Loaded(application) | Ahead::Taken(application)) = &self.ahead {
                gateway.answer(py, application.bind(py), &request.meta);
            }
        });
    }

    /// The files that the choice of packages rests on.
    pub(super) fn rests_on(&self, config: &Config) -> Vec<std::path::PathBuf> {
        self.packages.rests_on(config)
    }

    /// Whether the application is loaded.
    pub(super) fn is_loaded(&self) -> bool {
        matches!(self.ahead, Some(Ahead::Loaded(_) | Ahead::Taken(_)))
    }

    /// Has something done once the client has its answer, before Python comes to its end.
    pub(super) fn once_answered(&mut self, what: Box<dyn FnOnce()>) {
        self.answered = Some(what);
    }

    /// Ends an interpreter that has nothing to answer.
    pub(super) fn end(self) {
        drop(self.ahead);
        _ = self.interpreter.finish();
    }

    /// Prints the environ that the application would get; it is not even loaded.
    pub(super) fn print_environ(self, request: &Request, to: &mut impl Write) -> Result<()> {
        let shown = python::attach(|py| {
            python::shown_environ(py, &request.meta, &request.body).map_err(|e| e.to_string())
        });
        for line in shown.map_err(anyhow::Error::msg)? {
            writeln!(to, "{line}")?;
        }
        _ = self.interpreter.finish();
        Ok(())
    }

    /// Loads the application, calls it, and ends the interpreter once the client has its answer.
    pub(super) fn answer(
        mut self,
        config: &Config,
        request: &Request,
        responder: Responder,
        incident: Incident,
        recorder: Option<&Recorder>,
    ) -> Exit {
        let watch = self.inspection.watch.clone();
        let gateway = Gateway::new(responder, request, self.inspection, Box::new(incident));
        let (outcome, status) = python::attach(|py| {
            let ahead = self.ahead.as_ref();
            let outcome = match python::load(py, config, &self.packages, &gateway, ahead) {
                Ok(Loaded::Application(application)) => {
                    watch.tell(Event::ApplicationLoaded);
                    gateway.answer(py, &application, &request.meta)
                }
                Ok(Loaded::Taken(application, meta)) => {
                    watch.tell(Event::ApplicationLoaded);
                    gateway.answer(py, &application, &meta)
                }
                Ok(Loaded::Answered(outcome)) => outcome,
                Ok(Loaded::Later(_)) => {
                    gateway.fail(py, &Failure::new(500, "the script answers no request"))
                }
                Err(failure) => gateway.fail(py, &failure),
            };
            // Whoever keeps the application keeps what its module has from being finalised.
            drop(self.ahead.take());
            (outcome, gateway.status(py))
        });
        if let Some(missing) = request.body.lock().ok().and_then(|body| body.missing()) {
            report::log(&format!(
                "the request's body ended {missing} bytes before its CONTENT_LENGTH"
            ));
        }
        if let Some(recorder) = recorder {
            recorder.ended(status, outcome == Outcome::Failed, &request.body);
        }
        drop(gateway);
        if let (Some(what), Outcome::Answered) = (self.answered.take(), outcome) {
            what();
        }
        let flushed = self.interpreter.finish();
        watch.tell(Event::InterpreterEnded);
        match outcome {
            _ if signals::stopping() => signals::exit_when_stopped(),
            Outcome::Answered | Outcome::ClientGone if flushed => Exit::Success,
            _ => Exit::Failure,
        }
    }
}
