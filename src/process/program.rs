//! This very program, as the kernel started it.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::environment;

/// In a process that this program has become, which is another program's for the system.
static HANDED_ON: OnceLock<PathBuf> = OnceLock::new();

/// This process goes on as that program.
pub fn goes_on_as(program: PathBuf) {
    _ = HANDED_ON.set(program);
}

/// Its file. Without `/proc` it is the one that the kernel was asked for, or the interpreter that the
/// first line of that one names, which is `argv[0]` then.
#[must_use]
pub fn path() -> PathBuf {
    if let Some(program) = HANDED_ON.get() {
        return program.clone();
    }
    if let Ok(program) = std::fs::read_link("/proc/self/exe") {
        // As the kernel calls one that was replaced.
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
