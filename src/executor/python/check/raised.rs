//! An exception that came out of the application: which rule it breaks, and where it was raised.

use pyo3::exceptions::{PyKeyError, PySystemExit, PyTypeError};
use pyo3::prelude::*;

use super::notes::{Notes, Phase};
use super::place;
use super::planned::Planned;
use checking::rules;

pub(super) fn judge(
    py: Python<'_>,
    notes: &Notes,
    error: &PyErr,
    planned: &Planned,
    application: &str,
) {
    let (phase, is_sent) = {
        let mut state = notes.state();
        // The exception that start_response raised was passed on, as it should be.
        let raised = state.raised.take();
        let is_it = raised
            .as_ref()
            .is_some_and(|(raised, _)| raised.bind(py).is(error.value(py)));
        state.raised = raised.filter(|_| !is_it);
        (state.phase, state.is_sent)
    };
    let at = place::of_error(py, error);
    let here = if at.is_empty() { application } else { &at };
    let line = line(py, error);
    let is_refused = phase == Phase::Called
        && error.is_instance_of::<PyTypeError>(py)
        && error.traceback(py).is_none();
    if is_refused {
        let text =
            format!("the application cannot be called with (environ, start_response): {line}");
        notes.found(&rules::WRONG_ARGUMENTS, here, text);
    } else if error.is_instance_of::<PySystemExit>(py) {
        notes.found(
            &rules::EXITS,
            here,
            format!("the application raised {line}"),
        );
    } else if is_sent {
        let text = format!("the application raised {line}, after content was sent");
        notes.found(&rules::RAISES_LATE, here, text);
    } else if let Some(needs) = planned.needs {
        let is_of_path = error.is_instance_of::<PyKeyError>(py)
            && ["'PATH_INFO'", "'SCRIPT_NAME'"]
                .iter()
                .any(|name| line.contains(name));
        let rule = if is_of_path {
            &rules::NEEDS_EMPTY
        } else {
            needs
        };
        let text = format!("the application raised {line}, {}", rule.contrast());
        notes.found(rule, here, text);
    } else {
        notes.found(
            &rules::RAISES,
            here,
            format!("the application raised {line}"),
        );
    }
}

/// `TypeName: message`, in one line.
pub(super) fn line(py: Python<'_>, error: &PyErr) -> String {
    let name = error.get_type(py).qualname();
    let name = name.map_or("an exception".into(), |name| name.to_string());
    let text = error.value(py).str();
    let text = text.map_or(String::new(), |text| text.to_string_lossy().into_owned());
    let mut text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = text.char_indices().nth(200) {
        text.truncate(end);
        text.push_str("...");
    }
    if text.is_empty() {
        name
    } else {
        format!("{name}: {text}")
    }
}
