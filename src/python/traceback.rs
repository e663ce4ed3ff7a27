//! From a Python exception to the plain data that is shown of it. The traceback module does the
//! work, so that chains, groups and syntax errors are what a reader of Python expects.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::failure::Failure;
use super::interpreter::attach;
use crate::exchange::{Frame, Raised};

/// How many lines of source are shown on each side.
const AROUND: usize = 4;

/// No longer chain is followed.
const CHAIN: usize = 10;

impl Failure {
    /// The exceptions behind it, the last one first; none where there is none, or it cannot be
    /// looked into.
    #[must_use]
    pub fn raised(&self) -> Vec<Raised> {
        let Some(exception) = &self.exception else {
            return Vec::new();
        };
        attach(|py| chain(exception.bind(py)).unwrap_or_default())
    }
}

fn chain(exception: &Bound<'_, PyAny>) -> PyResult<Vec<Raised>> {
    let py = exception.py();
    let arguments = (
        exception.get_type(),
        exception,
        exception.getattr("__traceback__")?,
    );
    let mut current = py
        .import("traceback")?
        .getattr("TracebackException")?
        .call1(arguments)?;
    let standard = standard_library(py)?;
    let mut chain = Vec::new();
    let mut link = "";
    while chain.len() < CHAIN {
        chain.push(Raised {
            message: message(&current)?,
            link: link.into(),
            frames: frames(&current, &standard)?,
        });
        let cause = current.getattr("__cause__")?;
        let context = current.getattr("__context__")?;
        if !cause.is_none() {
            (current, link) = (cause, "It was caused by this exception");
        } else if !context.is_none() && !current.getattr("__suppress_context__")?.is_truthy()? {
            (current, link) = (context, "It was raised while this exception was handled");
        } else {
            break;
        }
    }
    Ok(chain)
}

fn message(exception: &Bound<'_, PyAny>) -> PyResult<String> {
    let mut message = String::new();
    for line in exception
        .call_method0("format_exception_only")?
        .try_iter()?
    {
        message += &line?.str()?.to_string_lossy();
    }
    Ok(message.trim_end().to_owned())
}

fn frames(exception: &Bound<'_, PyAny>, standard: &str) -> PyResult<Vec<Frame>> {
    let lines = exception.py().import("linecache")?.getattr("getlines")?;
    let known = PyDict::new(exception.py());
    let mut frames = Vec::new();
    for frame in exception.getattr("stack")?.try_iter()? {
        let frame = frame?;
        let name = frame.getattr("filename")?;
        let file = name.str()?.to_string_lossy().into_owned();
        let line = frame.getattr("lineno")?.extract().unwrap_or(0_usize);
        if !known.contains(&name)? {
            known.set_item(&name, lines.call1((&name,))?)?;
        }
        let first = line.saturating_sub(AROUND).max(1);
        let mut source = Vec::new();
        if let Some(all) = known.get_item(&name)? {
            for number in first..=line + AROUND {
                let Ok(text) = all.get_item(number - 1) else {
                    break;
                };
                source.push(text.str()?.to_string_lossy().trim_end().to_owned());
            }
        }
        frames.push(Frame {
            function: frame.getattr("name")?.str()?.to_string_lossy().into_owned(),
            own: is_own(&file, standard),
            file,
            line,
            first,
            source,
        });
    }
    Ok(frames)
}

fn is_own(file: &str, standard: &str) -> bool {
    let is_library = file.starts_with(standard)
        || file.contains("/site-packages/")
        || file.contains("/dist-packages/")
        // `<frozen importlib._bootstrap>` and the like
        || file.starts_with('<');
    !is_library
}

/// The folder of the standard library, with a slash at the end.
fn standard_library(py: Python<'_>) -> PyResult<String> {
    let file: String = py.import("os")?.getattr("__file__")?.extract()?;
    Ok(file.trim_end_matches("os.py").to_owned())
}
