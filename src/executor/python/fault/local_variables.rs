//! The local variables of a call with their values: limited in time and length, without secrets, and
//! safe against what an object's `__repr__` does.

use std::fmt::Write;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{
    PyBytes, PyDict, PyFrozenSet, PyInt, PyList, PyModule, PySet, PySlice, PyString, PyTuple,
    PyType,
};

use super::cut;
use exchange::{LOCALS, MASKED, is_secret_name};

/// How long a value may be.
const LONGEST: usize = 500;
/// How many items of a container are shown, and how deep.
const ITEMS: usize = 20;
const DEPTH: usize = 3;
/// After this time the rest is left out, as somebody waits for the page.
const PATIENCE: Duration = Duration::from_secs(2);

/// Shows local variables until the deadline.
pub(super) struct LocalVariables {
    deadline: Instant,
}

impl LocalVariables {
    pub(super) fn begin() -> Self {
        Self {
            deadline: Instant::now() + PATIENCE,
        }
    }

    /// Those of a frame, and how many more there are.
    pub(super) fn of(&self, frame: &Bound<'_, PyAny>) -> (Vec<(String, String)>, usize) {
        self.look(frame).unwrap_or_default()
    }

    fn look(&self, frame: &Bound<'_, PyAny>) -> PyResult<(Vec<(String, String)>, usize)> {
        let py = frame.py();
        let locals = frame.getattr("f_locals")?;
        let is_module = locals.is(&frame.getattr("f_globals")?);
        // A proxy since Python 3.13.
        let locals = py
            .get_type::<PyDict>()
            .call1((locals,))?
            .cast_into::<PyDict>()?;
        let (mut shown, mut more) = (Vec::new(), 0);
        for (name, value) in locals {
            let name = cut(&name, 100);
            // Most variables of a module are what it imports and defines.
            if is_module && (name.starts_with("__") || is_definition(&value)) {
                continue;
            }
            if shown.len() >= LOCALS || Instant::now() > self.deadline {
                more += 1;
            } else {
                shown.push((name.clone(), named(&name, &value, 0)));
            }
        }
        Ok((shown, more))
    }
}

fn is_definition(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyModule>()
        || value.is_instance_of::<PyType>()
        || value.hasattr("__code__").unwrap_or(true)
}

fn named(name: &str, value: &Bound<'_, PyAny>, depth: usize) -> String {
    if is_secret_name(name.as_bytes()) && !value.is_none() {
        MASKED.to_owned()
    } else {
        shown(value, depth)
    }
}

/// `repr`, cut short while it is made for Python's own types.
fn shown(value: &Bound<'_, PyAny>, depth: usize) -> String {
    let each = |items: Box<dyn Iterator<Item = Bound<'_, PyAny>> + '_>, length: usize| {
        let items = items.map(|item| shown(&item, depth + 1));
        joined(items, length, depth)
    };
    if let Ok(dict) = value.cast_exact::<PyDict>() {
        if dict.contains("wsgi.input").unwrap_or(false) {
            // The page shows it in a section of its own.
            return format!("<the environ of this request, {} entries>", dict.len());
        }
        let items = dict.iter().map(|(key, value)| {
            let name = key
                .cast::<PyString>()
                .map_or(String::new(), |key| cut(key.as_any(), 100));
            format!(
                "{}: {}",
                shown(&key, depth + 1),
                named(&name, &value, depth + 1)
            )
        });
        format!("{{{}}}", joined(items, dict.len(), depth))
    } else if let Ok(list) = value.cast_exact::<PyList>() {
        format!("[{}]", each(Box::new(list.iter()), list.len()))
    } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        let comma = if tuple.len() == 1 { "," } else { "" };
        format!("({}{comma})", each(Box::new(tuple.iter()), tuple.len()))
    } else if let Ok(set) = value.cast_exact::<PySet>()
        && !set.is_empty()
    {
        format!("{{{}}}", each(Box::new(set.iter()), set.len()))
    } else if let Ok(set) = value.cast_exact::<PyFrozenSet>() {
        format!("frozenset({{{}}})", each(Box::new(set.iter()), set.len()))
    } else if value.is_exact_instance_of::<PyString>() || value.is_exact_instance_of::<PyBytes>() {
        text(value)
    } else {
        represented(value)
    }
}

/// A few items, and how many more there are.
fn joined(items: impl Iterator<Item = String>, length: usize, depth: usize) -> String {
    if depth >= DEPTH && length > 0 {
        return "…".to_owned();
    }
    let mut text = String::new();
    for (place, item) in items.enumerate() {
        if place > 0 {
            text.push_str(", ");
        }
        if place == ITEMS || text.len() > LONGEST {
            _ = write!(text, "… ({} more)", length - place);
            break;
        }
        text.push_str(&item);
    }
    text
}

/// A str or bytes.
fn text(value: &Bound<'_, PyAny>) -> String {
    let longest = LONGEST.cast_signed();
    match value.len() {
        Ok(length) if length > LONGEST => {
            let slice = PySlice::new(value.py(), 0, longest, 1);
            let start = value.get_item(slice).map(|start| represented(&start));
            format!("{}… ({length} long)", start.unwrap_or_default())
        }
        _ => represented(value),
    }
}

/// Whatever Python or the application makes of it.
fn represented(value: &Bound<'_, PyAny>) -> String {
    // Turning a number of a million digits into decimals takes long, or raises.
    if let Ok(number) = value.cast_exact::<PyInt>()
        && let Ok(bits) = number
            .call_method0("bit_length")
            .and_then(|bits| bits.extract::<u64>())
        && bits > 4096
    {
        return format!("<int of {bits} bits>");
    }
    match value.repr() {
        Ok(repr) => cut(repr.as_any(), LONGEST * 2),
        Err(error) => {
            let name =
                |of: &Bound<'_, PyType>| of.name().map_or("?".into(), |name| cut(&name, 100));
            let raised = name(&error.get_type(value.py()));
            format!("<{}: its repr raised {raised}>", name(&value.get_type()))
        }
    }
}
