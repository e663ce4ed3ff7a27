//! An attempt to make an image, begun by the observer: where the files are, that one process at a time makes
//! an image, and that the attempt is counted before anything can go wrong.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::pace::now;
use super::store::{read_head, take_lock};
use super::{freshness, pace, place};
use exchange::MetaVariables;

/// How a process that makes or tries an image has ended, told by its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// There is an image.
    Made,
    /// There is no image, and the reason is kept.
    Refused,
    /// Another attempt may succeed a moment later (EX_TEMPFAIL).
    Again,
    /// Loading changed a file that it had looked at; a second attempt may find nothing to change.
    Settles,
    /// The warm-up kept it from being made, for the reason that is kept: an image without it may be made.
    Unwarmed,
    /// A restored process has passed its trial: a status that nothing else ends with.
    Tried,
}

impl Ended {
    const CODES: [(Self, i32); 6] = [
        (Self::Made, 0),
        (Self::Refused, 1),
        (Self::Again, 75),
        (Self::Settles, 76),
        (Self::Tried, 77),
        (Self::Unwarmed, 79),
    ];

    /// The exit status.
    #[must_use]
    pub fn code(self) -> i32 {
        let known = Self::CODES.iter().find(|(ended, _)| *ended == self);
        known.map_or(1, |(_, code)| *code)
    }

    /// What an exit status means; `None` for any other status.
    #[must_use]
    pub fn of(code: i32) -> Option<Self> {
        let known = Self::CODES.iter().find(|(_, known)| *known == code);
        known.map(|(ended, _)| *ended)
    }
}

/// An application's files in the folder for images.
#[derive(Debug)]
pub struct Files {
    /// The folder.
    pub folder: PathBuf,
    /// Which application, started how (`place::identity`).
    pub identity: Vec<u8>,
    /// Their name, without endings.
    pub name: String,
    /// What counts the first images of the script.
    firsts: PathBuf,
}

impl Files {
    /// The files of a script that is started with these options.
    ///
    /// # Errors
    /// Where there is no such script.
    pub fn new(folder: &Path, options: &[OsString], script: &Path) -> Result<Self> {
        let identity =
            place::identity(options, script).with_context(|| format!("`{}`", script.display()))?;
        Ok(Self {
            folder: folder.to_owned(),
            name: place::name(&identity, &freshness::machine()),
            firsts: place::first_images_counter(folder, &place::script_of(&identity)),
            identity,
        })
    }

    /// The path of the file with that ending.
    #[must_use]
    pub fn at(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    /// Device and inode of the lock file: another one means that the folder was removed.
    #[must_use]
    pub fn lock(&self) -> Option<(u64, u64)> {
        let about = fs::symlink_metadata(self.at("lock")).ok()?;
        Some((about.dev(), about.ino()))
    }
}

/// An attempt that has begun; it holds the lock, so no other process makes this image.
#[derive(Debug)]
pub struct Attempt {
    /// The number of attempts, with this one.
    pub number: u64,
    _lock: File,
}

/// Begins one. `None` where another process makes this image, has just tried to, or has made one after
/// `unless_since`. Without `unless_since` it waits for the other process and makes an image in any case.
///
/// # Errors
/// Where it cannot be counted, or the folder cannot be used for images.
pub fn begin(
    files: &Files,
    unless_since: Option<u64>,
    around: &MetaVariables,
) -> Result<Option<Attempt>> {
    let folder = files.folder.display();
    let roots = place::ROOTS.map(|name| around.value(name));
    if let Some(reason) = place::is_published(&files.folder, &roots) {
        bail!("{reason}");
    }
    place::make(&files.folder).with_context(|| {
        format!(
            "`{folder}` must be owned by this user and closed to others: run this as the user that the \
             server runs scripts as, or name another folder with --cache-dir"
        )
    })?;
    let at = |ending: &str| files.at(ending);
    let count =
        || pace::begin(&at, &files.firsts).with_context(|| format!("cannot write to `{folder}`"));
    let lock = match take_lock(&files.at("lock"), unless_since.is_none()) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Ok(None),
        Err(error) => {
            // Counted too, or each request would try again.
            count()?;
            return Err(error);
        }
    };
    // Many requests at once each start an attempt: one image is enough.
    if let Some(since) = unless_since {
        let is_made = read_head(&files.at("image")).is_some_and(|head| head.made >= since);
        if is_made || since > 0 && pace::until_made(&at, &files.firsts, now()) > 0 {
            return Ok(None);
        }
    }
    Ok(Some(Attempt {
        number: count()?,
        _lock: lock,
    }))
}
