//! One call of the application: its iterable is read to the end, `close()` is called, and side effects
//! are checked. Mistakes are recorded, and the call continues.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyKeyboardInterrupt, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::super::start_response::shown;
use super::environ;
use super::notes::{Notes, Phase};
use super::place;
use super::planned::Planned;
use super::printed::Printed;
use super::processes::Processes;
use super::raised;
use super::side_effects::SideEffects;
use super::start_response::StartResponse;
use super::write::as_bytes;
use checking::{Answer, Finding, rules};

/// The most bytes and blocks that are read from an iterable.
const MOST: u64 = 16 << 20;
const MOST_BLOCKS: u64 = 100_000;

/// From this many blocks on, blocks below this average size are reported.
const MANY_BLOCKS: u64 = 64;
const SMALL: u64 = 8;

/// How the application is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As a strict gateway does.
    Strict,
    /// With the environ of this gateway.
    AsGateway,
}

/// What came of a call.
pub struct Outcome {
    /// What was found.
    pub found: Vec<Finding>,
    /// What was answered.
    pub answer: Answer,
    /// What the application returned.
    pub iterable: Option<Py<PyAny>>,
}

/// Makes one call, and stops reading after that time.
///
/// # Errors
/// For Ctrl-C, and errors of Python itself.
pub(super) fn exchange(
    py: Python<'_>,
    application: &Bound<'_, PyAny>,
    planned: &Planned,
    manner: Manner,
    before: Option<&Py<PyAny>>,
    time: Duration,
) -> PyResult<Outcome> {
    let notes = Arc::new(Notes::new(&planned.line));
    let call = Call {
        py,
        notes: &notes,
        planned,
        place: place::of_callable(application),
        processes: Processes::new()?,
        // Earlier than the timeout of the process that waits for this one.
        until: Instant::now() + time * 4 / 5,
    };
    let side_effects = SideEffects::look(py)?;
    let printed = Printed::begin(py, &notes)?;
    let errors = printed.log(py);
    let environ = match manner {
        Manner::Strict => environ::build(py, planned, &notes, errors)?,
        Manner::AsGateway => environ::of_gateway(py, planned, &notes)?,
    };
    let start_response = Bound::new(py, StartResponse(notes.clone()))?;
    let called = call.call(application, (environ, start_response), before);
    // In any case, also for Ctrl-C.
    printed.end(py, &notes, &call.place);
    let iterable = called?;
    side_effects.compare(py, &notes, &call.place)?;
    call.processes.judge(&notes, &call.place);
    let answer = notes.state().answer.clone();
    Ok(Outcome {
        found: notes.take(),
        answer,
        iterable,
    })
}

struct Call<'a, 'py> {
    py: Python<'py>,
    notes: &'a Arc<Notes>,
    planned: &'a Planned,
    /// Where the application is.
    place: String,
    processes: Processes,
    /// When to stop reading an iterable that has not ended.
    until: Instant,
}

impl<'py> Call<'_, 'py> {
    /// Calls the application, and reads what it returns.
    fn call(
        &self,
        application: &Bound<'py, PyAny>,
        given: (Bound<'py, PyDict>, Bound<'py, StartResponse>),
        before: Option<&Py<PyAny>>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let result = application.call1(given);
        self.processes.end_if_forked();
        let mut iterable = None;
        match result {
            Ok(result) => {
                self.check_not_reused(&result, before);
                self.go_through(&result)?;
                iterable = Some(result.unbind());
            }
            Err(error) => self.raised(&error)?,
        }
        self.conclude();
        Ok(iterable)
    }

    fn raised(&self, error: &PyErr) -> PyResult<()> {
        if error.is_instance_of::<PyKeyboardInterrupt>(self.py) {
            return Err(error.clone_ref(self.py));
        }
        raised::judge(self.py, self.notes, error, self.planned, &self.place);
        Ok(())
    }

    /// Checks that the application did not return the iterator of the call before, which has ended.
    fn check_not_reused(&self, result: &Bound<'_, PyAny>, before: Option<&Py<PyAny>>) {
        let is_same = before.is_some_and(|before| before.is(result));
        let is_iterator = result.hasattr("__next__").unwrap_or(false);
        if is_same && is_iterator {
            let here = place::of_iterable(result, &self.place);
            let text = "the application returned the same iterator as in the call before";
            self.notes.found(&rules::ITERABLE_REUSED, &here, text);
        }
    }

    /// Reads what was returned, and closes it.
    fn go_through(&self, result: &Bound<'_, PyAny>) -> PyResult<()> {
        let here = place::of_iterable(result, &self.place);
        let wrong = |rule, text: String| self.notes.found(rule, &self.place, text);
        self.notes.state().phase = Phase::Iterated;
        if result.is_none() {
            wrong(&rules::RETURNS_NONE, "the application returned None".into());
        } else if result.is_instance_of::<PyString>() || result.is_instance_of::<PyBytes>() {
            let rule = if result.is_instance_of::<PyString>() {
                &rules::RETURNS_STR
            } else {
                &rules::RETURNS_BYTES
            };
            wrong(rule, format!("the application returned {}", shown(result)));
            self.notes.sent(&as_bytes(result), || self.place.clone());
            self.notes.state().answer.is_whole = true;
        } else {
            let length = result.len().ok();
            match result.try_iter() {
                Ok(items) => self.iterate(items, length, &here)?,
                Err(error) if error.is_instance_of::<PyTypeError>(self.py) => {
                    let text = format!(
                        "the application returned {}, which cannot be iterated",
                        shown(result)
                    );
                    wrong(&rules::NOT_ITERABLE, text);
                }
                Err(error) => self.raised(&error)?,
            }
        }
        self.close(result, &here)
    }

    fn iterate<'a>(
        &self,
        items: impl Iterator<Item = PyResult<Bound<'a, PyAny>>>,
        length: Option<usize>,
        here: &str,
    ) -> PyResult<()> {
        let (mut count, mut bytes) = (0_u64, 0_u64);
        let mut is_whole = true;
        for item in items {
            self.processes.end_if_forked();
            let item = match item {
                Ok(item) => item,
                Err(error) => return self.raised(&error),
            };
            count += 1;
            let block = self.block(&item, here);
            bytes += block.len() as u64;
            if block.is_empty() && self.notes.state().calls == 0 && count == 1 {
                let text = "the iterable yielded empty bytes before start_response was called";
                self.notes
                    .found(&rules::START_RESPONSE_AFTER_EMPTY, here, text);
            }
            self.notes.sent(&block, || here.to_owned());
            if bytes > MOST || count > MOST_BLOCKS || Instant::now() > self.until {
                is_whole = false;
                if self.notes.state().answer.announced().is_none() {
                    let text = format!(
                        "the answer had not ended after {bytes} bytes in {count} blocks: reading \
                         stopped"
                    );
                    self.notes.found(&rules::ENDLESS, here, text);
                }
                break;
            }
        }
        self.processes.end_if_forked();
        self.notes.state().answer.is_whole = is_whole;
        if let Some(length) = length.filter(|&length| is_whole && length as u64 != count) {
            let text = format!("len() of the iterable is {length}, but it yielded {count} items");
            self.notes.found(&rules::WRONG_LEN, here, text);
        }
        if count >= MANY_BLOCKS && bytes > 0 && bytes / count < SMALL {
            let text = format!(
                "{bytes} bytes of content came in {count} blocks: blocks so small are slow"
            );
            self.notes.found(&rules::TINY_BLOCKS, here, text);
        }
        Ok(())
    }

    fn block(&self, item: &Bound<'_, PyAny>, here: &str) -> Vec<u8> {
        if !item.is_instance_of::<PyBytes>() {
            let text = format!("the iterable yielded {} instead of bytes", shown(item));
            self.notes.found(&rules::ITEM_NOT_BYTES, here, text);
        } else if !item.is_exact_instance_of::<PyBytes>() {
            let text = format!(
                "the iterable yielded {}, which is a subclass of bytes",
                shown(item)
            );
            self.notes.found(&rules::ITEM_OF_SUBCLASS, here, text);
        }
        as_bytes(item)
    }

    fn close(&self, result: &Bound<'_, PyAny>, here: &str) -> PyResult<()> {
        let close = result.getattr_opt(intern!(self.py, "close"));
        let closed = close.and_then(|close| match close {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        });
        self.processes.end_if_forked();
        let Err(error) = closed else { return Ok(()) };
        if error.is_instance_of::<PyKeyboardInterrupt>(self.py) {
            return Err(error);
        }
        let at = place::of_error(self.py, &error);
        let at = if at.is_empty() { here.to_owned() } else { at };
        let text = format!("close() raised {}", raised::line(self.py, &error));
        self.notes.found(&rules::CLOSE_RAISES, &at, text);
        Ok(())
    }

    /// Checks what can be checked only after the answer has ended.
    fn conclude(&self) {
        let py = self.py;
        let notes = self.notes;
        let (calls, place, headers, answer, raised) = {
            let mut state = notes.state();
            state.phase = Phase::Ended;
            (
                state.calls,
                state.answer.place.clone(),
                state.headers.take(),
                state.answer.clone(),
                state.raised.take(),
            )
        };
        if calls == 0 && answer.is_whole {
            let text = "start_response was not called";
            notes.found(&rules::START_RESPONSE_MISSING, &self.place, text);
        }
        if let Some((_, here)) = raised {
            let text = "the application called start_response with exc_info after content was sent, and caught \
                 the exception that start_response raised: let it through";
            notes.found(&rules::EXC_INFO_SWALLOWED, &here, text);
        }
        if let Some((list, copy)) = headers
            && !list.bind(py).as_any().eq(copy.bind(py)).unwrap_or(true)
        {
            let text = "the list of headers was changed after it was passed to start_response";
            notes.found(&rules::HEADERS_CHANGED, &place, text);
        }
        let mut seen = answer.judge(&self.planned.question);
        if let Some(needs) = self.planned.needs {
            for (rule, text) in &mut seen {
                if *rule == &rules::SERVER_ERROR {
                    *rule = needs;
                    *text = format!("{text}, {}", needs.contrast());
                }
            }
        }
        notes.seen(&place, seen);
        let is_failure = answer.code.is_none_or(|code| code >= 500) || !answer.is_whole;
        let looked_for = std::mem::take(&mut notes.state().looked_for);
        if is_failure {
            for (text, here) in looked_for {
                notes.found(&rules::STREAM_ATTRIBUTE, &here, text);
            }
        }
    }
}
