//! The state of a path now, in the five numbers that an image depends on.

use super::{Stale, time};
use crate::format::{Head, How, Stamp};

/// Whether the files of an image are as they were.
pub(super) fn check(head: &Head) -> Result<(), Stale> {
    // A path that did not exist is all zeros.
    let files = head
        .files
        .iter()
        .map(|(path, stamp)| (path, How::Whole, stamp));
    let looks = head
        .looks
        .iter()
        .map(|look| (&look.path, look.how, &look.stamp));
    let mut all = files.chain(looks);
    match all.find(|(path, how, stamp)| look_at(path, *how) != **stamp) {
        Some((path, ..)) => Err(Stale::changed(path)),
        None => Ok(()),
    }
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
    let found = match how {
        How::Whole | How::Kind => rustix::fs::stat(path),
        How::Link | How::LinkKind => rustix::fs::lstat(path),
    };
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
