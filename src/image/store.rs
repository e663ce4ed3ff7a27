//! The files in the folder for images: which of them are ours, and how they are read and removed. A user may
//! name any folder, so it may contain files that are not ours.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::FlockOperation;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::format::Head;

/// The extensions of an application's files, except those of an image that is being made.
pub const ENDINGS: [&str; 11] = [
    "image", "bad", "refused", "pages", "used", "tries", "crashes", "unlucky", SAID, UNWARMED,
    LEARNED,
];

/// Those of them that have a head.
pub const WITH_HEAD: [&str; 3] = ["image", "bad", "refused"];

/// Those of a maker at work.
pub const OF_A_MAKER: [&str; 2] = ["new", "lock"];

/// Where a maker notes, for the next one, why that must not warm up.
pub const UNWARMED: &str = "unwarmed";

/// Why there is no image, as it was last logged.
pub const SAID: &str = "said";

/// Which blocks of memory requests write to.
pub const LEARNED: &str = "learned";

/// What counts the first images of a script.
pub const FIRSTS: &str = "firsts";

/// The first bytes of images and lists of pages, in every version.
pub const MAGIC: &[u8] = b"wcsnap";

/// The ending of a file, if its name is one of ours.
#[must_use]
pub fn ending(path: &Path) -> Option<&str> {
    let ending = path.extension()?.to_str()?;
    let stem = path.file_stem()?.to_str()?;
    let is_name = stem.len() == 32
        && stem
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_known = ENDINGS.contains(&ending) || OF_A_MAKER.contains(&ending) || ending == FIRSTS;
    (is_name && is_known).then_some(ending)
}

/// Opens a regular file for reading; does not block on a FIFO.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

/// Whether we wrote a file, by its name and by what is in it.
#[must_use]
pub fn is_ours(path: &Path) -> bool {
    let looked = || -> Option<bool> {
        let ending = ending(path)?;
        let file = open(path).ok()?;
        let mut start = [0; 64];
        let read = file.read_at(&mut start, 0).ok()?;
        let start = &start[..read];
        Some(match ending {
            "lock" => start.is_empty(),
            "new" | "pages" | SAID | UNWARMED | LEARNED => {
                start.is_empty() || start.starts_with(MAGIC)
            }
            ending if WITH_HEAD.contains(&ending) => start.starts_with(MAGIC),
            _ => start.iter().all(|&byte| byte == b'.'),
        })
    };
    looked().unwrap_or(false)
}

/// Removes a file if it is ours.
pub fn remove(path: &Path) {
    if is_ours(path) {
        _ = fs::remove_file(path);
    }
}

/// Removes all files of the application that this file belongs to.
pub fn forget(path: &Path) {
    for ending in ENDINGS {
        remove(&path.with_extension(ending));
    }
}

/// The head of an image, or of the note of a refused or bad one.
#[must_use]
pub fn read_head(path: &Path) -> Option<Head> {
    head_of(&open(path).ok()?)
}

/// The head of an open file. It is mapped, not read: copying its pages would cost each request more than looking at
/// them.
#[must_use]
pub fn head_of(file: &File) -> Option<Head> {
    let mut start = [0; 24];
    file.read_exact_at(&mut start, 0).ok()?;
    let length = Head::length(&start)?;
    if file.metadata().ok()?.len() < length as u64 {
        return None;
    }
    // SAFETY: new memory, which is used until it is unmapped. No process shortens a file that has this name; where
    // another program does, the signal for a missing page is caught as any other.
    unsafe {
        let (any, flags) = (std::ptr::null_mut(), MapFlags::PRIVATE);
        let mapped = mmap(any, length, ProtFlags::READ, flags, file, 0).ok()?;
        let head = Head::decode(std::slice::from_raw_parts(mapped.cast(), length));
        _ = munmap(mapped, length);
        head
    }
}

/// Takes the lock for making an image; `None` where another process holds it and this one does not wait.
///
/// # Errors
/// Where the lock file cannot be used.
pub fn take_lock(path: &Path, waits: bool) -> Result<Option<File>> {
    let lock = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .with_context(|| format!("`{}`", path.display()))?;
    let about = lock.metadata()?;
    let is_ours = about.uid() == rustix::process::geteuid().as_raw();
    if !about.is_file() || !is_ours {
        bail!(
            "`{}` is not a regular file owned by this user: remove it, or name another folder \
             with --cache-dir",
            path.display()
        );
    }
    let how = if waits {
        FlockOperation::LockExclusive
    } else {
        FlockOperation::NonBlockingLockExclusive
    };
    let is_free = rustix::fs::flock(&lock, how).is_ok();
    Ok((is_free && is_at(&lock, path)).then_some(lock))
}

/// Whether a file still has that name.
#[must_use]
pub fn is_at(file: &File, path: &Path) -> bool {
    let (file, named) = (file.metadata(), fs::symlink_metadata(path));
    file.is_ok_and(|file| {
        named.is_ok_and(|named| (named.dev(), named.ino()) == (file.dev(), file.ino()))
    })
}
