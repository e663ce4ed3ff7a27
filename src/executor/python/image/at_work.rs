//! Which Python code is at work, when C is called by it or tells of what it does.

use pyo3::prelude::*;

/// A function that has not returned yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) module: String,
}

/// The nearest of those that are at work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AtWork {
    /// Of all; none where it is C's own work.
    pub(super) nearest: Option<Function>,
    /// Of those outside the standard library.
    pub(super) outside: Option<Function>,
}

impl AtWork {
    /// The module, the standard library's left out where there is another.
    pub(super) fn module(&self) -> String {
        let function = self.outside.as_ref().or(self.nearest.as_ref());
        function.map_or_else(String::new, |function| function.module.clone())
    }
}

/// Who is at work now; the lock is held or taken.
pub(super) fn at_work() -> AtWork {
    Python::attach(find).unwrap_or_default()
}

fn find(py: Python<'_>) -> PyResult<AtWork> {
    let standard: String = py.import("os")?.getattr("__file__")?.extract()?;
    let standard = standard.trim_end_matches("os.py");
    let mut found = AtWork::default();
    // Where no function is at work, none is the answer.
    let Ok(mut frame) = py.import("sys")?.call_method1("_getframe", (0,)) else {
        return Ok(found);
    };
    while !frame.is_none() {
        let code = frame.getattr("f_code")?;
        let module = frame.getattr("f_globals")?.get_item("__name__");
        let function = Function {
            file: code.getattr("co_filename")?.extract()?,
            name: code.getattr("co_name")?.extract()?,
            module: module.and_then(|name| name.extract()).unwrap_or_default(),
        };
        let is_standard = function.file.starts_with('<')
            || function.file.starts_with(standard) && !function.file.contains("-packages/");
        if found.nearest.is_none() {
            found.nearest = Some(function.clone());
        }
        if !is_standard {
            found.outside = Some(function);
            break;
        }
        frame = frame.getattr("f_back")?;
    }
    Ok(found)
}
