//! Looking into an exception for the developer's page: types, messages, frames, source lines. The
//! values of variables are in `local_variables.rs`.
//!
//! It runs code of the application (`__str__`, `__repr__`), so no lock may be held meanwhile.

use std::collections::HashSet;

use pyo3::exceptions::{PyBaseException, PySyntaxError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PySlice, PyString, PyTuple};

use super::local_variables::LocalVariables;
use crate::exchange::{
    CONTEXT, FAULTS, FIRST_FRAMES, Fault, Frame, LAST_FRAMES, Link, MESSAGE, Owner, Source,
};

/// What is known of an exception.
///
/// # Errors
/// When Python's own parts do not work any more; what the application's raise is shown instead.
#[cold]
pub(super) fn look_into(exception: &Bound<'_, PyBaseException>) -> PyResult<Fault> {
    let py = exception.py();
    let mut look = Look {
        linecache: py.import("linecache")?.into_any(),
        libraries: libraries(py)?,
        variables: LocalVariables::begin(),
        seen: HashSet::new(),
    };
    look.at(exception.as_any())
}

/// The folders of Python itself.
fn libraries(py: Python<'_>) -> PyResult<Vec<String>> {
    let get_path = py.import("sysconfig")?.getattr("get_path")?;
    let mut folders = Vec::new();
    for name in ["stdlib", "platstdlib", "purelib", "platlib"] {
        folders.extend(get_path.call1((name,))?.extract::<Option<String>>()?);
    }
    Ok(folders)
}

struct Look<'py> {
    linecache: Bound<'py, PyAny>,
    libraries: Vec<String>,
    variables: LocalVariables,
    /// Chains may be rings.
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
        self.frames(exception, &mut fault)?;
        if exception.is_instance_of::<PySyntaxError>() {
            fault.frames.extend(self.unparsed(exception));
        }
        // Exception groups, also those of the package for older Pythons.
        let members = exception.getattr("exceptions").ok();
        if let Some(members) = members.and_then(|members| members.cast_into::<PyTuple>().ok()) {
            for member in members {
                if member.is_instance_of::<PyBaseException>() {
                    fault
                        .members
                        .extend(self.another(&member, &mut fault.unshown)?);
                }
            }
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
            let earlier = self.another(&earlier, &mut fault.unshown)?;
            fault.earlier = earlier.map(|earlier| (link, Box::new(earlier)));
        }
        Ok(fault)
    }

    fn another(
        &mut self,
        exception: &Bound<'py, PyAny>,
        unshown: &mut usize,
    ) -> PyResult<Option<Fault>> {
        if self.seen.contains(&(exception.as_ptr() as usize)) || self.seen.len() >= FAULTS {
            *unshown += 1;
            return Ok(None);
        }
        self.at(exception).map(Some)
    }

    /// The first and the last calls.
    fn frames(&mut self, exception: &Bound<'py, PyAny>, fault: &mut Fault) -> PyResult<()> {
        let mut calls = Vec::new();
        let mut next = exception.getattr("__traceback__")?;
        while !next.is_none() {
            let following = next.getattr("tb_next")?;
            calls.push(std::mem::replace(&mut next, following));
        }
        let kept = FIRST_FRAMES + LAST_FRAMES;
        if calls.len() > kept {
            fault.left_out = calls.len() - kept;
            calls.drain(FIRST_FRAMES..FIRST_FRAMES + fault.left_out);
        }
        let innermost = calls.len().saturating_sub(1);
        for (place, call) in calls.iter().enumerate() {
            fault.frames.push(self.frame(call, place == innermost)?);
        }
        Ok(())
    }

    fn frame(&mut self, call: &Bound<'py, PyAny>, is_innermost: bool) -> PyResult<Frame> {
        let frame = call.getattr("tb_frame")?;
        let code = frame.getattr("f_code")?;
        let file = code.getattr("co_filename")?;
        // None for code that has no lines of its own.
        let line = call.getattr("tb_lineno")?.extract().unwrap_or(0);
        let name = code
            .getattr("co_qualname")
            .or_else(|_| code.getattr("co_name"))?;
        let text = cut(&file, 400);
        let owner = Owner::of(&text, &self.libraries);
        let mut source = self.source(&file, line, &frame.getattr("f_globals")?);
        if let Some(source) = &mut source {
            let instruction = call.getattr("tb_lasti")?.extract().unwrap_or(0);
            source.columns = columns(&code, instruction, line);
        }
        let (locals, more_locals) = if owner == Owner::Own || is_innermost {
            self.variables.of(&frame)
        } else {
            (Vec::new(), 0)
        };
        Ok(Frame {
            file: text,
            line,
            function: cut(&name, 200),
            owner,
            source,
            locals,
            more_locals,
        })
    }

    fn source(
        &self,
        file: &Bound<'py, PyAny>,
        line: usize,
        globals: &Bound<'py, PyAny>,
    ) -> Option<Source> {
        let lines = self
            .linecache
            .call_method1("getlines", (file, globals))
            .ok()?;
        let lines = lines.cast_into::<PyList>().ok()?;
        if line == 0 || line > lines.len() {
            return None;
        }
        let first = line.saturating_sub(CONTEXT).max(1);
        let last = (line + CONTEXT).min(lines.len());
        let lines = lines.get_slice(first - 1, last);
        let text = |line: Bound<'_, PyAny>| cut(&line, 1000).trim_end().to_owned();
        Some(Source {
            first,
            lines: lines.iter().map(text).collect(),
            columns: None,
        })
    }

    /// Where a syntax error is: no call led there.
    fn unparsed(&self, exception: &Bound<'py, PyAny>) -> Option<Frame> {
        let py = exception.py();
        let file = exception
            .getattr("filename")
            .ok()?
            .cast_into::<PyString>()
            .ok()?;
        let line: usize = exception.getattr("lineno").ok()?.extract().ok()?;
        let text = cut(&file, 400);
        let none = PyDict::new(py);
        let mut source = self.source(&file, line, &none);
        if source.is_none() {
            let said = exception
                .getattr("text")
                .ok()?
                .cast_into::<PyString>()
                .ok()?;
            source = Some(Source {
                first: line,
                lines: vec![cut(&said, 1000).trim_end().to_owned()],
                columns: None,
            });
        }
        if let Some(source) = &mut source
            && let Ok(offset) = exception
                .getattr("offset")
                .and_then(|o| o.extract::<usize>())
            && let Some(text) = source.lines.get(line - source.first)
        {
            let end = exception
                .getattr("end_offset")
                .and_then(|o| o.extract::<usize>());
            let same_line = exception
                .getattr("end_lineno")
                .is_ok_and(|end| end.extract().is_ok_and(|end: usize| end == line));
            let end = end
                .ok()
                .filter(|&end| same_line && end > offset)
                .unwrap_or(offset + 1);
            // Counted in characters, from 1.
            let byte = |place: usize| {
                let at = text.char_indices().nth(place.saturating_sub(1));
                at.map_or(text.len(), |(at, _)| at)
            };
            source.columns = Some(byte(offset)..byte(end));
        }
        Some(Frame {
            owner: Owner::of(&text, &self.libraries),
            file: text,
            line,
            function: String::new(),
            source,
            locals: Vec::new(),
            more_locals: 0,
        })
    }
}

/// Which bytes of the line an instruction is from (Python 3.11 and newer can tell).
fn columns(
    code: &Bound<'_, PyAny>,
    instruction: usize,
    line: usize,
) -> Option<std::ops::Range<usize>> {
    let positions = code.call_method0("co_positions").ok()?;
    let place = positions.try_iter().ok()?.nth(instruction / 2)?.ok()?;
    let (first, last, start, end): (usize, usize, usize, usize) = place.extract().ok()?;
    (first == line && last == line && start < end).then_some(start..end)
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
            "(its text cannot be shown: {})",
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
pub(super) fn cut(text: &Bound<'_, PyAny>, longest: usize) -> String {
    let start = || -> PyResult<String> {
        let mut text = text.cast::<PyString>()?.clone();
        if text.len()? > longest {
            let slice = PySlice::new(text.py(), 0, longest.cast_signed(), 1);
            text = text.get_item(slice)?.cast_into()?;
        }
        if let Ok(text) = text.to_str() {
            return Ok(text.to_owned());
        }
        // A lone surrogate: `\udc80`.
        let bytes = text.call_method1("encode", ("utf-8", "backslashreplace"))?;
        Ok(String::from_utf8_lossy(bytes.cast::<PyBytes>()?.as_bytes()).into_owned())
    };
    start().unwrap_or_default()
}
