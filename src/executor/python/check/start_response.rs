//! `start_response` as a recorder: mistakes in a call are recorded, and what can be understood is used.

use std::sync::Arc;

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTraceback, PyTuple, PyType};

use super::super::start_response::shown;
use super::notes::{Notes, Phase};
use super::place;
use super::write::Write;
use checking::{fields, rules, status};

/// The callable that the application gets.
#[pyclass(frozen, module = "wsgi_cgi")]
pub(super) struct StartResponse(pub(super) Arc<Notes>);

#[pymethods]
impl StartResponse {
    #[pyo3(signature = (*given, **named))]
    fn __call__(
        &self,
        py: Python<'_>,
        given: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Write> {
        let notes = &self.0;
        let here = place::of_caller(py);
        let named = named.filter(|named| !named.is_empty());
        if named.is_some() || !(2..=3).contains(&given.len()) {
            let text = match named {
                Some(named) => format!(
                    "start_response was called with keyword arguments: {}",
                    shown(named)
                ),
                None => format!("start_response was called with {} arguments", given.len()),
            };
            notes.found(&rules::START_RESPONSE_ARGUMENTS, &here, text);
        }
        let argument = |index: usize, names: &[&str]| -> Option<Bound<'_, PyAny>> {
            let by_place = given.get_item(index).ok();
            by_place.or_else(|| {
                let named = named?;
                names.iter().find_map(|name| named.get_item(*name).ok()?)
            })
        };
        let exc_info = argument(2, &["exc_info"]).filter(|info| !info.is_none());
        self.judge_order(py, exc_info.as_ref(), &here)?;
        if let Some(given) = argument(0, &["status"]) {
            self.take_status(&given, &here);
        }
        if let Some(given) = argument(1, &["headers", "response_headers"]) {
            self.take_headers(py, &given, &here);
        }
        self.0.state().answer.place = here;
        Ok(Write(self.0.clone()))
    }
}

impl StartResponse {
    /// Checks the order of calls; raises the exception in exc_info again if content was sent.
    fn judge_order(
        &self,
        py: Python<'_>,
        exc_info: Option<&Bound<'_, PyAny>>,
        here: &str,
    ) -> PyResult<()> {
        let notes = &self.0;
        let (calls, is_sent, phase) = {
            let mut state = notes.state();
            state.calls += 1;
            (state.calls, state.is_sent, state.phase)
        };
        if phase == Phase::Ended {
            let text = "start_response was called after the answer had ended";
            notes.found(&rules::START_RESPONSE_LATE, here, text);
        }
        let Some(exc_info) = exc_info else {
            if calls > 1 {
                let text = if is_sent {
                    "start_response was called a second time without exc_info, after content was \
                     sent"
                } else {
                    "start_response was called a second time without exc_info"
                };
                notes.found(&rules::START_RESPONSE_TWICE, here, text);
            }
            return Ok(());
        };
        let Some(error) = raised(exc_info) else {
            let text = format!(
                "exc_info is {}, not what sys.exc_info() returns in an except block",
                shown(exc_info)
            );
            notes.found(&rules::EXC_INFO_WRONG, here, text);
            return Ok(());
        };
        if is_sent && phase != Phase::Ended {
            notes.state().raised =
                Some((error.clone_ref(py).into_value(py).into_any(), here.into()));
            return Err(error);
        }
        Ok(())
    }

    fn take_status(&self, given: &Bound<'_, PyAny>, here: &str) {
        let text = if let Ok(text) = given.cast::<PyString>() {
            text.to_string_lossy().into_owned()
        } else {
            let said = format!("the status is {} instead of a str", shown(given));
            self.0.found(&rules::STATUS_NOT_STR, here, said);
            text_of(given)
        };
        let (code, seen) = status::judge(&text);
        self.0.seen(here, seen);
        let mut state = self.0.state();
        state.answer.code = code;
        state.answer.status = text;
    }

    fn take_headers(&self, py: Python<'_>, given: &Bound<'_, PyAny>, here: &str) {
        let notes = &self.0;
        if !given.is_exact_instance_of::<PyList>() {
            let kind = given.get_type().name();
            let kind = kind.map_or("object".into(), |kind| kind.to_string());
            let text = format!(
                "the headers are {}, a {} instead of a list",
                shown(given),
                kind
            );
            notes.found(&rules::HEADERS_NOT_LIST, here, text);
        }
        let given_list = given.cast::<PyList>().ok();
        let items = match given_list {
            Some(list) => PyList::new(py, list.iter()).ok(),
            None => py
                .get_type::<PyList>()
                .call1((given,))
                .ok()
                .and_then(|list| list.cast_into().ok()),
        };
        let Some(items) = items else { return };
        let mut taken = Vec::new();
        for item in items.iter() {
            let pair = item.cast::<PyTuple>().ok().filter(|tuple| tuple.len() == 2);
            let pair = pair.map(pyo3::types::PyTupleMethods::to_list).or_else(|| {
                let text = format!(
                    "the header {} is not a tuple of a name and a value",
                    shown(&item)
                );
                notes.found(&rules::HEADER_NOT_TUPLE, here, text);
                let list = item.cast::<PyList>().ok().filter(|list| list.len() == 2);
                list.cloned()
            });
            let Some(pair) = pair else { continue };
            let mut texts = Vec::new();
            for part in pair.iter() {
                if !part.is_instance_of::<PyString>() {
                    let text = format!(
                        "the header {} has {} instead of a str",
                        shown(&item),
                        shown(&part)
                    );
                    notes.found(&rules::HEADER_NOT_STR, here, text);
                }
                texts.push(text_of(&part));
            }
            if let [name, value] = &texts[..] {
                taken.push((name.clone(), value.clone()));
            }
        }
        notes.seen(here, fields::judge(&taken));
        let mut state = notes.state();
        state.answer.fields = taken;
        state.headers = given_list.map(|list| (list.clone().unbind(), items.unbind()));
    }
}

/// What a lenient gateway would make of a status or a part of a header.
fn text_of(given: &Bound<'_, PyAny>) -> String {
    match given.cast::<PyBytes>() {
        Ok(bytes) => String::from_utf8_lossy(bytes.as_bytes()).into_owned(),
        Err(_) => given
            .str()
            .map_or(String::new(), |text| text.to_string_lossy().into_owned()),
    }
}

/// The exception of a `sys.exc_info()` tuple, with its traceback; None if it is not such a tuple.
fn raised(exc_info: &Bound<'_, PyAny>) -> Option<PyErr> {
    let tuple = exc_info.cast::<PyTuple>().ok()?;
    let (kind, value, traceback): (Bound<'_, PyAny>, Bound<'_, PyAny>, Bound<'_, PyAny>) =
        tuple.extract().ok()?;
    let kind = kind.cast_into::<PyType>().ok()?;
    let value = value.cast_into::<PyBaseException>().ok()?;
    let is_traceback = traceback.is_none() || traceback.is_instance_of::<PyTraceback>();
    if !is_traceback || !value.is_instance(&kind).ok()? {
        return None;
    }
    value.setattr("__traceback__", traceback).ok()?;
    Some(PyErr::from_value(value.into_any()))
}
