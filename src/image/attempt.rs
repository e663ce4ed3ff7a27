//! An attempt at an image, as the process begins it that observes the one that loads: where the files
//! are, who may be at it, and that it is counted before anything can go wrong.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::pace::now;
use super::store::{read_head, take_lock};
use super::{freshness, pace, place};
use exchange::MetaVariables;

/// How a process ends that makes an image or tries one: its exit status is the note of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// There is an image.
    Made,
    /// There is none, and the reason is kept.
    Refused,
    /// Another attempt may succeed a moment later (EX_TEMPFAIL).
    Again,
    /// The reason is what loading itself has changed, and may change no more.
    Settles,
    /// There is none with the warm-up, for the reason that is kept: one without it may be made.
    Unwarmed,
    /// A process that was restored for a trial has passed it: no other way to end is this one by chance.
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

    /// What an exit status says; none where it is another's.
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
    /// All but their endings.
    pub name: String,
    /// What counts the first images of the script.
    firsts: PathBuf,
}

impl Files {
    /// Those of a script that is started with these options.
    ///
    /// # Errors
    /// Where there is no such script.
    pub fn new(folder: &Path, options: &[OsString], script: &Path) -> Result<Self> {
        let identity =
            place::identity(options, script).with_context(|| format!("`{}`", script.display()))?;
        Ok(Self {
            folder: folder.to_owned(),
            name: place::name(&identity, &freshness::machine()),
            firsts: place::firsts(folder, &place::script_of(&identity)),
            identity,
        })
    }

    /// The one with that ending.
    #[must_use]
    pub fn at(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    /// What the lock is, as long as nobody removes the folder.
    #[must_use]
    pub fn lock(&self) -> Option<(u64, u64)> {
        let about = fs::symlink_metadata(self.at("lock")).ok()?;
        Some((about.dev(), about.ino()))
    }
}

/// One that has begun; no other process makes this image meanwhile.
#[derive(Debug)]
pub struct Attempt {
    /// How often it was tried, this time counted in.
    pub number: u64,
    _lock: File,
}

/// Begins one; none where another process is at it or has just been, or there is an image that was
/// made since. Who wants one in any case waits for that other process.
///
/// # Errors
/// Where it cannot be counted, or the folder is no place for images.
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
            "`{folder}` is no folder of this user's alone: have the user make the image that the \
             server runs scripts as, or name another folder with --cache-dir"
        )
    })?;
    let at = |ending: &str| files.at(ending);
    let count =
        || pace::begin(&at, &files.firsts).with_context(|| format!("`{folder}` cannot be written"));
    let lock = match take_lock(&files.at("lock"), unless_since.is_none()) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Ok(None),
        Err(error) => {
            // It is no reason to try again at each request.
            count()?;
            return Err(error);
        }
    };
    // Of many requests at a time each has one made.
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
