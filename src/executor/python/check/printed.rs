//! The standard streams while the application is called: output is recorded and passed on, and standard
//! input is empty.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::super::start_response::shown;
use super::notes::Notes;
use super::place;
use checking::rules;

/// Ended by [`end`](Self::end).
pub(super) struct Printed {
    /// The streams as they were, by their names.
    before: Vec<(&'static str, Py<PyAny>)>,
    ours: Vec<Py<PyAny>>,
    /// The length of the file at descriptor 1, if it is a file.
    length: Option<u64>,
}

const NAMES: [&str; 3] = ["stdin", "stdout", "stderr"];

impl Printed {
    pub(super) fn begin(py: Python<'_>, notes: &Arc<Notes>) -> PyResult<Self> {
        let sys = py.import("sys")?;
        let mut printed = Self {
            before: Vec::new(),
            ours: Vec::new(),
            length: length_of_output(),
        };
        for name in NAMES {
            let stream = sys.getattr(name)?;
            let ours = if name == "stdin" {
                let nothing = py.import("io")?.call_method0("StringIO")?;
                Bound::new(py, Standard::input(notes, nothing.unbind()))?.into_any()
            } else if stream.is_none() {
                stream.clone()
            } else {
                let output = Standard::output(notes, stream.clone().unbind(), name == "stdout");
                Bound::new(py, output)?.into_any()
            };
            sys.setattr(name, &ours)?;
            printed.before.push((name, stream.unbind()));
            printed.ours.push(ours.unbind());
        }
        Ok(printed)
    }

    /// The stream that `wsgi.errors` passes text on to.
    pub(super) fn log(&self, py: Python<'_>) -> Py<PyAny> {
        self.before[2].1.clone_ref(py)
    }

    /// Puts the streams back as they were.
    pub(super) fn end(self, py: Python<'_>, notes: &Notes, application: &str) {
        for ((name, before), ours) in self.before.iter().zip(&self.ours) {
            let Ok(sys) = py.import("sys") else { return };
            let is_ours = sys.getattr(*name).is_ok_and(|now| now.is(ours));
            if !is_ours {
                let text = format!("sys.{name} was replaced");
                notes.found(&rules::STREAM_REPLACED, application, text);
            }
            _ = sys.setattr(*name, before);
            if *name == "stdout" {
                _ = before.call_method0(py, "flush");
            }
        }
        if let (Some(before), Some(now)) = (self.length, length_of_output())
            && now > before
            && !notes.has(&rules::PRINTS_TO_STDOUT)
        {
            let text = "something wrote to file descriptor 1: C code, a child process, or os.write";
            notes.found(&rules::PRINTS_TO_STDOUT, application, text);
        }
    }
}

fn length_of_output() -> Option<u64> {
    let stat = rustix::fs::fstat(rustix::stdio::stdout()).ok()?;
    let is_file = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
    is_file.then(|| u64::try_from(stat.st_size).unwrap_or(0))
}

/// One of the standard streams.
#[pyclass(frozen, module = "wsgi_cgi")]
struct Standard {
    notes: Arc<Notes>,
    stream: Py<PyAny>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input,
    Output,
    Log,
}

impl Standard {
    fn input(notes: &Arc<Notes>, stream: Py<PyAny>) -> Self {
        Self {
            notes: notes.clone(),
            stream,
            kind: Kind::Input,
        }
    }

    fn output(notes: &Arc<Notes>, stream: Py<PyAny>, is_output: bool) -> Self {
        Self {
            notes: notes.clone(),
            stream,
            kind: if is_output { Kind::Output } else { Kind::Log },
        }
    }

    fn is_written(&self, py: Python<'_>, what: &Bound<'_, PyAny>) {
        let (rule, name) = match self.kind {
            Kind::Input => return,
            Kind::Output => (&rules::PRINTS_TO_STDOUT, "standard output"),
            Kind::Log => (&rules::PRINTS_TO_STDERR, "standard error"),
        };
        let is_blank = what
            .str()
            .is_ok_and(|text| text.to_string_lossy().trim().is_empty());
        if !is_blank {
            let text = format!("{} was written to {name}", shown(what));
            self.notes.found(rule, &place::of_caller(py), text);
        }
    }
}

#[pymethods]
impl Standard {
    #[pyo3(signature = (*given))]
    fn write<'py>(&self, py: Python<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Py<PyAny>> {
        if let Ok(what) = given.get_item(0) {
            self.is_written(py, &what);
        }
        self.stream.call_method1(py, "write", given)
    }

    #[pyo3(signature = (*given))]
    fn writelines<'py>(&self, py: Python<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Py<PyAny>> {
        self.is_written(py, given.as_any());
        self.stream.call_method1(py, "writelines", given)
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.is_read(py, "iterated");
        self.stream.call_method0(py, "__iter__")
    }

    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        let is_reading = ["read", "readline", "readlines", "buffer", "detach"].contains(&name);
        if self.kind == Kind::Input && is_reading {
            self.is_read(py, &format!("`{name}`"));
            if name == "buffer" {
                let nothing = py.import("io")?.call_method0("BytesIO")?;
                return Ok(nothing.unbind());
            }
        }
        let found = self.stream.getattr(py, name)?;
        if self.kind == Kind::Output && name == "buffer" {
            let output = Self::output(&self.notes, found, true);
            return Ok(Bound::new(py, output)?.into_any().unbind());
        }
        Ok(found)
    }
}

impl Standard {
    fn is_read(&self, py: Python<'_>, how: &str) {
        if self.kind == Kind::Input {
            let text =
                format!("sys.stdin was used ({how}), but the request's content is in wsgi.input");
            self.notes
                .found(&rules::READS_STDIN, &place::of_caller(py), text);
        }
    }
}
