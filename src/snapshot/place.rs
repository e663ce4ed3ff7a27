//! Where images are: one folder of the user's own, one name for each application and the way it is
//! started. The launcher is built with this file too.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::format::sum;

/// How an application is started: options, the working directory, and the script.
pub fn identity(options: &[OsString], script: &Path) -> io::Result<Vec<u8>> {
    let script = fs::canonicalize(script)?;
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

/// The name of the application's image, without its ending.
#[must_use]
pub fn name(identity: &[u8]) -> String {
    let reversed: Vec<u8> = identity.iter().rev().copied().collect();
    format!("{:016x}{:016x}", sum(identity), sum(&reversed))
}

/// The folder: the one that is named among the options or in the environment, else the user's cache.
pub fn folder(
    options: &[OsString],
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let absolute = |name: &str| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    named(options)
        .or_else(|| absolute("WSGI_CGI_CACHE_DIR"))
        .or_else(|| Some(absolute("XDG_CACHE_HOME")?.join("wsgi-cgi")))
        .or_else(|| Some(absolute("HOME").or_else(home)?.join(".cache/wsgi-cgi")))
}

/// What `--cache-dir` says.
fn named(options: &[OsString]) -> Option<PathBuf> {
    let mut words = options.iter().map(|word| word.as_bytes());
    while let Some(word) = words.next() {
        let value = match word.strip_prefix(b"--cache-dir") {
            Some([]) => words.next(),
            Some([b'=', value @ ..]) => Some(value),
            _ => None,
        };
        if let Some(value) = value {
            return Some(PathBuf::from(OsStr::from_bytes(value)));
        }
    }
    None
}

/// A web server gives its scripts no HOME.
fn home() -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw().to_string();
    let list = fs::read("/etc/passwd").ok()?;
    let line = list
        .split(|&byte| byte == b'\n')
        .find(|line| line.split(|&byte| byte == b':').nth(2) == Some(user.as_bytes()))?;
    let home = line.split(|&byte| byte == b':').nth(5)?;
    Some(PathBuf::from(OsStr::from_bytes(home))).filter(|home| home.is_absolute())
}

/// Makes the folder, for nobody else.
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

/// Whether a file or a folder is this user's and nobody else can get at it.
#[must_use]
pub fn is_ours(about: &fs::Metadata) -> bool {
    !about.file_type().is_symlink()
        && about.uid() == rustix::process::geteuid().as_raw()
        && about.mode().trailing_zeros() >= 6
}
