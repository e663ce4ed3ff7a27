//! The call (PEP 3333): the application once, its blocks as they come, `close()` exactly once.
//!
//! Nothing of the transport is known here: a `Request` goes in, a `Responder` is spoken to, in `sending`.

mod sending;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use pyo3::exceptions::{PyBrokenPipeError, PySystemExit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::{MutexExt, PyOnceLock};

use super::allowed_hosts;
use super::application::Application;
use super::environ;
use super::failure::Failure;
use super::inspection::{self, Inspection, Watch};
use super::interpreter::attach;
use super::start_response::StartResponse;
use super::streams::Input;
use exchange::{Event, MetaVariables, Request, Responder, SendError, SharedBody};
use process::report;
use process::{signals, tally};

/// Reports a failure to the operator and then to the client.
pub trait OnFailure: Send + Sync {
    /// Writes the log entry; `late` when the head is out, and the response will be cut.
    fn log(&self, failure: &exchange::Failure, late: bool);

    /// Whether the exception is to be looked into before the answer.
    fn wants_fault(&self) -> bool;

    /// Writes the log entry for a 500 of the application's own. `by_framework` where it may have caught an
    /// exception that it can be kept from catching.
    fn answered_itself(&self, by_framework: bool);

    /// Sends the page, or cuts the response.
    fn answer(&self, failure: &exchange::Failure, responder: &mut Responder);
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The application answered.
    Answered,
    /// The client did not wait for the answer.
    ClientGone,
    /// A failure was reported.
    Failed,
}

/// One exchange between the application and the responder.
pub struct Gateway {
    responder: Mutex<Responder>,
    body: SharedBody,
    /// The length of the body, as `CONTENT_LENGTH` has it.
    length: Option<Vec<u8>>,
    input: PyOnceLock<Py<Input>>,
    on_failure: Box<dyn OnFailure>,
    inspection: Inspection,
    /// A write to the client failed: an exception after that may come from it.
    client_gone: AtomicBool,
    warned: AtomicBool,
}

/// Why the application's part ended early.
enum Stop {
    Raised(PyErr),
    Failed(Failure),
    /// The system refused to write.
    Unwritable(io::Error),
    ClientGone,
}

impl From<PyErr> for Stop {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl Gateway {
    /// A gateway to answer the request whose body is given.
    #[must_use]
    pub fn new(
        responder: Responder,
        request: &Request,
        inspection: Inspection,
        on_failure: Box<dyn OnFailure>,
    ) -> Arc<Self> {
        Arc::new(Self {
            responder: Mutex::new(responder),
            body: request.body.clone(),
            length: request.meta.get("CONTENT_LENGTH").map(<[u8]>::to_vec),
            input: PyOnceLock::new(),
            on_failure,
            inspection,
            client_gone: AtomicBool::new(false),
            warned: AtomicBool::new(false),
        })
    }

    /// Calls the application and sends what it returns. Failures are reported before `close()` is
    /// called: the client does not wait for the application to clean up.
    pub fn answer(
        self: &Arc<Self>,
        py: Python<'_>,
        application: &Bound<'_, PyAny>,
        meta: &MetaVariables,
    ) -> Outcome {
        self.answer_from(py, application, meta, None)
    }

    /// As [`answer`](Self::answer), whether this thread has the interpreter or not.
    pub fn answer_with(self: &Arc<Self>, application: &Application, meta: &MetaVariables) {
        attach(|py| self.answer(py, application.bind(py), meta));
    }

    /// As [`answer`](Self::answer), with another `wsgi.input` than the body's if one is given.
    pub(super) fn answer_from<'py>(
        self: &Arc<Self>,
        py: Python<'py>,
        application: &Bound<'py, PyAny>,
        meta: &MetaVariables,
        input: Option<&Bound<'py, PyAny>>,
    ) -> Outcome {
        let environ = match input {
            Some(input) => environ::build(py, meta, input),
            None => self.input(py).and_then(|input| {
                let mut meta = meta.clone();
                // A script's own environment may be older than what is known of the body.
                if let (None, Some(length)) = (meta.get("CONTENT_LENGTH"), &self.length) {
                    meta.set("CONTENT_LENGTH", length.clone());
                }
                environ::build(py, &meta, input.bind(py).as_any())
            }),
        };
        let called = environ.and_then(|environ| {
            self.watch().tell(Event::EnvironMade(environ.len()));
            let is_shown = self.on_failure.wants_fault();
            let application = self.inspection.prepare(application, &environ, is_shown)?;
            let start_response = Bound::new(py, StartResponse::new(self.clone()))?;
            self.watch().tell(Event::Called);
            tally::own().call();
            application.call1((environ, start_response))
        });
        let result = match called {
            Ok(result) => result,
            Err(error) => return self.stopped(py, Stop::Raised(error)),
        };
        if self.watch().is_on()
            && let Ok(kind) = result.get_type().name()
        {
            self.watch().tell(Event::Returned(&kind.to_string_lossy()));
        }
        let sent = self.send_all(py, &result);
        let outcome = match sent.and_then(|()| self.finish(py)) {
            Ok(()) => {
                match self.status(py) {
                    Some(500) => {
                        let by_framework = inspection::has_framework(py);
                        self.on_failure.answered_itself(by_framework);
                    }
                    Some(400) => allowed_hosts::report_refusal(py, meta),
                    Some(404) => self.inspection.hint_at_static_files(py, meta),
                    _ => {}
                }
                Outcome::Answered
            }
            Err(stop) => self.stopped(py, stop),
        };
        self.close(py, &result);
        outcome
    }

    /// Reports a failure that came before or instead of the application.
    pub fn fail(&self, py: Python<'_>, failure: &Failure) -> Outcome {
        self.watch().tell(Event::Failed(&failure.summary));
        let late = self.responder(py).head_sent();
        self.on_failure.log(failure, late);
        if !late && self.on_failure.wants_fault() {
            // The application's code may run: nothing is locked, and the log has its entry.
            failure.look_into(py);
        }
        self.on_failure.answer(failure, &mut self.responder(py));
        self.inspection.examine(py, failure);
        Outcome::Failed
    }

    /// As [`fail`](Self::fail), whether this thread has the interpreter or not.
    pub fn fail_with(&self, failure: &Failure) -> Outcome {
        attach(|py| self.fail(py, failure))
    }

    /// The status that was sent, once the head is out.
    pub fn status(&self, py: Python<'_>) -> Option<u16> {
        self.responder(py).status()
    }

    /// The body as a stream, always the same object.
    pub(super) fn input(&self, py: Python<'_>) -> PyResult<Py<Input>> {
        let input = self.input.get_or_try_init(py, || {
            Py::new(py, Input::new(self.body.clone(), self.watch().clone()))
        });
        Ok(input?.clone_ref(py))
    }

    /// The observer of events.
    pub fn watch(&self) -> &Watch {
        &self.inspection.watch
    }

    /// Locks the responder; hold the lock briefly, as a thread of the application may wait for it.
    pub(super) fn responder(&self, py: Python<'_>) -> MutexGuard<'_, Responder> {
        self.responder.lock_py_attached(py).expect("not poisoned")
    }

    /// The same where Python's lock is not held. It is let go before that is asked for again.
    pub(super) fn responder_detached(&self) -> MutexGuard<'_, Responder> {
        self.responder.lock().expect("not poisoned")
    }

    fn stopped(&self, py: Python<'_>, stop: Stop) -> Outcome {
        let failure = match stop {
            Stop::ClientGone => return self.gone(py),
            Stop::Raised(error)
                if self.client_gone.load(Ordering::Acquire)
                    && error.is_instance_of::<PyBrokenPipeError>(py) =>
            {
                return self.gone(py);
            }
            // The traceback would only show where the application was interrupted, so it is left out.
            Stop::Raised(error)
                if error.is_instance_of::<PySystemExit>(py) && signals::stopping() =>
            {
                Failure::stopped()
            }
            Stop::Raised(error) if error.is_instance_of::<PySystemExit>(py) => {
                let what = "the application tried to exit instead of returning an answer";
                Failure::of(py, &error, what)
            }
            Stop::Raised(error) => Failure::of(py, &error, "the application raised an exception"),
            Stop::Unwritable(error) => Failure::new(500, SendError::Io(error).to_string()),
            Stop::Failed(failure) => failure,
        };
        self.fail(py, &failure)
    }

    fn gone(&self, py: Python<'_>) -> Outcome {
        self.watch().tell(Event::ClientGone);
        self.responder
            .lock_py_attached(py)
            .expect("not poisoned")
            .abandon();
        Outcome::ClientGone
    }

    fn warn(&self, text: &str) {
        if !self.warned.swap(true, Ordering::AcqRel) {
            report::log(&format!("warning: {text}"));
        }
    }

    /// Calls `close()` if there is one; no other attribute of the iterable is touched.
    fn close(&self, py: Python<'_>, result: &Bound<'_, PyAny>) {
        let closed = result
            .getattr_opt(intern!(py, "close"))
            .and_then(|close| match close {
                Some(close) => close.call0().map(|_| true),
                None => Ok(false),
            });
        match closed {
            Ok(was_there) => self.watch().tell(Event::Closed(was_there)),
            Err(error) => {
                let failure = Failure::of(py, &error, "close() raised an exception");
                self.watch().tell(Event::Failed(&failure.summary));
                report::log(&format!(
                    "{}\n{}",
                    failure.summary,
                    failure.traceback.as_deref().unwrap_or_default()
                ));
                self.inspection.examine(py, &failure);
            }
        }
    }
}
