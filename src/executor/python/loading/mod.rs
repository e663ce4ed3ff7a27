//! What a script does while it is loaded decides how it is answered, not its text: if it runs a handler
//! of the standard library, this gateway answers (`handlers`); an answer that it prints itself is
//! noticed (`printed`); a server or another program that it would start is refused (`forbidden_calls`); and its
//! main guard is run if that answers (`main_guard`).

mod cgi_head;
mod custom_handler;
mod descriptor;
mod forbidden_calls;
mod future_request;
mod handlers;
mod import_hook;
mod main_guard;
mod not_wsgi;
mod printed;
mod standard_input;

use std::path::Path;
use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;

pub(super) use forbidden_calls::hook;
pub(super) use future_request::{early_reads, fill_in_request, keep_request};
pub use handlers::OnHandlerCall;
pub(super) use handlers::has_no_request;
pub(super) use main_guard::MainGuard;
pub(super) use not_wsgi::{explain_asgi, explain_django, explain_printed_answer};
pub(super) use standard_input::connect;

use super::failure::Failure;
use super::gateway::{Gateway, Outcome};
use forbidden_calls::Refusing;
use handlers::Answer;
use import_hook::Watching;
use printed::{Printed, Printing};
use settings::config::App;

/// What watches the script while it is loaded. Ended by [`end`](Self::end).
pub(super) struct Loading<'py> {
    answer: Bound<'py, Answer>,
    watching: Watching<'py>,
    printing: Option<Printing<'py>>,
    refusing: Refusing,
}

/// What was observed.
pub(super) struct Seen {
    /// How the exchange ended, if the script ran a handler itself.
    pub(super) outcome: Option<Outcome>,
    /// The script ran a handler, and there is no request to answer yet.
    pub(super) answers_itself: bool,
    /// It printed a CGI head.
    pub(super) printed: Option<Printed>,
    /// What was refused, in words.
    pub(super) refused: Option<String>,
    /// A server that it tried to start before it exited, in words.
    pub(super) bound: Option<String>,
    /// What it read of a request while there was none, in words.
    pub(super) looked: Option<&'static str>,
}

impl<'py> Loading<'py> {
    /// Starts to watch. Without a gateway nothing can be answered yet; an image is made by `on_handler_call`,
    /// during the call of a handler. `file` is the script, whose lines are quoted.
    pub(super) fn begin(
        py: Python<'py>,
        gateway: Option<&Arc<Gateway>>,
        script_name: Option<&[u8]>,
        file: Option<&Path>,
        on_handler_call: Option<OnHandlerCall>,
    ) -> PyResult<Self> {
        let printing = Printing::begin(py, file)?;
        let answer = Bound::new(
            py,
            Answer::new(
                gateway,
                script_name,
                on_handler_call,
                printing.as_ref().map(Printing::look),
            ),
        )?;
        let watching = Watching::begin(&answer)?;
        let refusing = Refusing::begin(file);
        Ok(Self {
            answer,
            watching,
            printing,
            refusing,
        })
    }

    /// Replaces standard input early if the code mentions the handlers: the script may read the body
    /// before it imports them.
    pub(super) fn replace_stdin_early(&self, code: &Bound<'py, PyAny>) -> PyResult<()> {
        let py = code.py();
        let names = code.getattr(intern!(py, "co_names"))?;
        if names.contains("wsgiref.handlers")? || names.contains("wsgiref")? {
            self.answer.get().install_input(py)?;
        }
        Ok(())
    }

    /// How the exchange ended, if the script ran a handler itself.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.answer.get().outcome()
    }

    /// Restores everything, and returns what was observed.
    pub(super) fn end(self) -> PyResult<Seen> {
        let py = self.answer.py();
        let answer = self.answer.get();
        self.watching.end(answer.outcome().is_some())?;
        let (refused, bound) = self.refusing.end(py)?;
        Ok(Seen {
            outcome: answer.outcome(),
            answers_itself: answer.was_early(),
            printed: match self.printing {
                Some(printing) => printing.end()?,
                None => None,
            },
            refused,
            bound,
            looked: early_reads(),
        })
    }
}

/// A line of the script.
#[derive(Clone, Debug)]
pub(in super::super) struct Place {
    line: u32,
    text: String,
}

impl Place {
    /// The line of `file` that led to the current call; of several, the one at module level, as that
    /// can be removed.
    #[cold]
    fn find(py: Python<'_>, file: &Path) -> Option<Self> {
        let mut found = None;
        let mut frame = py.import("sys").ok()?.call_method0("_getframe").ok()?;
        while !frame.is_none() {
            let code = frame.getattr("f_code").ok()?;
            let name: std::path::PathBuf = code.getattr("co_filename").ok()?.extract().ok()?;
            if name == file {
                found = frame.getattr("f_lineno").ok()?.extract().ok();
            }
            frame = frame.getattr("f_back").ok()?;
        }
        Self::at(file, found?)
    }

    fn at(file: &Path, line: u32) -> Option<Self> {
        let source = std::fs::read(file).ok()?;
        let source = String::from_utf8_lossy(&source);
        let text = source
            .lines()
            .nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
        let text = text.trim().chars().take(100).collect();
        Some(Self { line, text })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, `{}`", self.line, self.text)
    }
}

/// The failure for something that was refused, with the traceback of the exception that followed.
pub(super) fn of_refused(mut failure: Failure, app: &App, sentence: &str) -> Failure {
    failure.summary = format!("`{app}`: {sentence}");
    // The sentence is in the summary already.
    failure.traceback = failure
        .traceback
        .take()
        .map(|text| text.replace(sentence, "refused, see above"));
    failure
}
