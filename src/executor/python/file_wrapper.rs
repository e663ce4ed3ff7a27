//! `wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling").
//!
//! It is always an iterable. If the application returned this object itself, and it wraps a real file,
//! the kernel sends the file.

use std::os::fd::{BorrowedFd, RawFd};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The block size when the application names none.
const BLOCK: usize = 64 * 1024;

/// An iterable over the blocks of a file-like object.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct FileWrapper {
    #[pyo3(get)]
    filelike: Py<PyAny>,
    blksize: usize,
}

#[pymethods]
impl FileWrapper {
    #[new]
    #[pyo3(signature = (filelike, blksize=BLOCK))]
    fn new(filelike: Py<PyAny>, blksize: usize) -> Self {
        Self {
            filelike,
            blksize: blksize.max(1),
        }
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let block = self
            .filelike
            .bind(py)
            .call_method1(intern!(py, "read"), (self.blksize,))?;
        Ok(if block.is_truthy()? {
            Some(block)
        } else {
            None
        })
    }

    /// Closes the wrapped object, if it can be closed.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.filelike.bind(py).getattr_opt(intern!(py, "close"))? {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        }
    }
}

/// A real file and the position from which to send it.
pub(super) struct RealFile<'a> {
    pub(super) descriptor: BorrowedFd<'a>,
    pub(super) position: u64,
}

impl FileWrapper {
    /// The wrapped object's descriptor, if sending the file is the same as reading it. A `GzipFile` has
    /// a descriptor too, so only the io module's own classes count.
    pub(super) fn real_file<'py>(&'py self, py: Python<'py>) -> PyResult<Option<RealFile<'py>>> {
        let io = py.import("_io")?;
        let file_io = io.getattr("FileIO")?;
        let mut file = self.filelike.bind(py).clone();
        // tempfile.NamedTemporaryFile wraps a file in `file`.
        if file.get_type().name()?.to_string_lossy() == "_TemporaryFileWrapper" {
            file = file.getattr("file")?;
        }
        let kind = file.get_type();
        let is_real = if kind.is(&file_io) {
            true
        } else if kind.is(io.getattr("BufferedReader")?) || kind.is(io.getattr("BufferedRandom")?) {
            file.getattr("raw")?.get_type().is(&file_io)
        } else {
            false
        };
        if !is_real {
            return Ok(None);
        }
        // `tell` counts what Python has read ahead; it fails on what cannot be positioned.
        let (Ok(position), Ok(number)) = (
            file.call_method0(intern!(py, "tell"))
                .and_then(|p| p.extract::<u64>()),
            file.call_method0(intern!(py, "fileno"))
                .and_then(|n| n.extract::<RawFd>()),
        ) else {
            return Ok(None);
        };
        file.call_method0(intern!(py, "flush"))?;
        // SAFETY: the file object, which `self` keeps alive, owns the descriptor; the application
        // has returned and is not called again before the descriptor has been used.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let stat = rustix::fs::fstat(descriptor).map_err(std::io::Error::from)?;
        let is_file = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
        Ok(is_file.then_some(RealFile {
            descriptor,
            position,
        }))
    }
}

/// The bytes of a block that is not `bytes`: a copy of any contiguous buffer.
pub(super) fn buffer<'py>(block: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let view = pyo3::types::PyMemoryView::from(block)?;
    Ok(view.call_method0("tobytes")?.cast_into::<PyBytes>()?)
}
