//! The way out: whatever an application left to be done at exit is done, and then the process
//! ends. Taking every module apart first, which costs a quarter of a Django request, is left out
//! where nothing could notice.
//!
//! What could: exit callbacks and threads (run and waited for), open files with data (closed or
//! flushed), objects with a `__del__` of their own, such as a temporary file, and extension types
//! that nobody here knows. For these two the interpreter is finalised in full.

use std::collections::HashMap;
use std::path::Path;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};

/// Whether something is left that only finalisation can do.
pub(super) fn leaves_something(py: Python<'_>) -> bool {
    let looked = || -> PyResult<bool> {
        let modules = py
            .import("sys")?
            .getattr("modules")?
            .cast_into::<PyDict>()?;
        run_exit_callbacks(py, &modules)?;
        Ok(has_unknown_types(&modules)? || has_unfinished_objects(py)?)
    };
    // What failed here will fail, and be reported, in finalisation.
    looked().unwrap_or(true)
}

/// Waits for threads and calls what was registered with atexit, in the order of `Py_FinalizeEx`.
fn run_exit_callbacks(py: Python<'_>, modules: &Bound<'_, PyDict>) -> PyResult<()> {
    if let Some(threading) = modules.get_item("threading")? {
        threading.call_method0("_shutdown")?;
    }
    py.import("atexit")?.call_method0("_run_exitfuncs")?;
    Ok(())
}

/// Whether an extension module outside the standard library has types: a database's handle may
/// write when it is deallocated, and says so nowhere.
fn has_unknown_types(modules: &Bound<'_, PyDict>) -> PyResult<bool> {
    // Their files are complete once they are closed, which only deallocation does.
    if modules.contains("_dbm")? || modules.contains("_gdbm")? {
        return Ok(true);
    }
    for module in modules.values() {
        let Ok(file) = module
            .getattr("__file__")
            .and_then(|file| file.extract::<String>())
        else {
            continue;
        };
        if Path::new(&file)
            .extension()
            .is_none_or(|extension| extension != "so")
            || file.contains("/lib-dynload/")
        {
            continue;
        }
        let names = module.getattr("__dict__")?.cast_into::<PyDict>()?;
        if names
            .values()
            .iter()
            .any(|value| value.is_instance_of::<PyType>())
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What an object's `__del__` means for the way out.
#[derive(Clone, Copy, PartialEq)]
enum Remains {
    /// Nothing that the end of the process would not do as well.
    Nothing,
    /// A buffered file of the io module.
    Buffer,
    /// A file in Python on top of another: closing may write, as a `GzipFile` its last block.
    File,
    /// A generator: if it is in the middle of something, that may have a `finally`.
    Generator,
    /// Something of the application's own.
    Something,
}

/// Closes and flushes what is open, and finds what only finalisation can end.
fn has_unfinished_objects(py: Python<'_>) -> PyResult<bool> {
    let gc = py.import("gc")?;
    gc.call_method0("unfreeze")?;
    let objects = gc.call_method0("get_objects")?.cast_into::<PyList>()?;
    let mut judged: HashMap<usize, Remains> = HashMap::with_capacity(1024);
    let mut buffers = Vec::new();
    let mut files = Vec::new();
    for object in &objects {
        let key = object.get_type_ptr() as usize;
        let remains = if let Some(known) = judged.get(&key) {
            *known
        } else {
            let remains = judge(&object.get_type())?;
            judged.insert(key, remains);
            remains
        };
        match remains {
            Remains::Nothing => {}
            Remains::Buffer => buffers.push(object),
            Remains::File => files.push(object),
            Remains::Generator if !is_suspended(&object)? => {}
            Remains::Generator | Remains::Something => return Ok(true),
        }
    }
    for file in files {
        if !file.getattr("closed")?.is_truthy()? {
            file.call_method0("close")?;
        }
    }
    for buffer in buffers {
        if !buffer.getattr("closed")?.is_truthy()?
            && buffer.call_method0("writable")?.is_truthy()?
        {
            buffer.call_method0("flush")?;
        }
    }
    Ok(false)
}

fn judge(kind: &Bound<'_, PyType>) -> PyResult<Remains> {
    // Whose `__del__` it is.
    let mut origin = None;
    for class in kind.mro() {
        if class.getattr("__dict__")?.contains("__del__")? {
            origin = Some(class.cast_into::<PyType>()?);
            break;
        }
    }
    let Some(origin) = origin else {
        return Ok(Remains::Nothing);
    };
    let name_of = |class: &Bound<'_, PyType>| -> PyResult<(String, String)> {
        Ok((
            class.getattr("__module__")?.extract()?,
            class.name()?.extract()?,
        ))
    };
    let (module, name) = name_of(kind)?;
    let (origin_module, origin_name) = name_of(&origin)?;
    Ok(match (origin_module.as_str(), origin_name.as_str()) {
        ("_io", _) if module != "_io" => Remains::File,
        ("_io", _) => match name.as_str() {
            "BufferedWriter" | "BufferedRandom" | "BufferedRWPair" | "TextIOWrapper" => {
                Remains::Buffer
            }
            _ => Remains::Nothing,
        },
        // Closing a descriptor is all they would do.
        ("_socket" | "posix" | "select", _) | ("subprocess", "Popen") => Remains::Nothing,
        ("builtins", "generator" | "coroutine" | "async_generator") => Remains::Generator,
        _ => Remains::Something,
    })
}

fn is_suspended(generator: &Bound<'_, PyAny>) -> PyResult<bool> {
    for name in ["gi_frame", "cr_frame", "ag_frame"] {
        if let Some(frame) = generator.getattr_opt(name)? {
            // -1 before the first instruction.
            return Ok(!frame.is_none() && frame.getattr("f_lasti")?.extract::<i64>()? >= 0);
        }
    }
    Ok(true)
}
