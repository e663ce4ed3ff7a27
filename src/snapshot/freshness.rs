//! Whether an image is of this machine, this user and these files, as they are now. The launcher
//! is built with this file too; each check is one pass over a list.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::format::{Folder, Head, Stamp, sum};

/// Why an image is not used.
pub fn check(
    head: &Head,
    identity: &[u8],
    now: u64,
    environment: &[(OsString, OsString)],
) -> Result<(), String> {
    if head.identity != identity {
        return Err("it is another application's".into());
    }
    if head.machine != machine() {
        return Err("the machine was started anew, or is another".into());
    }
    if now.saturating_sub(head.made) > MAX_AGE {
        return Err("it is a day old".into());
    }
    let value_of = |name: &[u8]| {
        let found = environment
            .iter()
            .find(|(known, _)| known.as_bytes() == name);
        found.map(|(_, value)| value.as_bytes())
    };
    for (name, value) in &head.variables {
        if value_of(name) != value.as_deref() {
            return Err(format!("the variable {} has changed", name.escape_ascii()));
        }
    }
    for (name, _) in environment {
        let name = name.as_bytes();
        if is_watched(name) && !head.variables.iter().any(|(known, _)| known == name) {
            return Err(format!("the variable {} is new", name.escape_ascii()));
        }
    }
    for (path, stamp) in &head.files {
        // One that was looked for and not there is all zeros.
        if stamp_of(path).unwrap_or_default() != *stamp {
            return Err(format!("`{}` has changed", path.escape_ascii()));
        }
    }
    for folder in &head.folders {
        let same = modified(&folder.path) == folder.modified
            || names(Path::new(OsStr::from_bytes(&folder.path))) == folder.names;
        if !same {
            return Err(format!(
                "the folder `{}` has changed",
                folder.path.escape_ascii()
            ));
        }
    }
    Ok(())
}

/// Variables that something in C may read, whatever Python reads.
const WATCHED: [&str; 12] = [
    "GLIBC_TUNABLES",
    "LANG",
    "LC_",
    "LD_",
    "MALLOC_",
    "OMP_",
    "OPENBLAS_",
    "OPENSSL_",
    "PYTHON",
    "SSL_CERT_",
    "TZ",
    "VIRTUAL_ENV",
];

fn is_watched(name: &[u8]) -> bool {
    // Apache's own renaming; a client's header has `HTTP_` before whatever it says.
    let mut setting = name;
    while let Some(shorter) = setting.strip_prefix(b"REDIRECT_") {
        setting = shorter;
    }
    setting.starts_with(b"WSGI_CGI_")
        || WATCHED
            .iter()
            .any(|start| name.starts_with(start.as_bytes()))
}

/// Whether a variable is no request's, as far as its name tells. Apache's mod_unique_id and mod_ssl
/// have some of their own.
#[must_use]
pub fn is_of_the_surroundings(name: &[u8]) -> bool {
    let of_a_request = [
        &b"GATEWAY_INTERFACE"[..],
        b"UNIQUE_ID",
        b"SSL_CLIENT",
        b"SSL_SESSION",
        b"CONTEXT_",
    ];
    let is_renamed = name.starts_with(b"REDIRECT_") && !is_watched(name);
    !is_renamed && !of_a_request.iter().any(|start| name.starts_with(start))
}

/// The variables that an image rests on: those that were read, and those of the C library's.
pub fn variables<'a>(
    read: &[Vec<u8>],
    around: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let around: Vec<(&[u8], &[u8])> = around.into_iter().collect();
    let mut names: Vec<&[u8]> = read.iter().map(Vec::as_slice).collect();
    names.extend(
        around
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| is_watched(name)),
    );
    names.sort_unstable();
    names.dedup();
    let value = |name: &[u8]| {
        let found = around.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.to_vec())
    };
    names
        .into_iter()
        .map(|name| (name.to_vec(), value(name)))
        .collect()
}

/// The hash seed and whatever else is the image's own changes with it: seconds.
const MAX_AGE: u64 = 24 * 60 * 60;

/// Boot, kernel, processor and user.
#[must_use]
pub fn machine() -> Vec<u8> {
    let mut machine = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let kernel = rustix::system::uname();
    machine.extend_from_slice(kernel.release().to_bytes());
    machine.extend_from_slice(kernel.version().to_bytes());
    let (one, other) = rustix::param::linux_hwcap();
    for number in [
        one as u64,
        other as u64,
        rustix::process::geteuid().as_raw().into(),
    ] {
        machine.extend_from_slice(&number.to_le_bytes());
    }
    machine
}

/// Now, as files are stamped.
#[must_use]
pub fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    time(now.tv_sec, now.tv_nsec.cast_unsigned())
}

/// Nanoseconds fit into 30 bits.
fn time(seconds: i64, nanoseconds: u64) -> u64 {
    seconds.cast_unsigned() << 30 | nanoseconds
}

/// A file as it is now.
#[must_use]
pub fn stamp_of(path: &[u8]) -> Option<Stamp> {
    let path = CString::new(path).ok()?;
    let stat = rustix::fs::stat(&path).ok()?;
    Some(stamp(&stat))
}

/// The same from what the kernel says.
#[must_use]
pub fn stamp(stat: &rustix::fs::Stat) -> Stamp {
    Stamp {
        device: stat.st_dev,
        inode: stat.st_ino,
        size: stat.st_size.cast_unsigned(),
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        changed: time(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// A folder as it is now.
#[must_use]
pub fn folder(path: &[u8]) -> Folder {
    Folder {
        modified: modified(path),
        names: names(Path::new(OsStr::from_bytes(path))),
        path: path.to_vec(),
    }
}

/// When a name was last added or removed; 0 for a folder that is not there.
fn modified(path: &[u8]) -> u64 {
    stamp_of(path).map_or(0, |stamp| stamp.modified)
}

/// A sum of what can be imported from a folder, in whatever order it is listed.
fn names(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| entry.file_name())
        .filter(|name| can_be_imported(name.as_bytes()))
        .map(|name| sum(name.as_bytes()))
        .fold(1, u64::wrapping_add)
}

fn can_be_imported(name: &[u8]) -> bool {
    let ends = [
        &b".py"[..],
        b".pyc",
        b".so",
        b".pth",
        b".zip",
        b".dist-info",
    ];
    let is_folder = !name.contains(&b'.') && name != b"__pycache__";
    is_folder || ends.iter().any(|end| name.ends_with(end))
}
