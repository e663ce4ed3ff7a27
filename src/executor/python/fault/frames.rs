//! The calls that an exception went through, with the source around each line.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::cut;
use super::local_variables::LocalVariables;
use exchange::{CONTEXT, FIRST_FRAMES, Fault, Frame, LAST_FRAMES, Owner, Source};

/// Reads frames.
pub(super) struct Frames<'py> {
    linecache: Bound<'py, PyAny>,
    libraries: Vec<String>,
    variables: LocalVariables,
}

impl<'py> Frames<'py> {
    pub(super) fn begin(py: Python<'py>) -> PyResult<Self> {
        Ok(Self {
            linecache: py.import("linecache")?.into_any(),
            libraries: libraries(py)?,
            variables: LocalVariables::begin(),
        })
    }

    /// The first and the last calls.
    pub(super) fn of(&self, exception: &Bound<'py, PyAny>, fault: &mut Fault) -> PyResult<()> {
        let mut calls = Vec::new();
        let mut next = exception.getattr("__traceback__")?;
        while !next.is_none() {
            let following = next.getattr("tb_next")?;
            let call = std::mem::replace(&mut next, following);
            // Frames of the import system are left out, as Python does.
            if !file_of(&call)?.starts_with("<frozen importlib") {
                calls.push(call);
            }
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

    fn frame(&self, call: &Bound<'py, PyAny>, is_innermost: bool) -> PyResult<Frame> {
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
    pub(super) fn unparsed(&self, exception: &Bound<'py, PyAny>) -> Option<Frame> {
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

fn file_of(call: &Bound<'_, PyAny>) -> PyResult<String> {
    let code = call.getattr("tb_frame")?.getattr("f_code")?;
    Ok(cut(&code.getattr("co_filename")?, 400))
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
