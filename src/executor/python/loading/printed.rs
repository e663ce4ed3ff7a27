//! What a script prints while it is loaded goes to the log, as ever, and is looked through for a CGI
//! head (RFC 3875, 6.2): then it has answered by itself, and must not be called again. That answer is
//! lost.

use std::io::IsTerminal;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::super::streams::written;
use super::Place;
use super::cgi_head::Head;
use super::descriptor::{Copy, Descriptor};

/// Standard output while loading lasts.
pub(super) struct Printing<'py> {
    before: [Bound<'py, PyAny>; 2],
    own: Bound<'py, PyAny>,
    look: Arc<Look>,
}

/// What looks through it, shared with whoever calls the application meanwhile.
#[derive(Default)]
pub(super) struct Look {
    file: Option<PathBuf>,
    head: Mutex<Head>,
    found: Mutex<Option<Printed>>,
    /// What is printed is not of loading.
    is_off: AtomicBool,
    descriptor: Mutex<Option<Descriptor>>,
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

    /// What looks through it.
    pub(super) fn look(&self) -> Arc<Look> {
        self.look.clone()
    }

    /// Puts standard output back, and says whether a head was printed, and where.
    pub(super) fn end(self) -> PyResult<Option<Printed>> {
        let py = self.own.py();
        let sys = py.import("sys")?;
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
        self.look.end_descriptor(py)?;
        self.look.is_off.store(true, Ordering::Release);
        Ok(self.look.found.lock().expect("not poisoned").take())
    }
}

impl Look {
    /// What is printed from now on is the application's, and for the log as it is.
    pub(super) fn pause(&self, py: Python<'_>) -> PyResult<()> {
        self.end_descriptor(py)?;
        self.is_off.store(true, Ordering::Release);
        Ok(())
    }

    /// What is printed from now on is the script's again.
    pub(super) fn go_on(&self) {
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
            // Which line it was nobody knows.
            *self.found.lock().expect("not poisoned") = Some(Printed { place: None });
            return Ok(());
        }
        // A log that takes nothing is no reason to answer otherwise.
        _ = write(py, rustix::stdio::stdout(), &written);
        Ok(())
    }

    /// Where the log is, as long as descriptor 1 is elsewhere.
    fn log(&self) -> Option<Arc<Copy>> {
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
        // Not with the lock held: another thread may print while Python is asked.
        let place = self.file.as_deref().and_then(|file| Place::find(py, file));
        *self.found.lock().expect("not poisoned") = Some(Printed { place });
    }
}

/// Writes out what the script's own streams to descriptor 1 hold back.
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
        match py.detach(|| rustix::io::write(to, rest)) {
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => py.check_signals()?,
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
    }
    Ok(())
}

/// A head was printed, ...
pub(in super::super) struct Printed {
    /// ... by what this line of the script did.
    pub(in super::super) place: Option<Place>,
}

/// `sys.stdout.buffer`: writes at once, so that who printed what is known.
#[pyclass(frozen, module = "wsgi_cgi")]
struct Buffer(Arc<Look>);

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
        let bytes = written(block)?;
        self.0.look_through(py, &bytes);
        // No log is the place for pages.
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
        Descriptor::is_asked_for();
        1
    }

    fn flush(&self) {}

    fn close(&self) {}
}
