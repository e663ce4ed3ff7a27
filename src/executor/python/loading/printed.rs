//! What a script prints while it is loaded goes to the log and is searched for a CGI head (RFC 3875,
//! 6.2). With one, the script has answered itself and must not be called again; that answer is lost.

use std::io::IsTerminal;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::super::detached::detached;
use super::super::streams::written;
use super::Place;
use super::cgi_head::Head;
use super::descriptor::{Descriptor, Duplicate};

/// Standard output while loading lasts.
pub(super) struct Printing<'py> {
    before: [Bound<'py, PyAny>; 2],
    own: Bound<'py, PyAny>,
    look: Arc<Look>,
}

/// Searches the output; shared with the call of the application meanwhile.
#[derive(Default)]
pub(super) struct Look {
    file: Option<PathBuf>,
    head: Mutex<Head>,
    found: Mutex<Option<Printed>>,
    /// Whether the output belongs to the application and is not searched.
    is_off: AtomicBool,
    descriptor: Mutex<Option<Descriptor>>,
}

const NAMES: [&str; 2] = ["stdout", "__stdout__"];

impl<'py> Printing<'py> {
    /// Starts to search the output; None if the server closed descriptor 1.
    pub(super) fn begin(py: Python<'py>, file: Option<&Path>) -> PyResult<Option<Self>> {
        let sys = py.import("sys")?;
        let before = [sys.getattr(NAMES[0])?, sys.getattr(NAMES[1])?];
        let (Ok(encoding), Ok(errors)) =
            (before[0].getattr("encoding"), before[0].getattr("errors"))
        else {
            return Ok(None);
        };
        let look = Arc::new(Look {
            file: file.map(Path::to_owned),
            descriptor: Mutex::new(Descriptor::begin()),
            ..Look::default()
        });
        let buffer = Bound::new(py, Buffer(look.clone()))?;
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
        Ok(Some(Self { before, own, look }))
    }

    /// The search.
    pub(super) fn look(&self) -> Arc<Look> {
        self.look.clone()
    }

    /// Restores standard output, and returns whether and where a head was printed.
    pub(super) fn end(self) -> PyResult<Option<Printed>> {
        let py = self.own.py();
        let sys = py.import("sys")?;
        // The script may have replaced it with a stream that writes here.
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
        self.look.end_descriptor(py)?;
        self.look.is_off.store(true, Ordering::Release);
        Ok(self.look.found.lock().expect("not poisoned").take())
    }
}

impl Look {
    /// From now on the application prints: its output goes to the log unsearched.
    pub(super) fn pause(&self, py: Python<'_>) -> PyResult<()> {
        self.end_descriptor(py)?;
        self.is_off.store(true, Ordering::Release);
        Ok(())
    }

    /// From now on the script prints again.
    pub(super) fn resume(&self) {
        self.is_off.store(false, Ordering::Release);
    }

    /// Whether a stream that writes to this descriptor writes to standard output.
    pub(super) fn is_standard(&self, number: i32) -> bool {
        let descriptor = self.descriptor.lock().expect("not poisoned");
        number == 1 || descriptor.as_ref().is_some_and(|it| it.is(number))
    }

    fn end_descriptor(&self, py: Python<'_>) -> PyResult<()> {
        let descriptor = self.descriptor.lock().expect("not poisoned").take();
        let Some(descriptor) = descriptor else {
            return Ok(());
        };
        if Descriptor::may_be_buffered() {
            flush_streams(py)?;
        }
        let written = descriptor.end();
        if self.has_head() {
            return Ok(());
        }
        let mut head = Head::default();
        if written.iter().any(|&byte| head.add(byte)) {
            // The line that printed it is unknown.
            *self.found.lock().expect("not poisoned") = Some(Printed { place: None });
            return Ok(());
        }
        // A log that cannot be written to does not change the answer.
        _ = write(py, rustix::stdio::stdout(), &written);
        Ok(())
    }

    /// The log, while descriptor 1 is replaced.
    fn log(&self) -> Option<Arc<Duplicate>> {
        let descriptor = self.descriptor.lock().expect("not poisoned");
        descriptor.as_ref().map(Descriptor::log)
    }

    fn has_head(&self) -> bool {
        self.found.lock().expect("not poisoned").is_some()
    }

    fn look_through(&self, py: Python<'_>, bytes: &[u8]) {
        if self.is_off.load(Ordering::Acquire) || self.has_head() {
            return;
        }
        let is_whole = |head: &mut Head| bytes.iter().any(|&byte| head.add(byte));
        if !is_whole(&mut self.head.lock().expect("not poisoned")) {
            return;
        }
        // Without the lock, as another thread may print while Python is called.
        let place = self.file.as_deref().and_then(|file| Place::find(py, file));
        *self.found.lock().expect("not poisoned") = Some(Printed { place });
    }
}

/// Flushes the script's own streams to descriptor 1.
#[cold]
fn flush_streams(py: Python<'_>) -> PyResult<()> {
    let io = py.import("_io")?;
    let kinds = (io.getattr("TextIOWrapper")?, io.getattr("BufferedWriter")?);
    for object in py.import("gc")?.call_method0("get_objects")?.try_iter()? {
        let object = object?;
        let kind = object.get_type();
        if (kind.is(&kinds.0) || kind.is(&kinds.1))
            && let Ok(number) = object.call_method0("fileno")
            && number.eq(1)?
        {
            _ = object.call_method0("flush");
        }
    }
    Ok(())
}

fn write(py: Python<'_>, to: BorrowedFd<'_>, mut rest: &[u8]) -> PyResult<()> {
    while !rest.is_empty() {
        match detached(py, || rustix::io::write(to, rest)) {
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => py.check_signals()?,
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
    }
    Ok(())
}

/// A CGI head was printed.
pub(in super::super) struct Printed {
    /// The line of the script that printed it, if known.
    pub(in super::super) place: Option<Place>,
}

/// `sys.stdout.buffer`: writes at once, so that the line that printed is known.
#[pyclass(frozen, module = "wsgi_cgi")]
struct Buffer(Arc<Look>);

#[pymethods]
#[allow(clippy::unused_self, reason = "methods of a Python class")]
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
        let bytes = written(block)?;
        self.0.look_through(py, &bytes);
        // After a head nothing is logged: the rest is a page.
        if self.0.is_off.load(Ordering::Acquire) || !self.0.has_head() {
            let log = self.0.log();
            let log = log.as_ref().and_then(|log| log.own());
            let log = log.unwrap_or(rustix::stdio::stdout());
            write(py, log, &bytes)?;
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
        let log = self.0.log();
        let log = log.as_ref().and_then(|log| log.own());
        log.unwrap_or(rustix::stdio::stdout()).is_terminal()
    }

    fn fileno(&self) -> i32 {
        Descriptor::note_number_used();
        1
    }

    fn flush(&self) {}

    fn close(&self) {}
}
