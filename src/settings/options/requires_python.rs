//! The version of Python that a script is for: `requires-python` in its metadata (PEP 723).

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::script::find_block;

/// It, as it is written; `None` where the script has none that can be read.
#[must_use]
pub fn requires_python(script: &Path) -> Option<String> {
    let text = fs::read(script).ok()?;
    let block: Table = find_block(&text)?.ok()?.parse().ok()?;
    block
        .get("requires-python")
        .and_then(Value::as_str)
        .map(str::to_owned)
}
