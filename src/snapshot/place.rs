//! Where images are: one folder of the user's own, one name for each application and the way it is
//! started. The launcher is built with this file too.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::format::sum;

/// How a `#!` line starts an application: its one argument, the working directory, and the script.
pub fn identity(argument: Option<&OsStr>, script: &Path) -> io::Result<Vec<u8>> {
    let script = fs::canonicalize(script)?;
    let mut identity = argument.unwrap_or_default().as_bytes().to_vec();
    identity.push(0);
    identity.extend_from_slice(std::env::current_dir()?.as_os_str().as_bytes());
    identity.push(0);
    identity.extend_from_slice(script.as_os_str().as_bytes());
    Ok(identity)
}

/// The name of the application's image, without its ending.
#[must_use]
pub fn name(identity: &[u8]) -> String {
    let reversed: Vec<u8> = identity.iter().rev().copied().collect();
    format!("{:016x}{:016x}", sum(identity), sum(&reversed))
}

/// The folder: the one that is named, else the user's cache.
pub fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("WSGI_CGI_CACHE_DIR")
        .or_else(|| Some(absolute("XDG_CACHE_HOME")?.join("wsgi-cgi")))
        .or_else(|| Some(absolute("HOME").or_else(home)?.join(".cache/wsgi-cgi")))
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
