//! This very program, as the kernel started it.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::environment;

/// The program, in a process that has executed Python: to the system it is another program.
static HANDED_ON: OnceLock<PathBuf> = OnceLock::new();

/// Sets the program that this process belongs to.
pub fn set_path(program: PathBuf) {
    _ = HANDED_ON.set(program);
}

/// Its file. Without `/proc` it is `argv[0]`, which names the interpreter of a script's first line,
/// or else the file that the kernel was asked to execute.
#[must_use]
pub fn path() -> PathBuf {
    if let Some(program) = HANDED_ON.get() {
        return program.clone();
    }
    if let Ok(program) = std::fs::read_link("/proc/self/exe") {
        // The kernel adds this to the name of a file that was replaced.
        let name = program.as_os_str().as_bytes();
        let name = name.strip_suffix(b" (deleted)").unwrap_or(name);
        return OsStr::from_bytes(name).into();
    }
    let named = std::env::args_os().next().map(PathBuf::from);
    let named = named.filter(|name| name.is_absolute());
    named.unwrap_or_else(|| as_path(environment::executed()))
}

/// A C string as a path.
#[must_use]
pub fn as_path(name: &CStr) -> PathBuf {
    OsStr::from_bytes(name.to_bytes()).into()
}
