//! The state of a path now, in the five numbers that an image depends on.

use std::ffi::CStr;

use rustix::fs::{AtFlags, CWD, Stat, statat};
use rustix::io::Errno;

use super::{Stale, time};
use crate::format::{Head, How, Stamp};

/// How many files an image depends on.
#[must_use]
pub(crate) fn files(head: &Head) -> usize {
    head.files.len() + head.looks.len()
}

/// Whether one of the files of an image, by its place among all of them, is as it was.
pub(crate) fn is_as_it_was(head: &Head, place: usize) -> bool {
    match head.files.get(place) {
        Some((path, stamp)) => look_at(path, How::Whole) == *stamp,
        None => head
            .looks
            .get(place - head.files.len())
            .is_some_and(|look| {
                // A path that did not exist is all zeros.
                look_at(&look.path, look.how) == look.stamp
            }),
    }
}

/// That the file at this place has changed.
pub(crate) fn changed(head: &Head, place: usize) -> Stale {
    let looks = head.looks.iter().map(|look| &look.path);
    let mut paths = head.files.iter().map(|(path, _)| path).chain(looks);
    Stale::changed(paths.nth(place).map_or(&b""[..], Vec::as_slice))
}

/// A file as it is now.
#[must_use]
pub fn stamp_of(path: &[u8]) -> Option<Stamp> {
    let stat = rustix::fs::stat(path).ok()?;
    Some(stamp(&stat))
}

/// The state of a path now, as far as changes count.
#[must_use]
pub fn look_at(path: &[u8], how: How) -> Stamp {
    let flags = match how {
        How::Whole | How::Kind => AtFlags::empty(),
        How::Link | How::LinkKind => AtFlags::SYMLINK_NOFOLLOW,
    };
    let found = stat(path, flags);
    match (found, how) {
        (Err(_), _) => Stamp::default(),
        (Ok(stat), How::Whole | How::Link) => stamp(&stat),
        (Ok(stat), How::Kind | How::LinkKind) => Stamp {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::from(stat.st_mode),
            modified: u64::from(stat.st_uid),
            changed: u64::from(stat.st_gid),
        },
    }
}

/// As `statat`, which copies a long path to the heap unless it ends with a zero: the second thread of restoring
/// must not allocate.
fn stat(path: &[u8], flags: AtFlags) -> Result<Stat, Errno> {
    const SHORT: usize = 200;
    if path.len() <= SHORT {
        return statat(CWD, path, flags);
    }
    let mut room = [0; 4096];
    let Some(place) = room.get_mut(..path.len()) else {
        return Err(Errno::NAMETOOLONG);
    };
    place.copy_from_slice(path);
    let path = CStr::from_bytes_until_nul(&room).map_err(|_| Errno::NAMETOOLONG)?;
    statat(CWD, path, flags)
}

/// The same from the result of `stat`.
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
