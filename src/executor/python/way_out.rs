//! The way out: whatever an application left to be done at exit is done, and then the process
//! ends. Taking every module apart first, which costs a quarter of a Django request, is left out
//! where nothing could notice.
//!
//! What could: exit callbacks and threads (run and waited for), open files with data (closed or
//! flushed), objects with a `__del__` of their own, such as a temporary file, and extension types
//! that nobody here knows. For these two the interpreter is finalised in full.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyModule, PyType};

use super::beyond_abi3::may_finalise;

/// What was found before a fork.
static SETTLED: PyOnceLock<Settled> = PyOnceLock::new();

struct Settled {
    /// So many modules were loaded, ...
    modules: usize,
    /// ... some of them with types that nobody here knows.
    unknown_types: bool,
    found: Mutex<Found>,
}

/// Objects and types that are kept for the way out, and let go where Python comes to its own end: what they
/// belong to would else never be let go.
#[derive(Default)]
struct Found {
    objects: Remaining,
    judged: Judged,
}

/// What the objects of a type may want to do, by the type's address, which stays its own as long as it is
/// kept.
type Judged = HashMap<usize, (Remains, Py<PyType>)>;

static AT_EXIT: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// Looks through what is loaded once for all processes that will be forked from this one: each
/// would else touch, and so copy, all of its memory. What is loaded is not collected any more.
pub(super) fn settle(py: Python<'_>) -> PyResult<()> {
    // Needed on the way out; importing it costs more than all the rest there. The application has no
    // such module unless it has imported it itself.
    let loaded = py.import("sys")?.getattr("modules")?;
    let is_loaded = loaded.contains("atexit")?;
    _ = AT_EXIT.set(py, py.import("atexit")?.unbind());
    if !is_loaded {
        loaded.del_item("atexit")?;
    }
    let gc = py.import("gc")?;
    gc.call_method0("unfreeze")?;
    gc.call_method0("collect")?;
    let modules = loaded_modules(py)?;
    let mut judged = Judged::new();
    let settled = Settled {
        modules: modules.len(),
        unknown_types: has_unknown_types(&modules, 0)?,
        found: Mutex::new(Found {
            objects: Remaining::find(py, &mut judged, None)?,
            judged,
        }),
    };
    gc.call_method0("freeze")?;
    _ = SETTLED.set(py, settled);
    Ok(())
}

/// Whether this process is for forks, or is one.
pub(super) fn is_settled(py: Python<'_>) -> bool {
    SETTLED.get(py).is_some()
}

/// Whether something is left that only finalisation can do.
pub(super) fn leaves_something(py: Python<'_>) -> bool {
    let looked = || -> PyResult<bool> {
        let modules = loaded_modules(py)?;
        run_exit_callbacks(py, &modules)?;
        let gc = py.import("gc")?;
        let Some(settled) = SETTLED.get(py) else {
            gc.call_method0("unfreeze")?;
            let remaining = Remaining::find(py, &mut Judged::new(), None)?;
            return Ok(has_unknown_types(&modules, 0)? || remaining.is_unfinished(py)?);
        };
        let new_types = match modules.len() {
            same if same == settled.modules => false,
            more if more > settled.modules => has_unknown_types(&modules, settled.modules)?,
            // Who knows which are new.
            _ => has_unknown_types(&modules, 0)?,
        };
        let found = std::mem::take(&mut *settled.found.lock().expect("not poisoned"));
        let new_objects = Remaining::find(py, &mut Judged::new(), Some(&found.judged))?;
        let leaves = settled.unknown_types
            || new_types
            || found.objects.is_unfinished(py)?
            || new_objects.is_unfinished(py)?;
        if leaves {
            // What a module of the application's holds is let go with the module, which is frozen.
            gc.call_method0("unfreeze")?;
        } else {
            // Nothing is worth the pages that letting it go would touch.
            std::mem::forget((found, new_objects));
        }
        Ok(leaves)
    };
    // What failed here will fail, and be reported, in finalisation.
    looked().unwrap_or(true)
}

fn loaded_modules(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let modules = py.import("sys")?.getattr("modules")?;
    Ok(modules.cast_into::<PyDict>()?)
}

/// Waits for threads and calls what was registered with atexit, in the order of `Py_FinalizeEx`.
fn run_exit_callbacks(py: Python<'_>, modules: &Bound<'_, PyDict>) -> PyResult<()> {
    if let Some(threading) = modules.get_item("threading")? {
        threading.call_method0("_shutdown")?;
    }
    let at_exit = match AT_EXIT.get(py) {
        Some(module) => module.bind(py).clone(),
        None => py.import("atexit")?,
    };
    at_exit.call_method0("_run_exitfuncs")?;
    Ok(())
}

/// Whether an extension module outside the standard library has types: a database's handle may
/// write when it is deallocated, and says so nowhere. The first `known` modules are left out.
fn has_unknown_types(modules: &Bound<'_, PyDict>, known: usize) -> PyResult<bool> {
    // Their files are complete once they are closed, which only deallocation does.
    if modules.contains("_dbm")? || modules.contains("_gdbm")? {
        return Ok(true);
    }
    for module in modules.values().iter().skip(known) {
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

/// The objects that may want to do something before the end.
#[derive(Default)]
struct Remaining {
    buffers: Vec<Py<PyAny>>,
    files: Vec<Py<PyAny>>,
    generators: Vec<Py<PyAny>>,
    /// There is at least one with a `__del__` of the application's own.
    something: bool,
}

impl Remaining {
    /// Looks at each object that can be collected; types are judged once.
    fn find(py: Python<'_>, judged: &mut Judged, before: Option<&Judged>) -> PyResult<Self> {
        let gc = py.import("gc")?;
        let objects = gc.call_method0("get_objects")?.cast_into::<PyList>()?;
        let mut remaining = Self::default();
        for object in &objects {
            if !may_finalise(py, object.get_type_ptr()) {
                continue;
            }
            let key = object.get_type_ptr() as usize;
            let known = before.and_then(|before| before.get(&key));
            let remains = if let Some((known, _)) = known.or_else(|| judged.get(&key)) {
                *known
            } else {
                let kind = object.get_type();
                let remains = judge(&kind)?;
                judged.insert(key, (remains, kind.unbind()));
                remains
            };
            match remains {
                Remains::Nothing => {}
                Remains::Buffer => remaining.buffers.push(object.unbind()),
                Remains::File => remaining.files.push(object.unbind()),
                Remains::Generator => remaining.generators.push(object.unbind()),
                Remains::Something => {
                    remaining.something = true;
                    break;
                }
            }
        }
        Ok(remaining)
    }

    /// Closes and flushes what is open, unless there is something that only finalisation can end.
    fn is_unfinished(&self, py: Python<'_>) -> PyResult<bool> {
        if self.something {
            return Ok(true);
        }
        for generator in &self.generators {
            if is_suspended(generator.bind(py))? {
                return Ok(true);
            }
        }
        for file in &self.files {
            if !file.getattr(py, "closed")?.is_truthy(py)? {
                file.call_method0(py, "close")?;
            }
        }
        for buffer in &self.buffers {
            if !buffer.getattr(py, "closed")?.is_truthy(py)?
                && buffer.call_method0(py, "writable")?.is_truthy(py)?
            {
                buffer.call_method0(py, "flush")?;
            }
        }
        Ok(false)
    }
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
