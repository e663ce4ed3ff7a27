//! The environment of this process, made the one that a server gives its script: Python, its
//! modules and what they start then see the request where a CGI script sees it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::exchange::MetaVariables;

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
