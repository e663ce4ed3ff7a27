//! Which Python function is running, when C code is called from it or an audit event is raised.

use pyo3::prelude::*;

/// A running function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) module: String,
}

/// The innermost running functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RunningFunctions {
    /// Of all; None if no Python code is running.
    pub(super) nearest: Option<Function>,
    /// Of those outside the standard library.
    pub(super) outside: Option<Function>,
}

impl RunningFunctions {
    /// The module outside the standard library, or else the innermost one.
    pub(super) fn module(&self) -> String {
        let function = self.outside.as_ref().or(self.nearest.as_ref());
        function.map_or_else(String::new, |function| function.module.clone())
    }
}

/// The running functions; takes the interpreter's lock if necessary.
pub(super) fn running_functions() -> RunningFunctions {
    Python::attach(find).unwrap_or_default()
}

fn find(py: Python<'_>) -> PyResult<RunningFunctions> {
    let standard: String = py.import("os")?.getattr("__file__")?.extract()?;
    let standard = standard.trim_end_matches("os.py");
    let mut found = RunningFunctions::default();
    // This fails if no function is running.
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
