//! Where images are: a folder of the user, with one name for each application and way to start it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::format::sum;

/// How an application is started: options, the working directory, and the script as it was named.
/// Two links to one script are two applications: `__file__`, `sys.path` and the search for a virtual
/// environment see the name.
pub fn identity(options: &[OsString], script: &Path) -> io::Result<Vec<u8>> {
    let script = std::path::absolute(script)?;
    let folder = std::env::current_dir()?;
    let mut identity = Vec::new();
    for word in options.iter().map(OsString::as_os_str) {
        identity.extend_from_slice(word.as_bytes());
        identity.push(0);
    }
    for word in [folder.as_os_str(), script.as_os_str()] {
        identity.push(0);
        identity.extend_from_slice(word.as_bytes());
    }
    Ok(identity)
}

/// The script in an identity.
#[must_use]
pub fn script_of(identity: &[u8]) -> PathBuf {
    let script = identity.rsplit(|&byte| byte == 0).next();
    PathBuf::from(OsStr::from_bytes(script.unwrap_or_default()))
}

/// The name of the application's image, without its ending. Machines that share a home have one
/// each.
#[must_use]
pub fn name(identity: &[u8], machine: &[u8]) -> String {
    hash(&[identity, machine].concat())
}

/// The file that counts how often a first image of a script was made, whichever way it is started.
#[must_use]
pub fn first_images_counter(folder: &Path, script: &Path) -> PathBuf {
    folder.join(format!("{}.firsts", hash(script.as_os_str().as_bytes())))
}

fn hash(bytes: &[u8]) -> String {
    let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
    format!("{:016x}{:016x}", sum(bytes), sum(&reversed))
}

/// The variables that name folders which a server publishes.
pub const ROOTS: [&[u8]; 2] = [b"DOCUMENT_ROOT", b"CONTEXT_DOCUMENT_ROOT"];

/// Why a folder cannot be used for images: it is below one of these folders, which a server publishes.
#[must_use]
pub fn is_published(folder: &Path, roots: &[Option<&[u8]>]) -> Option<String> {
    let mut roots = roots.iter().flatten().filter(|root| !root.is_empty());
    let root = roots.find(|root| {
        let root = Path::new(OsStr::from_bytes(root));
        folder.starts_with(root) || is_really_below(folder, root)
    })?;
    Some(format!(
        "the folder for images, `{}`, is below the document root `{}`, where the server may send them to \
         anybody: name another folder with --cache-dir or WSGI_CGI_CACHE_DIR",
        folder.display(),
        OsStr::from_bytes(root).display()
    ))
}

/// The same with links followed; a folder that does not exist yet will be where the one above it is.
fn is_really_below(folder: &Path, root: &Path) -> bool {
    let there = folder
        .ancestors()
        .find_map(|part| fs::canonicalize(part).ok());
    let root = fs::canonicalize(root).ok();
    there.is_some_and(|there| root.is_some_and(|root| there.starts_with(root)))
}

/// A text for a log or a terminal, on one line: control characters in names are escaped.
#[must_use]
pub fn shown(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in String::from_utf8_lossy(text).chars() {
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// The folder in the user's own cache.
pub fn of_the_user(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(cache) = variable("XDG_CACHE_HOME").and_then(absolute) {
        return Some(cache.join("wsgi-cgi"));
    }
    let home = variable("HOME").and_then(absolute).or_else(home)?;
    Some(home.join(".cache/wsgi-cgi"))
}

fn absolute(path: OsString) -> Option<PathBuf> {
    Some(PathBuf::from(path)).filter(|path| path.is_absolute())
}

/// The home directory by /etc/passwd, as a web server gives its scripts no HOME.
fn home() -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw().to_string();
    let list = fs::read("/etc/passwd").ok()?;
    let line = list
        .split(|&byte| byte == b'\n')
        .find(|line| line.split(|&byte| byte == b':').nth(2) == Some(user.as_bytes()))?;
    let home = line.split(|&byte| byte == b':').nth(5)?;
    Some(PathBuf::from(OsStr::from_bytes(home))).filter(|home| home.is_absolute())
}

/// This user's folder among temporary files, for the notes of users without a folder for images.
#[must_use]
pub fn temporary(folder: &Path) -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    folder.join(format!("wsgi-cgi-{user}"))
}

/// Creates the folder, closed to others.
pub fn make(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    if is_ours(&fs::symlink_metadata(folder)?) {
        Ok(())
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// Whether a file or folder is owned by this user and closed to others.
#[must_use]
pub fn is_ours(about: &fs::Metadata) -> bool {
    !about.file_type().is_symlink()
        && about.uid() == rustix::process::geteuid().as_raw()
        && about.mode().trailing_zeros() >= 6
}
