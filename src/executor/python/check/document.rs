//! Reads a JSON file with Python; a YAML file if `yaml` is among the application's packages.

use std::path::Path;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

use super::super::interpreter::attach;
use checking::document::Value;

/// The deepest nesting; deeper values are read as null.
const DEEPEST: usize = 200;

/// Reads the file.
///
/// # Errors
/// In one line, if the file cannot be read or is neither JSON nor YAML.
pub fn read(file: &Path) -> Result<Value, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    attach(|py| parse(py, &bytes))
}

fn parse(py: Python<'_>, bytes: &[u8]) -> Result<Value, String> {
    let raised = |error: PyErr| super::raised::line(py, &error);
    let is_json = bytes.trim_ascii_start().first() == Some(&b'{');
    let parsed = if is_json {
        let json = py.import("json").map_err(raised)?;
        json.call_method1("loads", (bytes,))
    } else {
        let Ok(yaml) = py.import("yaml") else {
            return Err(
                "it is not JSON, and YAML needs PyYAML: install it with the application's \
                 packages, or convert the file to JSON"
                    .into(),
            );
        };
        yaml.call_method1("safe_load", (bytes,))
    };
    let parsed = parsed.map_err(raised)?;
    value(&parsed, DEEPEST).map_err(raised)
}

fn value(of: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if depth == 0 {
        return Ok(Value::Null);
    }
    Ok(if of.is_none() {
        Value::Null
    } else if let Ok(of) = of.cast::<PyBool>() {
        Value::Bool(of.is_true())
    } else if of.is_instance_of::<PyInt>() || of.is_instance_of::<PyFloat>() {
        Value::Number(of.str()?.to_string())
    } else if let Ok(text) = of.cast::<PyString>() {
        Value::Text(text.to_string_lossy().into_owned())
    } else if let Ok(list) = of.cast::<PyList>() {
        let items: PyResult<_> = list.iter().map(|item| value(&item, depth - 1)).collect();
        Value::List(items?)
    } else if let Ok(dict) = of.cast::<PyDict>() {
        let mut entries = Vec::new();
        for (name, entry) in dict.iter() {
            entries.push((
                name.str()?.to_string_lossy().into_owned(),
                value(&entry, depth - 1)?,
            ));
        }
        Value::Map(entries)
    } else {
        // A YAML date, for example.
        Value::Text(of.str()?.to_string_lossy().into_owned())
    })
}
