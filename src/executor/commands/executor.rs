//! The executor: one request, one application, one answer, whichever door the request came by.
//!
//! Its state is here and in `process::last_resort`. All settings are decided before.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow};

use crate::python::{
    self, Application, Failure, Gateway, Inspection, Interpreter, Loaded, OnHandlerCall, Outcome,
    Prepared,
};
use doors::incident::Incident;
use doors::open_exchange::start_time;
use doors::record::Recorder;
use exchange::{Event, MetaVariables, Request, Responder, SharedBody};
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use process::signals;
use settings::config::{Config, Source};
use settings::permissions::why_out_of_reach;
use settings::python::Packages;

const NO_ANSWER: &str = "the script did not answer the request: it must define an application, or run a WSGI \
                         handler once, in the main thread";

/// A running interpreter with the packages of one application, which may not be loaded yet.
pub(super) struct Executor {
    packages: Packages,
    interpreter: Interpreter,
    inspection: Inspection,
    prepared: Option<Prepared>,
    /// Whether to log why the end takes long.
    explains: bool,
    /// Called once the client has its answer.
    answered: Option<Box<dyn FnOnce() + Send>>,
}

/// What the interpreter has to know of how it was started.
#[derive(Clone, Debug)]
pub(super) struct StartInfo {
    program: PathBuf,
    has_language: bool,
}

impl StartInfo {
    pub(super) fn of(handed_on: &HandedOn) -> Self {
        Self {
            program: handed_on.program.clone(),
            has_language: handed_on.has_language,
        }
    }
}

/// An exchange that has begun.
pub(super) struct RunningExchange {
    pub(super) gateway: Arc<Gateway>,
    body: SharedBody,
    recorder: Option<Recorder>,
    /// Called once the client has its answer.
    pub(super) answered: Option<Box<dyn FnOnce() + Send>>,
}

impl RunningExchange {
    pub(super) fn begin(
        request: &Request,
        responder: Responder,
        incident: Incident,
        recorder: Option<Recorder>,
        inspection: Inspection,
    ) -> Self {
        Self {
            gateway: Gateway::new(responder, request, inspection, Box::new(incident)),
            body: request.body.clone(),
            recorder,
            answered: None,
        }
    }

    /// Ends the exchange: logs a body that was too short, completes the recording, and closes the
    /// server's pipes.
    pub(super) fn end(self, status: Option<u16>, outcome: Outcome) {
        if let Some(missing) = self.body.lock().ok().and_then(|body| body.missing()) {
            report::log(&format!(
                "the request body is {missing} bytes shorter than its CONTENT_LENGTH"
            ));
        }
        if let Some(recorder) = self.recorder {
            recorder.ended(status, outcome == Outcome::Failed, &self.body);
        }
    }
}

impl Executor {
    /// Starts the time limit of the exchange and the interpreter.
    pub(super) fn start(
        config: &Config,
        meta: &MetaVariables,
        start_info: &StartInfo,
        inspection: Inspection,
    ) -> Result<Self> {
        start_time(config)?;
        Self::ready(config, meta, start_info, inspection)
    }

    /// Changes to the working directory.
    pub(super) fn change_folder(config: &Config) -> Result<()> {
        if let Some(folder) = &config.chdir {
            std::env::set_current_dir(folder).map_err(|error| {
                let why = why_out_of_reach(folder, &[]).unwrap_or_else(|| error.to_string());
                anyhow!(
                    "cannot change to the folder `{}` (--chdir): {why}",
                    folder.display()
                )
            })?;
        }
        Ok(())
    }

    /// As [`start`](Self::start), before there is a request.
    pub(super) fn ready(
        config: &Config,
        meta: &MetaVariables,
        start_info: &StartInfo,
        inspection: Inspection,
    ) -> Result<Self> {
        if let Some(log) = &config.log {
            report::log_to(log);
        }
        Self::of_exchange(config, meta, start_info, inspection)
    }

    /// The same for an exchange whose log is already open.
    pub(super) fn of_exchange(
        config: &Config,
        meta: &MetaVariables,
        start_info: &StartInfo,
        inspection: Inspection,
    ) -> Result<Self> {
        Self::change_folder(config)?;
        let virtual_env = meta.get_redirected("VIRTUAL_ENV").map(OsStr::from_bytes);
        let packages = Packages::find(config, virtual_env.map(Path::new), &start_info.program)?;
        let argument = match &config.app.source {
            Source::File(path) => path.as_os_str().to_owned(),
            Source::Module(_) | Source::PasteDeploy { .. } => config.app.to_string().into(),
        };
        let interpreter =
            Interpreter::start(&argument, start_info.has_language, inspection.import_times)?;
        python::keep_bytecode(config.cache_dir.clone())?;
        inspection.watch.tell(Event::InterpreterStarted);
        Ok(Self {
            packages,
            interpreter,
            inspection,
            prepared: None,
            explains: config.debug,
            answered: None,
        })
    }

    /// Prepares this process to be forked, with the application loaded if `loaded`.
    pub(super) fn prepare(&mut self, config: &Config, loaded: bool) -> Result<(), Failure> {
        self.prepared = Some(python::prepare(config, &self.packages, loaded, None)?);
        Ok(())
    }

    /// Loads the application for an image. If the script runs a handler itself, the image is made by
    /// `on_handler_call`, during that call. In a process restored from there, returns how the exchange ended.
    pub(super) fn prepare_image(
        &mut self,
        config: &Config,
        on_handler_call: OnHandlerCall,
    ) -> Result<Option<Outcome>, Failure> {
        let prepared = python::prepare(config, &self.packages, true, Some(on_handler_call))?;
        let outcome = match prepared {
            Prepared::Answered(outcome) => Some(outcome),
            Prepared::Ready | Prepared::Loaded(_) => None,
        };
        self.prepared = Some(prepared);
        Ok(outcome)
    }

    /// The application, if it is loaded.
    pub(super) fn application(&self) -> Option<&Application> {
        match &self.prepared {
            Some(Prepared::Loaded(application)) => Some(application),
            _ => None,
        }
    }

    /// The files that the choice of packages depends on.
    pub(super) fn deciding_files(&self, config: &Config) -> Vec<std::path::PathBuf> {
        self.packages.deciding_files(config)
    }

    /// Sets what to call once the client has its answer, before Python ends.
    pub(super) fn once_answered(&mut self, what: Box<dyn FnOnce() + Send>) {
        self.answered = Some(what);
    }

    /// Ends the interpreter without an answer.
    pub(super) fn end(self) {
        drop(self.prepared);
        _ = self.interpreter.finish(false);
    }

    /// Prints the environ that the application would get, without loading it.
    pub(super) fn print_environ(self, request: &Request, to: &mut impl Write) -> Result<()> {
        let shown = python::attach(|py| {
            python::shown_environ(py, &request.meta, &request.body).map_err(|e| e.to_string())
        });
        for line in shown.map_err(anyhow::Error::msg)? {
            writeln!(to, "{line}")?;
        }
        _ = self.interpreter.finish(false);
        Ok(())
    }

    /// Loads the application, calls it, and ends the interpreter once the client has its answer.
    pub(super) fn answer(
        mut self,
        config: &Config,
        request: &Request,
        responder: Responder,
        incident: Incident,
        recorder: Option<Recorder>,
    ) -> Exit {
        let inspection = std::mem::take(&mut self.inspection);
        let watch = inspection.watch.clone();
        let is_profiled = inspection.profile;
        let mut underway =
            RunningExchange::begin(request, responder, incident, recorder, inspection);
        underway.answered = self.answered.take();
        let gateway = &underway.gateway;
        let outcome = python::attach(|py| {
            let prepared = self.prepared.as_ref();
            if is_profiled {
                python::begin_profile(py);
            }
            let outcome = match python::load(py, config, &self.packages, gateway, prepared) {
                Ok(Loaded::Application(application)) => {
                    watch.tell(Event::ApplicationLoaded);
                    gateway.answer(py, &application, &request.meta)
                }
                Ok(Loaded::Answered(outcome)) => outcome,
                Ok(Loaded::NeedsRequest) => gateway.fail(py, &Failure::new(500, NO_ANSWER)),
                Err(failure) => gateway.fail(py, &failure),
            };
            if is_profiled {
                python::end_profile(py);
            }
            outcome
        });
        self.conclude(underway, outcome)
    }

    /// Ends the exchange of a script that ran a handler itself, in a process restored from its image.
    pub(super) fn conclude_prepared(
        self,
        underway: RunningExchange,
        prepared: Result<Option<Outcome>, Failure>,
    ) -> Exit {
        let outcome = match prepared {
            Ok(Some(outcome)) => outcome,
            Ok(None) => underway.gateway.fail_with(&Failure::new(500, NO_ANSWER)),
            Err(failure) => underway.gateway.fail_with(&failure),
        };
        self.conclude(underway, outcome)
    }

    /// Ends the exchange and the interpreter.
    pub(super) fn conclude(mut self, mut underway: RunningExchange, outcome: Outcome) -> Exit {
        let watch = underway.gateway.watch().clone();
        let status = python::attach(|py| {
            // A reference to the application would keep its module from being finalised.
            drop(self.prepared.take());
            underway.gateway.status(py)
        });
        let answered = underway.answered.take();
        underway.end(status, outcome);
        if let (Some(what), Outcome::Answered) = (answered, outcome) {
            what();
        }
        let flushed = self.interpreter.finish(self.explains);
        watch.tell(Event::InterpreterEnded);
        match outcome {
            _ if signals::stopping() => signals::exit_when_stopped(),
            Outcome::Answered | Outcome::ClientGone if flushed => Exit::Success,
            _ => Exit::Failure,
        }
    }
}
