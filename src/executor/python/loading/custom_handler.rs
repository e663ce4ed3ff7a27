//! A handler class of the script itself that overrides methods of the standard library's: it is run
//! unchanged, and the CGI answer that it writes is parsed and passed on like the answer of an
//! application.

use std::sync::Mutex;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};

use super::super::environ::native;
use super::super::streams::written;

/// The longest CGI head.
const LONGEST: usize = 1 << 20;

/// Methods that a class or an object may override.
const METHODS: [&str; 22] = [
    "_flush",
    "_write",
    "add_cgi_vars",
    "cleanup_headers",
    "client_is_modern",
    "close",
    "error_output",
    "finish_content",
    "finish_response",
    "get_scheme",
    "get_stderr",
    "get_stdin",
    "handle_error",
    "log_exception",
    "result_is_file",
    "send_headers",
    "send_preamble",
    "set_content_length",
    "setup_environ",
    "start_response",
    "wsgi_file_wrapper",
    "write",
];

/// Whether the handler overrides a method, or has a variable that is not a string.
pub(super) fn is_customized(handler: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = handler.py();
    let names = handler.getattr(intern!(py, "__dict__"))?;
    // Set by the standard library's own handlers, in each of them.
    let is_set = |name: &str| !matches!(name, "_flush" | "_write" | "wsgi_file_wrapper");
    for name in METHODS.iter().filter(|name| is_set(name)) {
        if names.contains(name)? {
            return Ok(true);
        }
    }
    for class in handler.get_type().mro() {
        let class = class.cast_into::<PyType>()?;
        if class.getattr("__module__")?.eq("wsgiref.handlers")? {
            break;
        }
        let names = class.getattr("__dict__")?;
        for name in METHODS {
            if names.contains(name)? {
                return Ok(true);
            }
        }
    }
    let Some(variables) = handler.getattr_opt(intern!(py, "base_env"))? else {
        return Ok(false);
    };
    let Ok(variables) = variables.cast_into::<PyDict>() else {
        return Ok(false); // `os.environ`, whose values are strings
    };
    for (name, value) in variables {
        let is_of_the_gateway = name
            .extract::<String>()
            .is_ok_and(|it| it.starts_with("wsgi."));
        if is_of_the_gateway || !value.is_instance_of::<PyString>() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Runs the handler with its application, as an application.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct CustomHandler {
    handler: Py<PyAny>,
    application: Py<PyAny>,
    run: Py<PyAny>,
}

impl CustomHandler {
    pub(super) fn new(
        handler: &Bound<'_, PyAny>,
        application: &Bound<'_, PyAny>,
        run: Py<PyAny>,
    ) -> Self {
        Self {
            handler: handler.clone().unbind(),
            application: application.clone().unbind(),
            run,
        }
    }
}

#[pymethods]
impl CustomHandler {
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        _environ: &Bound<'py, PyAny>,
        start_response: Py<PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let output = Output {
            start_response,
            head: Mutex::default(),
        };
        let output = Bound::new(py, output)?;
        let application = Called {
            application: self.application.clone_ref(py),
            error: Mutex::new(None),
        };
        let application = Bound::new(py, application)?;
        let handler = self.handler.bind(py);
        handler.setattr("stdout", &output)?;
        self.run.call1(py, (handler, &application))?;
        if output.get().has_head() {
            return Ok(PyTuple::empty(py));
        }
        // The handlers ignore some errors, as if the client had disconnected.
        let error = application.get().error.lock().expect("not poisoned").take();
        Err(error.unwrap_or_else(|| {
            PyRuntimeError::new_err("the handler wrote no CGI response headers to its `stdout`")
        }))
    }
}

/// The application, wrapped to keep the exception that it raised.
#[pyclass(frozen, module = "wsgi_cgi")]
struct Called {
    application: Py<PyAny>,
    error: Mutex<Option<PyErr>>,
}

#[pymethods]
impl Called {
    #[pyo3(signature = (*words, **named))]
    fn __call__(
        &self,
        py: Python<'_>,
        words: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let called = self.application.call(py, words, named);
        if let Err(error) = &called {
            *self.error.lock().expect("not poisoned") = Some(error.clone_ref(py));
        }
        called
    }
}

/// `handler.stdout`: parses the head, and passes on what follows.
#[pyclass(frozen, module = "wsgi_cgi")]
struct Output {
    start_response: Py<PyAny>,
    head: Mutex<Head>,
}

#[derive(Default)]
struct Head {
    text: Vec<u8>,
    /// The write callable, once the head is whole.
    write: Option<Py<PyAny>>,
}

#[pymethods]
#[allow(clippy::unused_self, reason = "methods of a Python class")]
impl Output {
    fn write(&self, block: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = block.py();
        let block = written(block)?;
        // Python must not be called with the lock held.
        let write = {
            let mut head = self.head.lock().expect("not poisoned");
            if head.write.is_none() {
                head.text.extend_from_slice(&block);
            }
            head.write.as_ref().map(|write| write.clone_ref(py))
        };
        if let Some(write) = write {
            write.call1(py, (PyBytes::new(py, &block),))?;
            return Ok(block.len());
        }
        let (text, end) = {
            let mut head = self.head.lock().expect("not poisoned");
            let Some(end) = end_of_head(&head.text) else {
                if head.text.len() > LONGEST {
                    return Err(PyValueError::new_err(format!(
                        "the first {LONGEST} bytes from the handler do not contain the complete CGI response headers"
                    )));
                }
                return Ok(block.len());
            };
            (std::mem::take(&mut head.text), end)
        };
        let (status, headers) = parse(py, &text[..end])?;
        let write = self.start_response.call1(py, (status, headers))?;
        self.head.lock().expect("not poisoned").write = Some(write.clone_ref(py));
        if text.len() > end {
            write.call1(py, (PyBytes::new(py, &text[end..]),))?;
        }
        Ok(block.len())
    }

    fn flush(&self) {}

    fn fileno(&self) -> i32 {
        1
    }
}

impl Output {
    fn has_head(&self) -> bool {
        self.head.lock().expect("not poisoned").write.is_some()
    }
}

/// The offset at which the content begins.
fn end_of_head(text: &[u8]) -> Option<usize> {
    let ends = [&b"\n\r\n"[..], b"\n\n"];
    let found = ends.map(|end| memchr::memmem::find(text, end).map(|at| at + end.len()));
    found.into_iter().flatten().min()
}

/// The status and the other headers (RFC 3875, section 6.3).
fn parse<'py>(
    py: Python<'py>,
    head: &[u8],
) -> PyResult<(Bound<'py, PyString>, Bound<'py, PyList>)> {
    let mut status = PyString::new(py, "200 OK");
    let headers = PyList::empty(py);
    // A line that begins with a space continues the one before (RFC 9112, section 5.2).
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in head.split(|&byte| byte == b'\n') {
        match lines.last_mut() {
            Some(last) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                *last = [last.as_slice(), b" ", line.trim_ascii()].concat();
            }
            _ => lines.push(line.trim_ascii().to_vec()),
        }
    }
    for line in &lines {
        let line = line.as_slice();
        // The status line of a handler for servers other than CGI.
        if line.is_empty() || line.starts_with(b"HTTP/1.") {
            if let Some(space) = memchr::memchr(b' ', line) {
                status = native(py, line[space..].trim_ascii());
            }
            continue;
        }
        let colon = memchr::memchr(b':', line).ok_or_else(|| {
            PyValueError::new_err(
                "among the handler's CGI response headers is a line that is not a header",
            )
        })?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"status") {
            status = native(py, value);
        } else {
            headers.append((native(py, name), native(py, value)))?;
        }
    }
    Ok((status, headers))
}
