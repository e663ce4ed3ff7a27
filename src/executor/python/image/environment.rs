//! Records which environment variables are read while an application is loaded for an image.
//! `environment.py` does so in Python; here are `getenv` and the like in C. The values come from the
//! observer.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Result, anyhow};
use exchange::MetaVariables;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyModule};

use super::super::interpreter::attach;
use super::record;
use crate::interposed::at_exit;
use image::freshness;
use image::observer::questions;

const SOURCE: &str = include_str!("environment.py");

/// What loading read of the environment.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentRead {
    /// The variables that were read by name, with their values.
    pub variables: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// A checksum of all names, if they were iterated; else 0.
    pub names: u64,
    /// How a copy of all variables was kept, in words.
    pub kept: Vec<String>,
}

/// The Python side, kept in the image.
pub(super) struct Environment(Py<PyModule>);

impl Environment {
    /// Starts recording. The variables in `ours` are set by this program and visible only to C. A
    /// difference from `given` was made by `sitecustomize` or a `.pth` file, and counts as made by
    /// loading: a restored process would not have it.
    pub(super) fn record(ours: &[&str], given: &MetaVariables) -> Result<Self> {
        let source = CString::new(SOURCE)?;
        let module = attach(|py| -> PyResult<_> {
            let name = c"_wsgi_cgi_environment";
            let module = PyModule::from_code(py, &source, c"wsgi-cgi", name)?;
            module.setattr("_value", wrap_pyfunction!(value, py)?)?;
            module.setattr("_names", wrap_pyfunction!(names, py)?)?;
            module.setattr(
                "_is_of_a_request",
                wrap_pyfunction!(is_request_variable, py)?,
            )?;
            let ours: Vec<_> = (ours.iter())
                .map(|name| PyBytes::new(py, name.as_bytes()))
                .collect();
            let pairs = PyDict::new(py);
            for (name, value) in given.iter() {
                pairs.set_item(PyBytes::new(py, name), PyBytes::new(py, value))?;
            }
            module.call_method1("record", (ours, pairs, record::early(py)))?;
            // Hidden from the application.
            py.import("sys")?
                .getattr("modules")?
                .call_method1("pop", ("_wsgi_cgi_environment", py.None()))?;
            Ok(module.unbind())
        });
        let module = module.map_err(|error| anyhow!("{error}"))?;
        RECORDING.store(true, Ordering::Release);
        Ok(Self(module))
    }

    /// What was read since.
    pub(super) fn recorded(&self) -> Result<EnvironmentRead> {
        RECORDING.store(false, Ordering::Release);
        let read = attach(|py| -> PyResult<_> {
            let (seen, gone_through, kept): (Bound<'_, PyAny>, bool, Vec<String>) =
                self.0.bind(py).call_method0("recorded")?.extract()?;
            let mut names = BTreeSet::new();
            for name in seen.try_iter()? {
                names.insert(name?.extract()?);
            }
            Ok((names, gone_through, kept))
        });
        let (mut names, gone_through, mut kept): (BTreeSet<Vec<u8>>, _, _) =
            read.map_err(|error| anyhow!("{error}"))?;
        if let Ok(mut of_c) = READ.lock() {
            names.append(&mut of_c);
        }
        // What a forked copy of this process read.
        let elsewhere = questions::elsewhere();
        names.extend(elsewhere.asked);
        // Many libraries look for it, and it never exists in CGI.
        names.remove(&b"HTTP_PROXY"[..]);
        if let Ok(mut taken) = TAKEN.lock() {
            kept.extend(taken.drain(..).map(Cow::into_owned));
        }
        let all = questions::names();
        let is_handed_on = HANDED_ON.load(Ordering::Acquire)
            || elsewhere.programs > GIVEN_THEIR_OWN.load(Ordering::Acquire);
        if is_handed_on {
            let unknown =
                |name: &&Vec<u8>| !freshness::is_given_at_start(name) && !names.contains(*name);
            kept.extend(all.iter().find(unknown).map(|name| {
                format!(
                    "it starts a program with all of them, including {}",
                    name.escape_ascii()
                )
            }));
        }
        let value = |name: Vec<u8>| {
            let value = questions::value(&name);
            (name, value)
        };
        Ok(EnvironmentRead {
            variables: names.into_iter().map(value).collect(),
            names: if gone_through || is_handed_on {
                freshness::sum_of_names(all.iter().map(Vec::as_slice))
            } else {
                0
            },
            kept,
        })
    }

    /// What loading set and removed.
    pub(super) fn changes(&self) -> Result<Py<PyAny>> {
        let unset = UNSET.lock().map(|mut unset| std::mem::take(&mut *unset));
        let unset: Vec<Vec<u8>> = unset.unwrap_or_default().into_iter().collect();
        let of_c = MetaVariables::from_environment();
        attach(|py| -> PyResult<_> {
            let list = PyDict::new(py);
            for (name, value) in of_c.iter() {
                list.set_item(PyBytes::new(py, name), PyBytes::new(py, value))?;
            }
            let unset: Vec<_> = unset.iter().map(|name| PyBytes::new(py, name)).collect();
            self.0.call_method1(py, "changes", (list, unset))
        })
        .map_err(|error: PyErr| anyhow!("{error}"))
    }
}

#[pyfunction]
fn value<'py>(py: Python<'py>, name: &[u8]) -> Option<Bound<'py, PyBytes>> {
    questions::value(name).map(|value| PyBytes::new(py, &value))
}

#[pyfunction]
fn names(py: Python<'_>) -> Vec<Bound<'_, PyBytes>> {
    let names = questions::names();
    names.iter().map(|name| PyBytes::new(py, name)).collect()
}

#[pyfunction]
fn is_request_variable(name: &[u8]) -> bool {
    !freshness::does_not_belong_to_a_request(name)
}

/// A program is started with all variables.
pub(super) fn passes_all_variables() {
    HANDED_ON.store(true, Ordering::Release);
}

/// A program is started with an environment of its own.
pub(super) fn passes_own_variables() {
    GIVEN_THEIR_OWN.fetch_add(1, Ordering::AcqRel);
}

/// All variables are used; `how` says in which way.
pub(super) fn note_use_of_all(how: impl Into<Cow<'static, str>>) {
    if let Ok(mut taken) = TAKEN.lock() {
        taken.push(how.into());
    }
}

/// `ctypes` looks up a symbol: checks for the C library's list of variables, and for its functions that
/// those below replace.
pub(super) unsafe fn note_symbol(library: *mut ffi::PyObject, name: *mut ffi::PyObject) {
    // SAFETY: the caller's objects are null or alive; what is made here is released here.
    unsafe {
        if name.is_null() || ffi::PyUnicode_Check(name) == 0 {
            return;
        }
        let is = |known: &CStr| ffi::PyUnicode_CompareWithASCIIString(name, known.as_ptr()) == 0;
        if [c"environ", c"_environ", c"__environ"]
            .iter()
            .any(|list| is(list))
        {
            note_use_of_all("C code reads `environ` directly");
        }
        // In the C library itself they are not those of `at_exit`.
        if [c"on_exit", c"__cxa_atexit", c"__cxa_thread_atexit_impl"]
            .iter()
            .any(|name| is(name))
        {
            at_exit::note_registered();
        }
        let ours = [c"getenv", c"secure_getenv", c"unsetenv", c"clearenv"];
        if let Some(function) = ours.into_iter().find(|function| is(function)) {
            let py = Python::assume_attached();
            let library = Bound::from_borrowed_ptr_or_opt(py, library);
            let file = library.and_then(|library| library.getattr("_name").ok());
            // A lookup in the whole program finds the functions below.
            if !file.as_ref().is_some_and(Bound::is_none) {
                note_use_of_all(format!(
                    "it calls {} in `{}` directly, through `ctypes`",
                    function.to_string_lossy(),
                    file.map_or("a C library".into(), |file| file.to_string())
                ));
            }
        }
    }
}

static TAKEN: Mutex<Vec<Cow<str>>> = Mutex::new(Vec::new());
static HANDED_ON: AtomicBool = AtomicBool::new(false);
/// How many programs were given variables of their own.
static GIVEN_THEIR_OWN: AtomicU64 = AtomicU64::new(0);
/// Whether reads are recorded.
static RECORDING: AtomicBool = AtomicBool::new(false);
/// What was removed from C's list.
static UNSET: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());
/// What C read.
static READ: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// Replaces the C library's function in every library of this process.
///
/// # Safety
/// As `getenv` (POSIX): the name is a C string, and nobody changes the environment meanwhile.
#[unsafe(no_mangle)]
unsafe extern "C" fn getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        let wanted = CStr::from_ptr(name).to_bytes();
        if RECORDING.load(Ordering::Relaxed) {
            note(wanted);
        }
        find(wanted)
    }
}

/// The same, except that it returns nothing in set-user-ID programs.
///
/// # Safety
/// As `getenv`.
#[unsafe(no_mangle)]
unsafe extern "C" fn secure_getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the caller's promise; a question to the kernel.
    unsafe {
        if libc::getauxval(libc::AT_SECURE) != 0 {
            return std::ptr::null_mut();
        }
        getenv(name)
    }
}

/// Replaces the C library's function, and calls it.
///
/// # Safety
/// As `unsetenv` (POSIX).
#[unsafe(no_mangle)]
unsafe extern "C" fn unsetenv(name: *const c_char) -> c_int {
    type Function = unsafe extern "C" fn(*const c_char) -> c_int;
    // SAFETY: the caller's promise; the C library's function has this signature.
    unsafe {
        if RECORDING.load(Ordering::Relaxed)
            && !name.is_null()
            && let Ok(mut unset) = UNSET.lock()
        {
            unset.insert(CStr::from_ptr(name).to_bytes().to_vec());
        }
        let next = libc::dlsym(libc::RTLD_NEXT, c"unsetenv".as_ptr());
        if next.is_null() {
            return -1;
        }
        std::mem::transmute::<*mut c_void, Function>(next)(name)
    }
}

/// The same for all variables. It is an obstacle, as variables of a request cannot be removed in advance.
#[unsafe(no_mangle)]
extern "C" fn clearenv() -> c_int {
    type Function = extern "C" fn() -> c_int;
    if RECORDING.load(Ordering::Relaxed) {
        note_use_of_all("C code removes all environment variables (clearenv)");
    }
    // SAFETY: the C library's function has this signature.
    unsafe {
        let next = libc::dlsym(libc::RTLD_NEXT, c"clearenv".as_ptr());
        if next.is_null() {
            return -1;
        }
        std::mem::transmute::<*mut c_void, Function>(next)()
    }
}

unsafe fn find(wanted: &[u8]) -> *mut c_char {
    // SAFETY: the C library's list, which ends with a null pointer; null where all was removed.
    unsafe {
        let mut next = environ;
        while !next.is_null() && !(*next).is_null() {
            let entry = *next;
            let is_it = wanted
                .iter()
                .enumerate()
                .all(|(place, &byte)| *entry.add(place).cast::<u8>() == byte);
            if is_it && *entry.add(wanted.len()).cast::<u8>() == b'=' {
                return entry.add(wanted.len() + 1).cast_mut();
            }
            next = next.add(1);
        }
    }
    std::ptr::null_mut()
}

/// C code reads a variable: gets its value from the observer, and sets it.
fn note(name: &[u8]) {
    let is_new = READ.lock().is_ok_and(|mut read| read.insert(name.to_vec()));
    // SAFETY: reads the list, as the caller promised that nobody changes it.
    if !is_new || !unsafe { find(name) }.is_null() {
        return;
    }
    let value = questions::value(name).and_then(|value| CString::new(value).ok());
    if let (Some(value), Ok(name)) = (value, CString::new(name)) {
        // SAFETY: two C strings, which are copied; nobody else changes the environment. Rust's function
        // could deadlock if it called this one.
        unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) };
    }
}
