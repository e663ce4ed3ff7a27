//! What keeps this process's user from a file or a folder: which part of the way there is closed, and the
//! command that opens it.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

/// The part of that path that is closed to this user: a folder on the way that may not be entered, or what is at
/// the end, where that may not be read.
#[must_use]
pub fn closed_part(path: &Path) -> Option<PathBuf> {
    let is_closed = |part: &&Path| {
        let wanted = match fs::metadata(part) {
            Ok(about) if !about.is_dir() => Access::READ_OK,
            Ok(_) if *part == path => Access::READ_OK | Access::EXEC_OK,
            Ok(_) => Access::EXEC_OK,
            Err(_) => return false, // one above it is
        };
        rustix::fs::access(*part, wanted).is_err()
    };
    path.ancestors().find(is_closed).map(Path::to_owned)
}

/// A sentence about what is closed, if anything is. What is the application's own, below one of these folders,
/// may be opened as a whole; above them there may be a home, which is opened no further than needed.
#[must_use]
pub fn why_out_of_reach(path: &Path, own: &[PathBuf]) -> Option<String> {
    let closed = closed_part(path)?;
    let is_own = own.iter().any(|folder| closed.starts_with(folder));
    let (verb, how) = match (is_own, closed.is_dir()) {
        (true, true) => ("read", "-R go+rX"),
        (false, true) if closed == path => ("read", "go+rx"),
        (_, true) => ("enter", "go+x"),
        (_, false) => ("read", "go+r"),
    };
    let shown = closed.display();
    Some(format!(
        "user {} may not {verb} `{shown}`: `chmod {how} {shown}`",
        rustix::process::geteuid().as_raw()
    ))
}
