//! Collects what the developer's page shows of an exception: types, messages, causes. `frames.rs` adds
//! the calls, `local_variables.rs` their variables.
//!
//! It runs code of the application (`__str__`, `__repr__`), so no lock may be held meanwhile.

mod frames;
mod local_variables;

use std::collections::HashSet;

use pyo3::exceptions::{PyBaseException, PySyntaxError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PySlice, PyString, PyTuple};

use exchange::{FAULTS, Fault, Link, MESSAGE};
use frames::Frames;

/// Collects the details of an exception.
///
/// # Errors
/// If Python's own functions fail. If code of the application raises, that is shown instead.
#[cold]
pub(super) fn look_into(exception: &Bound<'_, PyBaseException>) -> PyResult<Fault> {
    let py = exception.py();
    let mut look = Look {
        frames: Frames::begin(py)?,
        seen: HashSet::new(),
    };
    look.at(exception.as_any())
}

struct Look<'py> {
    frames: Frames<'py>,
    /// Exceptions seen so far: chains may be circular.
    seen: HashSet<usize>,
}

impl<'py> Look<'py> {
    fn at(&mut self, exception: &Bound<'py, PyAny>) -> PyResult<Fault> {
        self.seen.insert(exception.as_ptr() as usize);
        let mut fault = Fault {
            kind: kind(exception),
            message: message(exception),
            notes: notes(exception),
            ..Fault::default()
        };
        self.frames.of(exception, &mut fault)?;
        if exception.is_instance_of::<PySyntaxError>() {
            fault.frames.extend(self.frames.unparsed(exception));
        }
        let cause = exception.getattr("__cause__")?;
        let context = exception.getattr("__context__")?;
        let earlier = if !cause.is_none() {
            Some((Link::Cause, cause))
        } else if !context.is_none() && !exception.getattr("__suppress_context__")?.is_truthy()? {
            Some((Link::Context, context))
        } else {
            None
        };
        if let Some((link, earlier)) = earlier {
            let earlier = self.another(&earlier, &mut fault.has_more)?;
            fault.earlier = earlier.map(|earlier| (link, Box::new(earlier)));
        }
        // Exception groups, also those of the package for older Pythons.
        let members = exception.getattr("exceptions").ok();
        if let Some(members) = members.and_then(|members| members.cast_into::<PyTuple>().ok()) {
            for member in members {
                if member.is_instance_of::<PyBaseException>() {
                    fault
                        .members
                        .extend(self.another(&member, &mut fault.has_more)?);
                }
            }
        }
        Ok(fault)
    }

    fn another(
        &mut self,
        exception: &Bound<'py, PyAny>,
        has_more: &mut bool,
    ) -> PyResult<Option<Fault>> {
        if self.seen.contains(&(exception.as_ptr() as usize)) {
            return Ok(None);
        }
        if self.seen.len() >= FAULTS {
            *has_more = true;
            return Ok(None);
        }
        self.at(exception).map(Some)
    }
}

/// `module.Type`, as tracebacks have it.
fn kind(exception: &Bound<'_, PyAny>) -> String {
    let kind = exception.get_type();
    let name = kind
        .qualname()
        .map_or("exception".into(), |name| cut(&name, 200));
    match kind.module().map(|module| cut(&module, 200)) {
        Ok(module) if module != "builtins" && module != "__main__" => format!("{module}.{name}"),
        _ => name,
    }
}

fn message(exception: &Bound<'_, PyAny>) -> String {
    // Its text repeats the place.
    let own = exception
        .is_instance_of::<PySyntaxError>()
        .then(|| exception.getattr("msg").ok()?.cast_into::<PyString>().ok())
        .flatten();
    match own.map_or_else(|| exception.str(), Ok) {
        Ok(text) => cut(&text, MESSAGE + 1),
        Err(error) => format!(
            "(its message cannot be shown: str() raised {})",
            kind(error.value(exception.py()))
        ),
    }
}

fn notes(exception: &Bound<'_, PyAny>) -> Vec<String> {
    let notes = exception.getattr("__notes__").ok();
    let notes = notes.and_then(|notes| notes.cast_into::<PyList>().ok());
    let shown = notes.iter().flatten().take(10);
    shown
        .filter_map(|note| Some(cut(note.str().ok()?.as_any(), 1001)))
        .collect()
}

/// The first characters of a string, before anybody copies the rest.
fn cut(text: &Bound<'_, PyAny>, longest: usize) -> String {
    let start = || -> PyResult<String> {
        let mut text = text.cast::<PyString>()?.clone();
        if text.len()? > longest {
            let slice = PySlice::new(text.py(), 0, longest.cast_signed(), 1);
            text = text.get_item(slice)?.cast_into()?;
        }
        if let Ok(text) = text.to_cow() {
            return Ok(text.into_owned());
        }
        // A lone surrogate: `\udc80`.
        let bytes = text.call_method1("encode", ("utf-8", "backslashreplace"))?;
        Ok(String::from_utf8_lossy(bytes.cast::<PyBytes>()?.as_bytes()).into_owned())
    };
    start().unwrap_or_default()
}
