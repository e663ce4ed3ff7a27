//! The environment of this process, made the one that a server gives its script: Python, its
//! modules and what they start then see the request where a CGI script sees it.

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;

use crate::exchange::MetaVariables;

/// The file that the kernel was asked to execute (`AT_EXECFN`): a script, where its first line names
/// this program.
#[must_use]
pub fn executed() -> &'static CStr {
    // SAFETY: null, or a string of the kernel's, which stays where it is.
    unsafe {
        let name = libc::getauxval(libc::AT_EXECFN) as *const c_char;
        if name.is_null() {
            c""
        } else {
            CStr::from_ptr(name)
        }
    }
}

/// Replaces the environment. Comes before the interpreter and before any thread.
pub fn replace(with: &MetaVariables) {
    let names: Vec<_> = std::env::vars_os().map(|(name, _)| name).collect();
    // SAFETY: the process has one thread yet, which the caller sees to, so that nobody reads the
    // environment meanwhile.
    unsafe {
        for name in names {
            std::env::remove_var(name);
        }
        for (name, value) in with.iter() {
            // What no environment can hold is not there: the server could not have given it.
            if !name.is_empty()
                && !name.contains(&b'=')
                && !name.contains(&0)
                && !value.contains(&0)
            {
                std::env::set_var(OsStr::from_bytes(name), OsStr::from_bytes(value));
            }
        }
    }
}
