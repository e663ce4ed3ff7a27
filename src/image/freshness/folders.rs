//! The names in a folder: an image that looked for modules in it depends on them.

use std::ffi::OsStr;
use std::fs::FileType;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirEntryExt;
use std::path::Path;

use super::{Stale, now, stamp_of};
use crate::format::{Folder, Head, Stamp, sum};

/// Whether the folders of an image still have the same names.
pub(super) fn check(head: &Head) -> Result<(), Stale> {
    for folder in &head.folders {
        let stamp = stamp_of(&folder.path).unwrap_or_default();
        if stamp != folder.stamp && list(folder.path.clone()).sum(folder.whole) != folder.names {
            return Err(Stale::of(format!(
                "the folder `{}` has changed",
                folder.path.escape_ascii()
            )));
        }
    }
    Ok(())
}

/// A listed folder: hashes of all names, and of those that can be imported.
#[derive(Debug)]
pub struct Listed {
    /// Its absolute path.
    pub path: Vec<u8>,
    stamp: Stamp,
    all: u64,
    importable: u64,
}

impl Listed {
    /// What an image depends on.
    #[must_use]
    pub fn folder(self, whole: bool) -> Folder {
        Folder {
            names: self.sum(whole),
            stamp: self.stamp,
            path: self.path,
            whole,
        }
    }

    fn sum(&self, whole: bool) -> u64 {
        if whole { self.all } else { self.importable }
    }
}

/// Lists a folder; the order of names does not matter.
#[must_use]
pub fn list(path: Vec<u8>) -> Listed {
    let before = stamp_of(&path).unwrap_or_default();
    // A change within the clock's resolution may leave its time as it is: without a stamp it is always listed.
    let is_at_rest = before.changed + (1 << 30) < now();
    let mut listed = Listed {
        stamp: if is_at_rest { before } else { Stamp::default() },
        all: 0,
        importable: 0,
        path,
    };
    let entries = std::fs::read_dir(Path::new(OsStr::from_bytes(&listed.path)));
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let sum = sum(name.as_bytes()) | 1;
        let kind = entry.file_type();
        let is_file = kind.as_ref().is_ok_and(FileType::is_file);
        let about = number_of(kind.ok()).wrapping_add(entry.ino() << 3) | 1;
        listed.all = listed.all.wrapping_add(sum.wrapping_mul(about));
        if can_be_imported(name.as_bytes(), is_file) {
            listed.importable = listed.importable.wrapping_add(sum);
        }
    }
    listed
}

/// A number for the type of an entry.
fn number_of(kind: Option<FileType>) -> u64 {
    match kind {
        Some(kind) if kind.is_file() => 1,
        Some(kind) if kind.is_dir() => 3,
        Some(kind) if kind.is_symlink() => 5,
        _ => 7,
    }
}

fn can_be_imported(name: &[u8], is_file: bool) -> bool {
    let ends = [
        &b".py"[..],
        b".pyc",
        b".so",
        b".pth",
        b".zip",
        b".dist-info",
        b".egg-info",
        b".egg-link",
        b".egg",
    ];
    let is_package = !is_file && !name.contains(&b'.') && name != b"__pycache__";
    is_package || ends.iter().any(|end| name.ends_with(end))
}
