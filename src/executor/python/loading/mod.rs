//! What a script does while it is loaded decides how it is answered, never a word in its text: a
//! handler of the standard library's that it runs is answered by us (`handlers`), an answer that it
//! prints itself is noticed (`printed`), a server or another program that it would start is refused
//! (`refused`), and what stands behind its main guard is run where it answers (`main_guard`).

mod cgi_head;
mod descriptor;
mod handlers;
mod import_hook;
mod main_guard;
mod own_output;
mod printed;
mod refused;
mod standard_input;
mod strangers;
mod to_come;

use std::path::Path;
use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;

pub use handlers::Inside;
pub(super) use handlers::has_no_request;
pub(super) use main_guard::MainGuard;
pub(super) use refused::hook;
pub(super) use standard_input::connect;
pub(super) use strangers::{asynchronous, of_django, say_what_it_is};
pub(super) use to_come::{come, early_looks, has_come};

use super::failure::Failure;
use super::gateway::{Gateway, Outcome};
use handlers::Answer;
use import_hook::Watching;
use printed::{Printed, Printing};
use refused::Refusing;
use settings::config::App;

/// What is on the watch while an application is loaded. Ended by [`end`](Self::end).
pub(super) struct Loading<'py> {
    answer: Bound<'py, Answer>,
    watching: Watching<'py>,
    printing: Option<Printing<'py>>,
    refusing: Refusing,
}

/// What was seen.
pub(super) struct Seen {
    /// How the exchange ended that the script had itself, if it had one.
    pub(super) outcome: Option<Outcome>,
    /// The script ran a handler, and there is no request to answer yet.
    pub(super) answers_itself: bool,
    /// It printed a CGI head.
    pub(super) printed: Option<Printed>,
    /// What it was kept from.
    pub(super) refused: Option<String>,
    /// What it may have tried before it exited.
    pub(super) bound: Option<String>,
    /// That it looked at a request while there was none, in words.
    pub(super) looked: Option<&'static str>,
}

impl<'py> Loading<'py> {
    /// Begins to look on. Without a gateway nothing can be answered yet; an image is made `inside` the
    /// call that would. `file` is the script, whose lines are named.
    pub(super) fn begin(
        py: Python<'py>,
        gateway: Option<&Arc<Gateway>>,
        script_name: Option<&[u8]>,
        file: Option<&Path>,
        inside: Option<Inside>,
    ) -> PyResult<Self> {
        let printing = Printing::begin(py, file)?;
        let answer = Bound::new(
            py,
            Answer::new(
                gateway,
                script_name,
                inside,
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

    /// Readies what a script with that code will find that names the handlers: it may read its body
    /// before it imports them.
    pub(super) fn foresee(&self, code: &Bound<'py, PyAny>) -> PyResult<()> {
        let py = code.py();
        let names = code.getattr(intern!(py, "co_names"))?;
        if names.contains("wsgiref.handlers")? || names.contains("wsgiref")? {
            self.answer.get().install_input(py)?;
        }
        Ok(())
    }

    /// How the exchange ended that the script had itself, if it had one.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.answer.get().outcome()
    }

    /// Puts everything back as it was, and says what there was to see.
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
            looked: early_looks(),
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
    /// The line of `file` that led to what Python is doing now; of several the one in the module
    /// itself, which is what can be removed.
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

/// The sentence about what a script was kept from, with the traceback of what came of it.
pub(super) fn of_refused(mut failure: Failure, app: &App, sentence: &str) -> Failure {
    failure.summary = format!("`{app}`: {sentence}");
    // Once is enough.
    failure.traceback = failure
        .traceback
        .take()
        .map(|text| text.replace(sentence, "refused, as said above"));
    failure
}
