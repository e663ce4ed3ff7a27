//! What a script prints while it is loaded goes to the log, as ever, and is looked through for a CGI
//! head (RFC 3875, 6.2): then it has answered by itself, and must not be called again. That answer is
//! lost.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Place;

/// A longer line is in no head.
const LONGEST: usize = 8 * 1024;

/// Standard output while loading lasts.
pub(super) struct Printing<'py> {
    before: [Bound<'py, PyAny>; 2],
    own: Bound<'py, PyAny>,
    buffer: Bound<'py, Buffer>,
}

const NAMES: [&str; 2] = ["stdout", "__stdout__"];

impl<'py> Printing<'py> {
    /// Begins to look through what is printed; nothing can be where the server closed descriptor 1.
    pub(super) fn begin(py: Python<'py>, file: Option<&Path>) -> PyResult<Option<Self>> {
        let sys = py.import("sys")?;
        let before = [sys.getattr(NAMES[0])?, sys.getattr(NAMES[1])?];
        let (Ok(encoding), Ok(errors)) =
            (before[0].getattr("encoding"), before[0].getattr("errors"))
        else {
            return Ok(None);
        };
        let buffer = Bound::new(
            py,
            Buffer {
                file: file.map(Path::to_owned),
                head: Mutex::default(),
            },
        )?;
        let named = PyDict::new(py);
        named.set_item("encoding", encoding)?;
        named.set_item("errors", errors)?;
        named.set_item("newline", "\n")?;
        named.set_item("line_buffering", true)?;
        let own = py
            .import("_io")?
            .getattr("TextIOWrapper")?
            .call((&buffer,), Some(&named))?;
        own.setattr("mode", "w")?;
        for name in NAMES {
            sys.setattr(name, &own)?;
        }
        Ok(Some(Self {
            before,
            own,
            buffer,
        }))
    }

    /// Puts standard output back, and says whether a head was printed, and where.
    pub(super) fn end(self) -> PyResult<Option<Printed>> {
        let sys = self.own.py().import("sys")?;
        // The script may have put another in its place, which writes here.
        let last = sys.getattr(NAMES[0])?;
        if !last.is_none() {
            _ = last.call_method0("flush");
        }
        _ = self.own.call_method0("flush");
        for (name, before) in NAMES.into_iter().zip(self.before) {
            if sys.getattr(name)?.is(&self.own) {
                sys.setattr(name, before)?;
            }
        }
        let mut head = self.buffer.get().head.lock().expect("not poisoned");
        Ok(head.found.take())
    }
}

/// A head was printed, ...
pub(in super::super) struct Printed {
    /// ... by what this line of the script did.
    pub(in super::super) place: Option<Place>,
}

/// `sys.stdout.buffer`: writes at once, so that who printed what is known.
#[pyclass(frozen, module = "wsgi_cgi")]
struct Buffer {
    file: Option<PathBuf>,
    head: Mutex<Head>,
}

/// The head that may be about to be printed.
#[derive(Default)]
struct Head {
    line: Vec<u8>,
    /// The lines since the last that was no header line have one that only an answer has.
    is_answer: bool,
    found: Option<Printed>,
}

impl Head {
    /// Takes in one more byte; true when a head is whole.
    fn add(&mut self, byte: u8) -> bool {
        if byte != b'\n' {
            if self.line.len() < LONGEST {
                self.line.push(byte);
            }
            return false;
        }
        let line = std::mem::take(&mut self.line);
        match kind(line.strip_suffix(b"\r").unwrap_or(&line)) {
            Line::Empty => std::mem::take(&mut self.is_answer),
            Line::Answer => {
                self.is_answer = true;
                false
            }
            Line::Field => false,
            Line::Other => {
                self.is_answer = false;
                false
            }
        }
    }
}

enum Line {
    Empty,
    /// One that only an answer has.
    Answer,
    Field,
    Other,
}

fn kind(line: &[u8]) -> Line {
    if line.is_empty() {
        return Line::Empty;
    }
    // A script whose name begins with `nph-` prints the status line itself.
    if line.starts_with(b"HTTP/1.") {
        return Line::Answer;
    }
    let Some(colon) = memchr::memchr(b':', line) else {
        return Line::Other;
    };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
    if name.is_empty() || !name.iter().all(is_token) {
        return Line::Other;
    }
    let is_answer = match name.to_ascii_lowercase().as_slice() {
        b"content-type" => value.contains(&b'/'),
        b"status" => value.len() >= 3 && value[..3].iter().all(u8::is_ascii_digit),
        b"location" => !value.is_empty(),
        _ => false,
    };
    if is_answer { Line::Answer } else { Line::Field }
}

#[pymethods]
#[allow(clippy::unused_self, reason = "they are methods in Python")]
impl Buffer {
    #[getter]
    fn name(&self) -> &'static str {
        "<stdout>"
    }

    #[getter]
    fn mode(&self) -> &'static str {
        "wb"
    }

    #[getter]
    fn closed(&self) -> bool {
        false
    }

    #[getter]
    fn raw(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn write(&self, block: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = block.py();
        let bytes = PyBuffer::<u8>::get(block)?.to_vec(py)?;
        self.look_through(py, &bytes);
        let mut rest = bytes.as_slice();
        if self.has_head() {
            rest = &[]; // no log is the place for pages
        }
        while !rest.is_empty() {
            match py.detach(|| rustix::io::write(rustix::stdio::stdout(), rest)) {
                Ok(written) => rest = &rest[written..],
                Err(rustix::io::Errno::INTR) => py.check_signals()?,
                Err(error) => return Err(std::io::Error::from(error).into()),
            }
        }
        Ok(bytes.len())
    }

    fn readable(&self) -> bool {
        false
    }

    fn writable(&self) -> bool {
        true
    }

    fn seekable(&self) -> bool {
        false
    }

    fn isatty(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    fn fileno(&self) -> i32 {
        1
    }

    fn flush(&self) {}

    fn close(&self) {}
}

impl Buffer {
    fn has_head(&self) -> bool {
        self.head.lock().expect("not poisoned").found.is_some()
    }

    fn look_through(&self, py: Python<'_>, bytes: &[u8]) {
        if self.has_head() {
            return;
        }
        let is_whole = |head: &mut Head| bytes.iter().any(|&byte| head.add(byte));
        if !is_whole(&mut self.head.lock().expect("not poisoned")) {
            return;
        }
        // Not with the lock held: another thread may print while Python is asked.
        let place = self.file.as_deref().and_then(|file| Place::find(py, file));
        self.head.lock().expect("not poisoned").found = Some(Printed { place });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_head(text: &str) -> bool {
        let mut head = Head::default();
        text.bytes().any(|byte| head.add(byte))
    }

    #[test]
    fn a_head_is_told_from_what_else_is_printed() {
        for text in [
            "Content-Type: text/html\n\n",
            "Content-type:text/html\r\nX-A: b\r\n\r\n",
            "Status: 302 Found\nLocation: /x\n\n",
            "loading\nStatus: 200 OK\nContent-Length: 1\n\n",
            "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n",
        ] {
            assert!(has_head(text), "{text:?}");
        }
        for text in [
            "",
            "\n\n",
            "hello\n\n",
            "Status: loaded\n\n",
            "Status: 200 OK\nloading is over\n\n",
            "Note: this is the test server\n\n",
            "Content-Type: text/html\n",
            "location: \n\n",
        ] {
            assert!(!has_head(text), "{text:?}");
        }
    }
}
