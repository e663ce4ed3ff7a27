//! The executor: one request, one application, one answer, whichever door the request came by.
//!
//! Its state is here and in `process::last_resort`; everything it needs is decided before.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow};

use crate::python::{
    self, Ahead, Application, Failure, Gateway, Inside, Inspection, Interpreter, Loaded, Outcome,
};
use doors::incident::Incident;
use doors::opened::start_time;
use doors::record::Recorder;
use exchange::{Event, MetaVariables, Request, Responder, SharedBody};
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use process::signals;
use settings::config::{Config, Source};
use settings::python::Packages;
use settings::reach::why_out_of_reach;

/// A running interpreter with the packages of one application, which is not loaded yet.
pub(super) struct Executor {
    packages: Packages,
    interpreter: Interpreter,
    inspection: Inspection,
    ahead: Option<Ahead>,
    /// Whether the log has what takes time after the answer.
    explains: bool,
    /// What is done once the client has its answer.
    answered: Option<Box<dyn FnOnce() + Send>>,
}

/// What the interpreter is to know of the process that it was started in.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    program: PathBuf,
    has_language: bool,
}

impl Surroundings {
    pub(super) fn of(handed_on: &HandedOn) -> Self {
        Self {
            program: handed_on.program.clone(),
            has_language: handed_on.has_language,
        }
    }
}

/// An exchange that has its application.
pub(super) struct Underway {
    pub(super) gateway: Arc<Gateway>,
    body: SharedBody,
    recorder: Option<Recorder>,
    /// What is done once the client has its answer.
    pub(super) answered: Option<Box<dyn FnOnce() + Send>>,
}

impl Underway {
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

    /// Ends an exchange that ended so, and was answered with that status: the server's pipes are let go.
    pub(super) fn end(self, status: Option<u16>, outcome: Outcome) {
        if let Some(missing) = self.body.lock().ok().and_then(|body| body.missing()) {
            report::log(&format!(
                "the request's body ended {missing} bytes before its CONTENT_LENGTH"
            ));
        }
        if let Some(recorder) = self.recorder {
            recorder.ended(status, outcome == Outcome::Failed, &self.body);
        }
    }
}

impl Executor {
    /// Readies what the application will find, and starts the interpreter and the time of the
    /// exchange.
    pub(super) fn start(
        config: &Config,
        meta: &MetaVariables,
        surroundings: &Surroundings,
        inspection: Inspection,
    ) -> Result<Self> {
        start_time(config)?;
        Self::ready(config, meta, surroundings, inspection)
    }

    /// Sees to the working directory.
    pub(super) fn change_folder(config: &Config) -> Result<()> {
        if let Some(folder) = &config.chdir {
            std::env::set_current_dir(folder).map_err(|error| {
                let why = why_out_of_reach(folder, &[]).unwrap_or_else(|| error.to_string());
                anyhow!("cannot change to the folder `{}`: {why}", folder.display())
            })?;
        }
        Ok(())
    }

    /// As [`start`](Self::start), before there is a request.
    pub(super) fn ready(
        config: &Config,
        meta: &MetaVariables,
        surroundings: &Surroundings,
        inspection: Inspection,
    ) -> Result<Self> {
        if let Some(log) = &config.log {
            report::log_to(log);
        }
        Self::of_exchange(config, meta, surroundings, inspection)
    }

    /// The same for an exchange that is open, whose log goes where it is to go.
    pub(super) fn of_exchange(
        config: &Config,
        meta: &MetaVariables,
        surroundings: &Surroundings,
        inspection: Inspection,
    ) -> Result<Self> {
        Self::change_folder(config)?;
        let virtual_env = meta.get_redirected("VIRTUAL_ENV").map(OsStr::from_bytes);
        let packages = Packages::find(config, virtual_env.map(Path::new), &surroundings.program)?;
        let argument = match &config.app.source {
            Source::File(path) => path.as_os_str().to_owned(),
            Source::Module(_) | Source::PasteDeploy { .. } => config.app.to_string().into(),
        };
        let interpreter = Interpreter::start(
            &argument,
            surroundings.has_language,
            inspection.import_times,
        )?;
        python::keep_bytecode(config.cache_dir.clone())?;
        inspection.watch.tell(Event::InterpreterStarted);
        Ok(Self {
            packages,
            interpreter,
            inspection,
            ahead: None,
            explains: config.debug,
            answered: None,
        })
    }

    /// Readies what other processes will go on from, with the application if that is to be loaded.
    pub(super) fn prepare(&mut self, config: &Config, loaded: bool) -> Result<(), Failure> {
        self.ahead = Some(python::prepare(config, &self.packages, loaded, None)?);
        Ok(())
    }

    /// Loads the application for an image, which is made `inside` the call of a script that answers
    /// itself. In a process that was restored there, says how the script's exchange ended.
    pub(super) fn prepare_image(
        &mut self,
        config: &Config,
        inside: Inside,
    ) -> Result<Option<Outcome>, Failure> {
        let ahead = python::prepare(config, &self.packages, true, Some(inside))?;
        let outcome = match ahead {
            Ahead::Answered(outcome) => Some(outcome),
            Ahead::Ready | Ahead::Loaded(_) => None,
        };
        self.ahead = Some(ahead);
        Ok(outcome)
    }

    /// The application, where it is loaded.
    pub(super) fn application(&self) -> Option<&Application> {
        match &self.ahead {
            Some(Ahead::Loaded(application)) => Some(application),
            _ => None,
        }
    }

    /// The files that the choice of packages rests on.
    pub(super) fn rests_on(&self, config: &Config) -> Vec<std::path::PathBuf> {
        self.packages.rests_on(config)
    }

    /// Has something done once the client has its answer, before Python comes to its end.
    pub(super) fn once_answered(&mut self, what: Box<dyn FnOnce() + Send>) {
        self.answered = Some(what);
    }

    /// Ends an interpreter that has nothing to answer.
    pub(super) fn end(self) {
        drop(self.ahead);
        _ = self.interpreter.finish(false);
    }

    /// Prints the environ that the application would get; it is not even loaded.
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
        let mut underway = Underway::begin(request, responder, incident, recorder, inspection);
        underway.answered = self.answered.take();
        let gateway = &underway.gateway;
        let outcome = python::attach(|py| {
            let ahead = self.ahead.as_ref();
            match python::load(py, config, &self.packages, gateway, ahead) {
                Ok(Loaded::Application(application)) => {
                    watch.tell(Event::ApplicationLoaded);
                    gateway.answer(py, &application, &request.meta)
                }
                Ok(Loaded::Answered(outcome)) => outcome,
                Ok(Loaded::Later) => {
                    gateway.fail(py, &Failure::new(500, "the script answers no request"))
                }
                Err(failure) => gateway.fail(py, &failure),
            }
        });
        self.conclude(underway, outcome)
    }

    /// Ends the exchange of a script that answered itself, from an image that was `prepared`.
    pub(super) fn conclude_prepared(
        self,
        underway: Underway,
        prepared: Result<Option<Outcome>, Failure>,
    ) -> Exit {
        let outcome = match prepared {
            Ok(Some(outcome)) => outcome,
            Ok(None) => underway
                .gateway
                .fail_with(&Failure::new(500, "the script answers no request")),
            Err(failure) => underway.gateway.fail_with(&failure),
        };
        self.conclude(underway, outcome)
    }

    /// Ends an exchange that ended so, and the interpreter.
    pub(super) fn conclude(mut self, mut underway: Underway, outcome: Outcome) -> Exit {
        let watch = underway.gateway.watch().clone();
        let status = python::attach(|py| {
            // Whoever keeps the application keeps what its module has from being finalised.
            drop(self.ahead.take());
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
