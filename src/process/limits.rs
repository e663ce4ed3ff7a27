//! How many descriptors this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit where none is known.
const USUAL: u64 = 1024;

/// Raises the limit as far as the system allows. Returns the old limit and the new one.
#[must_use]
pub fn raise_open_files() -> (u64, u64) {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: before.maximum,
        maximum: before.maximum,
    };
    _ = setrlimit(Resource::Nofile, raised);
    (before.current.unwrap_or(USUAL), open_files())
}

/// The limit.
#[must_use]
pub fn open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(USUAL)
}

/// Sets the limit to what it was: programs that use `select(2)` rely on low numbers.
pub fn set_open_files(limit: u64) {
    let now = getrlimit(Resource::Nofile);
    let lowered = Rlimit {
        current: Some(limit),
        maximum: now.maximum,
    };
    _ = setrlimit(Resource::Nofile, lowered);
}
