//! Files of a restored process: those that it maps, and those that it has open. Each must still be the one that it
//! was when the image was made.

use std::ffi::{CStr, CString, c_int};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;

use super::{Failure, Kind};
use crate::database;
use crate::format::{Opened, Stamp};
use crate::freshness;

/// A file, if it is still the one that was mapped when the image was made. Mappings of one file
/// come one after the other.
pub(super) fn unchanged<'a, 'b>(
    files: &'a mut Vec<(&'b [u8], OwnedFd)>,
    path: &'b [u8],
    stamp: &Stamp,
) -> Result<BorrowedFd<'a>, Failure> {
    if files.last().is_none_or(|(known, _)| *known != path) {
        let name = CString::new(path).map_err(|_| "the image is damaged")?;
        let file = open(&name, OFlags::RDONLY)?;
        let now = rustix::fs::fstat(&file).map_err(|error| error.to_string())?;
        if freshness::stamp(&now) != *stamp {
            return Err(format!("`{}` has changed", path.escape_ascii()).into());
        }
        files.clear();
        files.push((path, file));
    }
    let (_, file) = files.last().ok_or("the image is damaged")?;
    Ok(file.as_fd())
}

fn open(path: &CStr, flags: OFlags) -> Result<OwnedFd, Failure> {
    rustix::fs::open(
        path,
        flags | OFlags::CLOEXEC | OFlags::NOCTTY,
        Mode::empty(),
    )
    .map_err(|error| {
        let kind = match error {
            Errno::MFILE | Errno::NFILE | Errno::NOMEM => Kind::Limit,
            _ => Kind::Changed,
        };
        let reason = format!("`{}`: {error}", path.to_bytes().escape_ascii());
        Failure::new(kind, reason)
    })
}

/// Opens a file again, at a descriptor above all that will be needed.
pub(super) fn open_again(file: &Opened, most: u64) -> Result<OwnedFd, Failure> {
    let path = CString::new(file.path.as_slice()).map_err(|_| "the image is damaged")?;
    let flags = OFlags::from_bits_truncate(u32::try_from(file.flags).unwrap_or(0));
    let descriptor = open(&path, flags)?;
    let about = rustix::fs::fstat(&descriptor).map_err(|error| error.to_string())?;
    if (about.st_dev, about.st_ino) != (file.device, file.inode) {
        return Err(format!(
            "`{}` was replaced by another file",
            file.path.escape_ascii()
        )
        .into());
    }
    if file.born != 0 && database::born(&descriptor) != Some(file.born) {
        return Err(format!("the database `{}` was replaced", file.path.escape_ascii()).into());
    }
    // Written to, but with the same header fields: SQLite would take old pages for those of the file.
    if file.born != 0
        && database::written(&about) != file.written
        && database::state(&descriptor) == Some(file.state)
    {
        return Err(format!(
            "the content of the database `{}` was replaced",
            file.path.escape_ascii()
        )
        .into());
    }
    if file.position > 0 {
        rustix::fs::seek(&descriptor, SeekFrom::Start(file.position))
            .map_err(|error| format!("`{}`: {error}", file.path.escape_ascii()))?;
    }
    let beyond = i32::try_from(most + 1).map_err(|_| "the image is damaged")?;
    rustix::io::fcntl_dupfd_cloexec(&descriptor, beyond).map_err(|error| {
        let reason = format!("cannot open file descriptor {beyond}: {error}");
        Failure::new(Kind::Limit, reason)
    })
}

/// Moves it to the descriptor that it had.
pub(super) fn put_in_place(file: &Opened, descriptor: &OwnedFd) -> Result<(), Failure> {
    let number = c_int::try_from(file.number).map_err(|_| "the image is damaged")?;
    let flags = if file.close_on_exec {
        libc::O_CLOEXEC
    } else {
        0
    };
    // SAFETY: this program has nothing open any more under a number that small.
    match unsafe { libc::dup3(descriptor.as_raw_fd(), number, flags) } {
        -1 => {
            let error = std::io::Error::last_os_error();
            let reason = format!("cannot open file descriptor {number}: {error}");
            Err(Failure::new(Kind::Limit, reason))
        }
        _ => Ok(()),
    }
}
