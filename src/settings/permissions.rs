//! Why this process's user cannot use a file or a folder: the part of the path without permission, and the command
//! that grants it; a file system from which nothing can be run.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, StatVfsMountFlags};

/// The part of the path that this user has no permission for: a parent folder that may not be entered, or the
/// file or folder itself, if it may not be read.
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

/// This process's user, for a message: `user 33 (www-data)`.
#[must_use]
pub fn user() -> String {
    let uid = rustix::process::geteuid().as_raw();
    let users = fs::read("/etc/passwd").unwrap_or_default();
    let name = users.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = line.split(|&byte| byte == b':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string().as_bytes()).then_some(name)
    });
    match name {
        Some(name) => format!("user {uid} ({})", name.escape_ascii()),
        None => format!("user {uid}"),
    }
}

/// A sentence with the missing permission and the command, if one is missing. Folders in `own` belong to the
/// application, and the command opens everything below them; a folder above them may be a home, for which it
/// grants no more than needed.
#[must_use]
pub fn why_out_of_reach(path: &Path, own: &[PathBuf]) -> Option<String> {
    let closed = closed_part(path)?;
    let is_own = own.iter().any(|folder| closed.starts_with(folder));
    let uid = rustix::process::geteuid().as_raw();
    let is_owner = fs::metadata(&closed).is_ok_and(|about| about.uid() == uid);
    // For the owner of a file only the owner's permissions count.
    let whose = if is_owner { "u" } else { "go" };
    let (verb, mode) = match (is_own && !is_owner, closed.is_dir()) {
        (true, true) => ("read", "-R go+rX".to_owned()),
        (false, true) if closed == path => ("read", format!("{whose}+rx")),
        (_, true) => ("enter", format!("{whose}+x")),
        (_, false) => ("read", format!("{whose}+r")),
    };
    let shown = closed.display();
    Some(format!(
        "{} may not {verb} `{shown}`: `chmod {mode} {shown}`",
        user()
    ))
}

/// Whether the file system of a file or folder is mounted `noexec`: nothing there can be run, or loaded as code.
#[must_use]
pub fn is_noexec(path: &Path) -> bool {
    let about = rustix::fs::statvfs(path);
    about.is_ok_and(|about| about.f_flag.contains(StatVfsMountFlags::NOEXEC))
}
