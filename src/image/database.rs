//! Whether an SQLite database is still the one that an image has open. Its pages in the image are valid as long as
//! SQLite itself would take them for those of the file.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, StatxFlags};

use super::format::sum;
use super::freshness::time;

/// A hash of the header fields that each transaction changes: by these SQLite knows whether the pages that it has in
/// memory are still those of the file (<https://www.sqlite.org/fileformat2.html>, section 1.3).
#[must_use]
pub(super) fn state(file: impl AsFd) -> Option<u64> {
    let mut head = [0; 100];
    let read = rustix::io::pread(file, &mut head[..], 0).ok()?;
    let part = |from: usize, to: usize| &head[from.min(read)..to.min(read)];
    Some(sum(&[part(24, 44), part(92, 96)].concat()))
}

/// When a file was created, where its file system records that.
#[must_use]
pub(super) fn born(file: impl AsFd) -> Option<u64> {
    let flags = AtFlags::EMPTY_PATH;
    let about = rustix::fs::statx(file, "", flags, StatxFlags::BTIME).ok()?;
    let is_kept = about.stx_mask & StatxFlags::BTIME.bits() != 0;
    is_kept.then(|| time(about.stx_btime.tv_sec, about.stx_btime.tv_nsec.into()))
}

/// When a file was last written to.
pub(super) fn written(about: &rustix::fs::Stat) -> u64 {
    time(about.st_mtime, about.st_mtime_nsec)
}
