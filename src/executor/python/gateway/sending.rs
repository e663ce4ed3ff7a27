//! Sends what an application returns: its iterable, its blocks, a real file, or what it passes to the
//! legacy `write()`; and handles writes that fail. `gateway` ends the exchange.

use std::sync::atomic::Ordering;

use pyo3::exceptions::{
    PyAttributeError, PyBrokenPipeError, PyNotImplementedError, PyOSError, PyTypeError,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::super::detached::detached;
use super::super::failure::Failure;
use super::super::file_wrapper::{self, FileWrapper};
use super::super::start_response::shown;
use super::{Gateway, Stop};
use exchange::{Event, Flow, Responder, SendError};
use process::report;

impl Gateway {
    /// The `write` callable.
    pub(in super::super) fn write(&self, py: Python<'_>, block: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.send(py, block, Responder::write, Event::Write) {
            Ok(_) => Ok(()),
            Err(Stop::Raised(error)) => Err(error),
            Err(Stop::Failed(failure)) => Err(PyTypeError::new_err(failure.summary.clone())),
            Err(Stop::Unwritable(error)) => {
                let number = error.raw_os_error();
                let text = SendError::Io(error).to_string();
                Err(PyOSError::new_err((number, text)))
            }
            Err(Stop::ClientGone) => Err(PyBrokenPipeError::new_err(
                "the client closed the connection",
            )),
        }
    }

    pub(super) fn send_all(&self, py: Python<'_>, result: &Bound<'_, PyAny>) -> Result<(), Stop> {
        if let Ok(wrapper) = result.cast_exact::<FileWrapper>()
            && self.send_file(py, wrapper.get())?
        {
            return Ok(());
        }
        if result.is_instance_of::<PyBytes>() {
            self.warn(
                "the application returned bytes, which other gateways send byte by byte: return \
                 [content]",
            );
            self.send(py, result, |to, bytes| to.block(bytes, true), Event::Block)?;
            return Ok(());
        }
        if result.is_instance_of::<PyString>() || result.is_none() {
            return Err(Stop::Failed(Failure::new(
                500,
                format!(
                    "the application returned {}: it must return an iterable of bytes, such as \
                     [text.encode()]",
                    shown(result)
                ),
            )));
        }
        let only = is_of_length_1(result)?;
        let blocks = result.try_iter().map_err(|error| {
            let what = format!("the application returned {}", shown(result));
            Stop::Failed(Failure::of(py, &error, &what))
        })?;
        for block in blocks {
            let flow = self.send(py, &block?, |to, bytes| to.block(bytes, only), Event::Block)?;
            if flow == Flow::Enough {
                break;
            }
        }
        Ok(())
    }

    /// Sends one block whole before it returns (PEP 3333, "Buffering and Streaming").
    fn send(
        &self,
        py: Python<'_>,
        block: &Bound<'_, PyAny>,
        how: impl FnOnce(&mut Responder, &[u8]) -> Result<Flow, SendError> + Send,
        event: fn(usize) -> Event<'static>,
    ) -> Result<Flow, Stop> {
        let copied;
        let bytes = if let Ok(bytes) = block.cast::<PyBytes>() {
            bytes.as_bytes()
        } else if block.is_instance_of::<PyString>() {
            return Err(Stop::Failed(Failure::new(
                500,
                format!(
                    "a block of the response is the str {}: encode it with .encode(\"utf-8\")",
                    shown(block)
                ),
            )));
        } else {
            copied = file_wrapper::buffer(block).map_err(|_| {
                Stop::Failed(Failure::new(
                    500,
                    format!(
                        "a block of the response is {}: it must be bytes",
                        shown(block)
                    ),
                ))
            })?;
            self.warn(
                "a block of the response is a buffer (such as a bytearray), not bytes: other gateways refuse it: \
                 convert it with bytes()",
            );
            copied.as_bytes()
        };
        self.watch().tell(event(bytes.len()));
        let sent = detached(py, || how(&mut self.responder_detached(), bytes));
        self.sent(py, sent)
    }

    /// Hands a real file to the system; false when the blocks have to be read instead.
    fn send_file(&self, py: Python<'_>, wrapper: &FileWrapper) -> Result<bool, Stop> {
        if !self.responder(py).wants_content() {
            return Ok(false);
        }
        let Some(file) = wrapper.real_file(py)? else {
            return Ok(false);
        };
        self.watch().tell(Event::File(file.position));
        let sent = detached(py, || {
            let mut responder = self.responder_detached();
            responder.file(file.descriptor, file.position)
        });
        self.sent(py, sent)?;
        Ok(true)
    }

    pub(super) fn finish(&self, py: Python<'_>) -> Result<(), Stop> {
        // The application went on after a write that failed: there is nothing left to end.
        if self.client_gone.load(Ordering::Acquire) {
            return Err(Stop::ClientGone);
        }
        let finished = detached(py, || self.responder_detached().finish());
        let missing = self.sent(py, finished)?;
        if missing > 0 {
            report::log(&format!(
                "the response is {missing} bytes shorter than its Content-Length"
            ));
        }
        Ok(())
    }

    fn sent<T>(&self, py: Python<'_>, sent: Result<T, SendError>) -> Result<T, Stop> {
        match sent {
            Ok(value) => Ok(value),
            Err(SendError::ClientGone) => {
                self.client_gone.store(true, Ordering::Release);
                Err(Stop::ClientGone)
            }
            Err(error @ SendError::Lost) => Err(Stop::Failed(Failure::new(500, error.to_string()))),
            Err(SendError::NoHead) => Err(Stop::Failed(Failure::new(
                500,
                "the application did not call start_response before its first block or before it \
                 ended",
            ))),
            Err(SendError::Io(error)) => {
                // If a signal interrupted the write, its handler runs first.
                py.check_signals()?;
                Err(Stop::Unwritable(error))
            }
        }
    }
}

/// Whether the iterable has a length, as the standard library decides that, and it is 1.
fn is_of_length_1(iterable: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = iterable.py();
    match iterable.len() {
        Ok(length) => Ok(length == 1),
        Err(error)
            if error.is_instance_of::<PyTypeError>(py)
                || error.is_instance_of::<PyAttributeError>(py)
                || error.is_instance_of::<PyNotImplementedError>(py) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
