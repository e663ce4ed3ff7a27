//! Random generators in C libraries. What they took from the system while the application was
//! loaded every restored process would go on with: they are reset, are known to notice that the
//! process is another, or there is no image. Python's own are in `src/executor/python/image/chance.rs`.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::interposed::draws::object_of;
use crate::interposed::{at_fork, draws};

/// How the files begin of libraries whose draws are no obstacle, and why.
const HARMLESS: [(&str, &str); 12] = [
    ("libpython", "Python's own are looked at in Python"),
    ("libcrypto", "OpenSSL looks at the number of the process"),
    ("cryptography/hazmat/bindings/_rust", "OpenSSL, linked in"),
    ("libgcrypt", "it looks at the number of the process"),
    ("libuuid", "it keeps none; its clock is looked at in Python"),
    ("libsodium", "it keeps none"),
    ("nacl/_sodium", "libsodium, linked in"),
    ("libexpat", "for the order of a hash table"),
    ("pyexpat", "for the order of a hash table"),
    ("libxml2", "for the order of a hash table"),
    ("lxml/etree", "for the order of a hash table"),
    ("_pydantic_core", "for the order of a hash table"),
];

/// Refuses generators that would go on in every process with what they drew for this one; `seen` are the
/// files whose own code made the system call. The C library's is made for others, who are known by
/// their calls of it.
///
/// # Errors
/// With the library that has one.
pub(crate) fn refuse_generators(seen: &BTreeSet<Vec<u8>>) -> Result<()> {
    if !at_fork::is_complete() {
        bail!("loading the application registered too many functions with pthread_atfork");
    }
    // The kernel's names for them are without links.
    let real = |file: PathBuf| file.canonicalize().unwrap_or(file);
    let renewed: Vec<PathBuf> = at_fork::renewed().into_iter().map(real).collect();
    // What Python draws for itself, and for who asks it, is seen to elsewhere (`python/image/chance`).
    let python = object_of(pyo3::ffi::Py_IsInitialized as *const () as usize);
    let python = python.map(real).unwrap_or_default();
    // This one draws for others, who are known by their calls of it; where it lies is no link either.
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
                "loading the application used the random generator of `{}`, which cannot be reset: \
                 use it when the first request needs it",
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
        // From the beginning of a name on, in as many folders as are named.
        let names = path.split(|&byte| byte == b'/');
        let depth = start.matches('/').count() + 1;
        let skipped = names.clone().count().saturating_sub(depth);
        let last: Vec<&[u8]> = names.skip(skipped).collect();
        last.join(&b'/').starts_with(start.as_bytes())
    })
}

/// SQLite's draw their seed anew when next they are asked.
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

/// How many libraries with a SQLite are loaded, each of which reads `/dev/urandom` once.
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

/// The files of all libraries that are loaded.
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

/// A function of a library that is loaded, or of one that it needs.
fn symbol(library: &Path, name: &CStr) -> Option<*mut c_void> {
    let file = CString::new(library.as_os_str().as_bytes()).ok()?;
    // SAFETY: nothing is loaded, and the library stays for those who have loaded it.
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
