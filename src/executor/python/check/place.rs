//! Where in the application something happened, as `FILE:LINE`: a frame that called us, the code of a
//! callable or of an iterable, the frame that raised an exception.

use pyo3::prelude::*;
use pyo3::types::PyType;

use super::super::application::Application;
use super::super::interpreter::attach;

/// Where an application is.
#[must_use]
pub fn callable_place(application: &Application) -> String {
    attach(|py| of_callable(application.bind(py)))
}

/// The innermost frame outside the standard library in a traceback of the module `faulthandler`.
#[must_use]
pub fn in_traceback(text: &str) -> Option<String> {
    let frames = text.lines().filter_map(|line| {
        let (file, rest) = line
            .trim_start()
            .strip_prefix("File \"")?
            .split_once("\", line ")?;
        let line = rest.split(' ').next()?.parse::<u32>().ok()?;
        Some((file, line))
    });
    attach(|py| {
        let mut frames = frames.filter(|(file, _)| !file.starts_with('<')).peekable();
        let first = frames.peek().copied();
        let found = frames.find(|(file, _)| is_of_somebody(py, file)).or(first);
        found.map(|(file, line)| shown(py, file, line))
    })
}

/// The frame that called us.
pub(super) fn of_caller(py: Python<'_>) -> String {
    let frame = py
        .import("sys")
        .and_then(|sys| sys.call_method1("_getframe", (0,)));
    frame.map_or(String::new(), |frame| of_frame(&frame))
}

/// The innermost frame outside the standard library.
fn of_frame(frame: &Bound<'_, PyAny>) -> String {
    let mut frame = Some(frame.clone());
    let mut innermost = String::new();
    for _ in 0..200 {
        let Some(current) = frame.filter(|frame| !frame.is_none()) else {
            break;
        };
        if let Some((file, line)) = file_and_line(&current) {
            if is_of_somebody(current.py(), &file) {
                return shown(current.py(), &file, line);
            }
            if innermost.is_empty() && !file.starts_with('<') {
                innermost = shown(current.py(), &file, line);
            }
        }
        frame = current.getattr("f_back").ok();
    }
    innermost
}

/// Where an exception was raised: the innermost frame outside the standard library, if there is one.
pub(super) fn of_error(py: Python<'_>, error: &PyErr) -> String {
    let mut next = error.traceback(py).map(Bound::into_any);
    let (mut best, mut last) = (String::new(), String::new());
    while let Some(current) = next.filter(|current| !current.is_none()) {
        let line = current.getattr("tb_lineno").and_then(|line| line.extract());
        let file = current
            .getattr("tb_frame")
            .and_then(|frame| frame.getattr("f_code"))
            .and_then(|code| code.getattr("co_filename"))
            .and_then(|file| file.extract::<String>());
        if let (Ok(file), Ok(line)) = (file, line) {
            if is_of_somebody(py, &file) {
                best = shown(py, &file, line);
            } else if !file.starts_with('<') {
                last = shown(py, &file, line);
            }
        }
        next = current.getattr("tb_next").ok();
    }
    if best.is_empty() { last } else { best }
}

/// The place of a function, a class, or a callable object.
pub(super) fn of_callable(callable: &Bound<'_, PyAny>) -> String {
    let mut found = callable.clone();
    for _ in 0..16 {
        if let Some(place) = of_code(&found) {
            return place;
        }
        let next = if found.is_instance_of::<PyType>() {
            found.getattr("__init__")
        } else {
            // A bound method, a partial, an object with a method of that name.
            found
                .getattr("__func__")
                .or_else(|_| found.getattr("func"))
                .or_else(|_| found.get_type().getattr("__call__"))
        };
        match next {
            Ok(next) => found = next,
            Err(_) => break,
        }
    }
    of_class(callable)
}

/// The place of the frame of a generator, or of the class of another iterable; for a plain list that of
/// the application.
pub(super) fn of_iterable(iterable: &Bound<'_, PyAny>, application: &str) -> String {
    for name in ["gi_frame", "gi_code"] {
        let Ok(found) = iterable.getattr(name) else {
            continue;
        };
        if found.is_none() {
            continue;
        }
        if name == "gi_frame" {
            if let Some((file, line)) = file_and_line(&found) {
                return shown(found.py(), &file, line);
            }
        } else if let Some(place) = of_a_code(&found) {
            return place;
        }
    }
    for name in ["__next__", "__iter__"] {
        let method = iterable.get_type().getattr(name);
        if let Some(place) = method.ok().and_then(|method| of_code(&method)) {
            return place;
        }
    }
    application.to_owned()
}

fn of_code(callable: &Bound<'_, PyAny>) -> Option<String> {
    of_a_code(&callable.getattr("__code__").ok()?)
}

fn of_a_code(code: &Bound<'_, PyAny>) -> Option<String> {
    let file: String = code.getattr("co_filename").ok()?.extract().ok()?;
    let line: u32 = code.getattr("co_firstlineno").ok()?.extract().ok()?;
    Some(shown(code.py(), &file, line))
}

fn of_class(object: &Bound<'_, PyAny>) -> String {
    let class = if object.is_instance_of::<PyType>() {
        object.clone()
    } else {
        object.get_type().into_any()
    };
    let text = |name| -> Option<String> { class.getattr(name).ok()?.extract().ok() };
    match (text("__module__"), text("__qualname__")) {
        (Some(module), Some(name)) if module != "builtins" => format!("{module}.{name}"),
        (_, Some(name)) => name,
        _ => String::new(),
    }
}

fn file_and_line(frame: &Bound<'_, PyAny>) -> Option<(String, u32)> {
    let code = frame.getattr("f_code").ok()?;
    let file = code.getattr("co_filename").ok()?.extract().ok()?;
    Some((file, frame.getattr("f_lineno").ok()?.extract().ok()?))
}

/// Whether it is a real file outside the standard library.
fn is_of_somebody(py: Python<'_>, file: &str) -> bool {
    if file.starts_with('<') {
        return false;
    }
    let standard = py.import("os").and_then(|os| os.getattr("__file__"));
    let standard: String = standard.and_then(|file| file.extract()).unwrap_or_default();
    let folder = standard.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_package = file.contains("/site-packages/") || file.contains("/dist-packages/");
    folder.is_empty() || is_package || !file.starts_with(&format!("{folder}/"))
}

/// The file, relative to the working directory or the folder of packages.
fn shown(py: Python<'_>, file: &str, line: u32) -> String {
    let here = py.import("os").and_then(|os| os.call_method0("getcwd"));
    let here: String = here.and_then(|here| here.extract()).unwrap_or_default();
    let packages = ["/site-packages/", "/dist-packages/"];
    let of_package = packages
        .iter()
        .find_map(|name| file.rsplit_once(name).map(|(_, rest)| rest));
    let below = file
        .strip_prefix(&here)
        .and_then(|rest| rest.strip_prefix('/'));
    let name = of_package.or(below.filter(|_| here != "/")).unwrap_or(file);
    format!("{name}:{line}")
}
