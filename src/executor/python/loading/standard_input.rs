//! `sys.stdin` of a script for the standard library's handlers: the body up to its length, the same
//! stream as `wsgi.input`. While such a script is loaded for an image, there is no body yet.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyBytes, PyDict};

use super::super::streams::Input;
use super::future_request::early_read;

/// The stream of an application loaded for an image, which may have kept a reference.
static KEPT: PyOnceLock<Py<Buffer>> = PyOnceLock::new();

/// Connects a standard input that was kept while loading for an image to the body of this request.
pub(in super::super) fn connect(
    py: Python<'_>,
    input: impl FnOnce() -> PyResult<Py<Input>>,
) -> PyResult<()> {
    if let Some(buffer) = KEPT.get(py) {
        _ = buffer.get().input.set(py, input()?);
    }
    Ok(())
}

/// The replaced `sys.stdin`.
pub(super) struct StandardInput {
    before: Py<PyAny>,
    own: Py<PyAny>,
    buffer: Py<Buffer>,
}

impl StandardInput {
    pub(super) fn install(py: Python<'_>) -> PyResult<Self> {
        let sys = py.import("sys")?;
        let before = sys.getattr("stdin")?;
        let input = PyOnceLock::new();
        let buffer = Bound::new(py, Buffer { input })?;
        let named = PyDict::new(py);
        named.set_item("encoding", "utf-8")?;
        named.set_item("errors", "surrogateescape")?;
        let own = py
            .import("_io")?
            .getattr("TextIOWrapper")?
            .call((&buffer,), Some(&named))?;
        sys.setattr("stdin", &own)?;
        Ok(Self {
            before: before.unbind(),
            own: own.unbind(),
            buffer: buffer.unbind(),
        })
    }

    /// Keeps it, to be connected to the body in each restored process.
    pub(super) fn keep(&self, py: Python<'_>) {
        _ = KEPT.set(py, self.buffer.clone_ref(py));
    }

    /// Sets the stream that it reads from.
    pub(super) fn read_from(&self, py: Python<'_>, input: Py<Input>) {
        _ = self.buffer.get().input.set(py, input);
    }

    pub(super) fn uninstall(self, py: Python<'_>) -> PyResult<()> {
        let sys = py.import("sys")?;
        if sys.getattr("stdin")?.is(&self.own) {
            sys.setattr("stdin", self.before)?;
        }
        Ok(())
    }
}

/// `sys.stdin.buffer`, with the methods of `io.BufferedReader` that work on a pipe.
#[pyclass(frozen, module = "wsgi_cgi")]
struct Buffer {
    input: PyOnceLock<Py<Input>>,
}

impl Buffer {
    fn input(&self, py: Python<'_>) -> PyResult<&Input> {
        match self.input.get(py) {
            Some(input) => Ok(input.get()),
            None => Err(early_read(
                "while loading, the application reads the request body, which differs per request: read \
                 it when a request needs it",
            )),
        }
    }
}

#[pymethods]
#[allow(clippy::unused_self, reason = "methods of a Python class")]
impl Buffer {
    #[getter]
    fn name(&self) -> &'static str {
        "<stdin>"
    }

    #[getter]
    fn mode(&self) -> &'static str {
        "rb"
    }

    #[getter]
    fn closed(&self) -> bool {
        false
    }

    #[pyo3(signature = (size=None, /))]
    fn read<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        self.input(py)?.read(py, size)
    }

    #[pyo3(signature = (size=None, /))]
    fn read1<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        // At most what a pipe holds, so that text is returned as it arrives.
        let size = size.filter(|&size| size >= 0).unwrap_or(64 * 1024);
        self.input(py)?.read_some(py, size.unsigned_abs())
    }

    fn readinto(&self, into: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = into.py();
        let view = py
            .import("builtins")?
            .getattr("memoryview")?
            .call1((into,))?;
        let view = view.call_method1(intern!(py, "cast"), ("B",))?;
        let wanted = isize::try_from(view.len()?).unwrap_or(isize::MAX);
        let read = self.input(py)?.read(py, Some(wanted))?;
        let count = read.as_bytes().len();
        let part = pyo3::types::PySlice::new(py, 0, isize::try_from(count).unwrap_or(0), 1);
        view.set_item(part, PyByteArray::new(py, read.as_bytes()))?;
        Ok(count)
    }

    #[pyo3(signature = (size=None, /))]
    fn readline<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        self.input(py)?.readline(py, size)
    }

    #[pyo3(signature = (hint=None, /))]
    fn readlines<'py>(&self, py: Python<'py>, hint: Option<isize>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.input(py)?.readlines(py, hint)?.into_any())
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.input(py)?.__next__(py)
    }

    fn readable(&self) -> bool {
        true
    }

    fn writable(&self) -> bool {
        false
    }

    fn seekable(&self) -> bool {
        false
    }

    fn isatty(&self) -> bool {
        false
    }

    fn fileno(&self) -> i32 {
        0
    }

    fn flush(&self) {}

    fn close(&self) {}
}
