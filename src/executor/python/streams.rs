//! `wsgi.input` and `wsgi.errors` (PEP 3333, "Input and Error Streams").

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyList, PyMemoryView, PyString};

use super::detached::detached;
use super::inspection::Watch;
use exchange::{Event, SharedBody};
use process::open_line;
use process::report::Foreign;

/// What one read from the server's pipe takes at most.
const BLOCK: usize = 64 * 1024;

/// Reads of up to this size go straight into the bytes object that is returned.
const DIRECT: usize = 1024 * 1024;

/// `wsgi.input`: the message-body, never past its end, empty bytes at the end for ever.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct Input {
    body: SharedBody,
    /// What was read ahead for lines; other reads take from it first.
    ahead: Mutex<Ahead>,
    watch: Watch,
}

#[derive(Default)]
struct Ahead {
    block: Vec<u8>,
    start: usize,
}

impl Ahead {
    fn rest(&self) -> &[u8] {
        &self.block[self.start..]
    }

    fn take(&mut self, into: &mut [u8]) -> usize {
        let taken = into.len().min(self.rest().len());
        into[..taken].copy_from_slice(&self.rest()[..taken]);
        self.start += taken;
        taken
    }
}

impl Input {
    pub(super) fn new(body: SharedBody, watch: Watch) -> Self {
        Self {
            body,
            ahead: Mutex::default(),
            watch,
        }
    }

    /// Reads once; 0 at the end. Signals are looked at between two tries, without a lock held.
    fn read_once(&self, py: Python<'_>, into: &mut [u8]) -> PyResult<usize> {
        let taken = self
            .ahead
            .lock_py_attached(py)
            .expect("not poisoned")
            .take(into);
        if taken > 0 || into.is_empty() {
            return Ok(taken);
        }
        self.read_body(py, into)
    }

    fn read_body(&self, py: Python<'_>, into: &mut [u8]) -> PyResult<usize> {
        loop {
            let read = detached(py, || self.body.lock().expect("not poisoned").read(into));
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => py.check_signals()?,
                read => return Ok(read?),
            }
        }
    }

    /// The available bytes, at most `most`; empty only at the end.
    pub(super) fn read_some<'py>(
        &self,
        py: Python<'py>,
        most: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let mut block = vec![0; most.min(BLOCK)];
        let read = self.read_once(py, &mut block)?;
        self.watch.tell(Event::Read("read1", read));
        Ok(PyBytes::new(py, &block[..read]))
    }

    fn fill(&self, py: Python<'_>, mut into: &mut [u8]) -> PyResult<usize> {
        let wanted = into.len();
        while !into.is_empty() {
            match self.read_once(py, into)? {
                0 => break,
                read => into = &mut into[read..],
            }
        }
        Ok(wanted - into.len())
    }

    /// Everything that is left, up to `limit`.
    fn read_to_end(&self, py: Python<'_>, limit: usize) -> PyResult<Vec<u8>> {
        // The announced length is not trusted: memory grows only with what arrives.
        let mut all = Vec::new();
        while all.len() < limit {
            let start = all.len();
            all.resize(
                start + start.clamp(BLOCK, 16 * DIRECT).min(limit - start),
                0,
            );
            let read = self.fill(py, &mut all[start..])?;
            let complete = start + read == all.len();
            all.truncate(start + read);
            if !complete {
                break;
            }
        }
        Ok(all)
    }

    /// One line with its newline, or its first `limit` bytes; empty at the end.
    fn line(&self, py: Python<'_>, limit: usize) -> PyResult<Vec<u8>> {
        let mut line = Vec::new();
        while line.len() < limit {
            {
                let mut ahead = self.ahead.lock_py_attached(py).expect("not poisoned");
                let rest = ahead.rest();
                let rest = &rest[..rest.len().min(limit - line.len())];
                let newline = memchr::memchr(b'\n', rest);
                let taken = newline.map_or(rest.len(), |place| place + 1);
                line.extend_from_slice(&rest[..taken]);
                ahead.start += taken;
                if newline.is_some() || line.len() == limit {
                    break;
                }
            }
            let mut block = vec![0; BLOCK];
            let read = self.read_body(py, &mut block)?;
            if read == 0 {
                break;
            }
            block.truncate(read);
            *self.ahead.lock_py_attached(py).expect("not poisoned") = Ahead { block, start: 0 };
        }
        Ok(line)
    }
}

/// A size argument: absent, `None` or negative is no limit.
fn limit(size: Option<isize>) -> usize {
    size.map_or(usize::MAX, |size| {
        usize::try_from(size).unwrap_or(usize::MAX)
    })
}

#[pymethods]
impl Input {
    #[pyo3(signature = (size=None, /))]
    pub(super) fn read<'py>(
        &self,
        py: Python<'py>,
        size: Option<isize>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let wanted = limit(size);
        if wanted > DIRECT {
            let all = self.read_to_end(py, wanted)?;
            self.watch.tell(Event::Read("read", all.len()));
            return Ok(PyBytes::new(py, &all));
        }
        let announced = self
            .body
            .lock_py_attached(py)
            .expect("not poisoned")
            .remaining();
        let ahead = self
            .ahead
            .lock_py_attached(py)
            .expect("not poisoned")
            .rest()
            .len();
        let at_most = announced.map_or(usize::MAX, |left| {
            usize::try_from(left).unwrap_or(usize::MAX)
        });
        let wanted = wanted.min(at_most.saturating_add(ahead));
        let mut read = 0;
        let bytes = PyBytes::new_with(py, wanted, |into| {
            read = self.fill(py, into)?;
            Ok(())
        })?;
        self.watch.tell(Event::Read("read", read));
        Ok(if read == wanted {
            bytes
        } else {
            PyBytes::new(py, &bytes.as_bytes()[..read])
        })
    }

    #[pyo3(signature = (size=None, /))]
    pub(super) fn readline<'py>(
        &self,
        py: Python<'py>,
        size: Option<isize>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let line = self.line(py, limit(size))?;
        self.watch.tell(Event::Read("readline", line.len()));
        Ok(PyBytes::new(py, &line))
    }

    #[pyo3(signature = (hint=None, /))]
    pub(super) fn readlines<'py>(
        &self,
        py: Python<'py>,
        hint: Option<isize>,
    ) -> PyResult<Bound<'py, PyList>> {
        // As in io.IOBase, zero means no limit.
        let enough = match limit(hint) {
            0 => usize::MAX,
            hint => hint,
        };
        let lines = PyList::empty(py);
        let mut total = 0;
        while total < enough {
            let line = self.line(py, usize::MAX)?;
            if line.is_empty() {
                break;
            }
            total += line.len();
            lines.append(PyBytes::new(py, &line))?;
        }
        self.watch.tell(Event::Read("readlines", total));
        Ok(lines)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    pub(super) fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let line = self.line(py, usize::MAX)?;
        self.watch.tell(Event::Read("__next__", line.len()));
        Ok((!line.is_empty()).then(|| PyBytes::new(py, &line)))
    }
}

static WRITTEN: Mutex<Foreign> = Mutex::new(Foreign::new());

/// `wsgi.errors`: the error log. It takes any str and never raises for one.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct ErrorLog;

#[pymethods]
#[allow(clippy::unused_self, reason = "methods of a Python class")]
impl ErrorLog {
    #[pyo3(signature = (text, /))]
    fn write(&self, py: Python<'_>, text: &Bound<'_, PyString>) -> PyResult<usize> {
        // What UTF-8 cannot hold, lone surrogates, is escaped as Python's own stderr does.
        let written = if let Ok(text) = text.to_cow() {
            text
        } else {
            let bytes = text.call_method1("encode", ("utf-8", "backslashreplace"))?;
            let bytes: Vec<u8> = bytes.extract()?;
            Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
        };
        // Locked while attached to Python, so that no thread holds it while another forks.
        let safe = WRITTEN
            .lock_py_attached(py)
            .expect("not poisoned")
            .safe(&written, io::stderr().is_terminal());
        // A log that cannot be written is no reason to fail the request.
        let safe = [open_line::end(), &safe].concat();
        _ = detached(py, || io::stderr().write_all(safe.as_bytes()));
        text.len()
    }

    #[pyo3(signature = (lines, /))]
    fn writelines(&self, py: Python<'_>, lines: &Bound<'_, PyAny>) -> PyResult<()> {
        for line in lines.try_iter()? {
            self.write(py, line?.cast::<PyString>()?)?;
        }
        Ok(())
    }

    fn flush(&self) {}
}

/// The bytes of a block passed to a `write` method: any object with a buffer (PEP 688).
pub(super) fn written(block: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = block.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    let view = PyMemoryView::from(block)?.call_method0("tobytes")?;
    Ok(view.cast::<PyBytes>()?.as_bytes().to_vec())
}
