//! Random generators in C libraries. One that was seeded while the application was loaded would produce
//! the same numbers in every restored process: so it is reset, or known to reseed itself in a new
//! process, or there is no image. Python's own are in `src/executor/python/image/randomness.rs`.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::interposed::at_fork::{self, MOST};
use crate::interposed::draws::{self, object_of};

/// Libraries, by the beginning of their file name, that may use random bytes while loading, and why.
const HARMLESS: [(&str, &str); 12] = [
    ("libpython", "Python's generators are checked in Python"),
    ("libcrypto", "OpenSSL reseeds when the PID changes"),
    (
        "cryptography/hazmat/bindings/_rust",
        "OpenSSL, statically linked",
    ),
    ("libgcrypt", "it reseeds when the PID changes"),
    (
        "libuuid",
        "it keeps no state; its clock is checked in Python",
    ),
    ("libsodium", "it keeps no state"),
    ("nacl/_sodium", "libsodium, statically linked"),
    ("libexpat", "for the order of a hash table"),
    ("pyexpat", "for the order of a hash table"),
    ("libxml2", "for the order of a hash table"),
    ("lxml/etree", "for the order of a hash table"),
    ("_pydantic_core", "for the order of a hash table"),
];

/// Refuses generators that would continue from the same seed in every process. `seen` are the files
/// whose own code made the system call; calls through the C library are attributed to their callers.
///
/// # Errors
/// Names the library.
pub(crate) fn refuse_generators(seen: &BTreeSet<Vec<u8>>) -> Result<()> {
    if !at_fork::is_complete() {
        bail!(
            "while loading, the application registered more than {MOST} functions with pthread_atfork"
        );
    }
    // The kernel reports paths with links resolved.
    let real = |file: PathBuf| file.canonicalize().unwrap_or(file);
    let renewed: Vec<PathBuf> = at_fork::renewed().into_iter().map(real).collect();
    // What Python draws is checked in `python/image/randomness`.
    let python = object_of(pyo3::ffi::Py_IsInitialized as *const () as usize);
    let python = python.map(real).unwrap_or_default();
    // This library draws only for its callers, which are recorded.
    let own = draws::own_file().map(real).unwrap_or_default();
    let seen = seen
        .iter()
        .map(|file| PathBuf::from(OsStr::from_bytes(file)));
    let seen = seen.filter(|file| !is_libc(file));
    for library in draws::drawers().into_iter().chain(seen) {
        let path = real(library.clone());
        if path != python
            && path != own
            && !renewed.contains(&path)
            && !is_harmless(&library)
            && !has_sqlite(&library)
        {
            bail!(
                "while loading, the application used the random generator of `{}`, which cannot be reset: \
                 use it when a request needs it",
                library.display()
            );
        }
    }
    Ok(())
}

fn is_libc(library: &Path) -> bool {
    let name = library.file_name().map_or(&b""[..], OsStr::as_bytes);
    name.starts_with(b"libc.so") || name.starts_with(b"libc-2.")
}

fn is_harmless(library: &Path) -> bool {
    let path = library.as_os_str().as_bytes();
    HARMLESS.iter().any(|(start, _)| {
        // Compares the last names of the path, as many as `start` has.
        let names = path.split(|&byte| byte == b'/');
        let depth = start.matches('/').count() + 1;
        let skipped = names.clone().count().saturating_sub(depth);
        let last: Vec<&[u8]> = names.skip(skipped).collect();
        last.join(&b'/').starts_with(start.as_bytes())
    })
}

/// Makes each SQLite draw a new seed when it is next used.
pub(crate) fn reset_sqlite() {
    type Randomness = unsafe extern "C" fn(c_int, *mut c_void);
    let found: BTreeSet<*mut c_void> = libraries()
        .iter()
        .filter_map(|library| symbol(library, SQLITE))
        .collect();
    for function in found {
        // SAFETY: <https://www.sqlite.org/c3ref/randomness.html>: no bytes are asked for.
        unsafe {
            std::mem::transmute::<*mut c_void, Randomness>(function)(0, std::ptr::null_mut());
        }
    }
}

/// How many loaded libraries contain SQLite; each reads `/dev/urandom` once.
#[must_use]
pub(crate) fn sqlite_libraries() -> u64 {
    let libraries = libraries();
    let with_one = libraries.iter().filter(|library| has_sqlite(library));
    with_one.count() as u64
}

const SQLITE: &CStr = c"sqlite3_randomness";

fn has_sqlite(library: &Path) -> bool {
    let own = |function: *mut c_void| draws::object_of(function.addr());
    symbol(library, SQLITE).is_some_and(|function| own(function).as_deref() == Some(library))
}

/// The files of all loaded libraries.
fn libraries() -> Vec<PathBuf> {
    unsafe extern "C" fn take(
        about: *mut libc::dl_phdr_info,
        _: usize,
        list: *mut c_void,
    ) -> c_int {
        // SAFETY: the list below, and what the C library tells of one library.
        unsafe {
            let name = CStr::from_ptr((*about).dlpi_name).to_bytes();
            let name = OsStr::from_bytes(name);
            (*list.cast::<Vec<PathBuf>>()).push(name.into());
        }
        0
    }
    let mut list: Vec<PathBuf> = Vec::new();
    // SAFETY: the function has the signature asked for, and the list outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(take), (&raw mut list).cast()) };
    list
}

/// A function of a loaded library, or of a library that it depends on.
fn symbol(library: &Path, name: &CStr) -> Option<*mut c_void> {
    let file = CString::new(library.as_os_str().as_bytes()).ok()?;
    // SAFETY: the library is loaded already, and stays loaded.
    unsafe {
        let handle = libc::dlopen(file.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if handle.is_null() {
            return None;
        }
        let found = libc::dlsym(handle, name.as_ptr());
        libc::dlclose(handle);
        (!found.is_null()).then_some(found)
    }
}
