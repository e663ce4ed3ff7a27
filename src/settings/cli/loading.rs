//! What the process that observes the making of an image passes to the one that loads the application.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::options::Values;
use crate::passed_on::{PassedOn, Words, passed_on};

/// How to load an application whose process becomes an image, or learns for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loading {
    /// The script.
    pub script: PathBuf,
    /// The options in the script's first line, as they are written.
    pub started_with: Vec<OsString>,
    /// The same, understood.
    pub flags: Values,
    /// The folder for images.
    pub folder: PathBuf,
    /// Paths to request before the image is made, where the command line has any.
    pub warm_up: Vec<String>,
    /// Do not warm up: that made the attempt before this one fail, for the reason that is kept.
    pub unwarmed: bool,
    /// The PID of the process that observes this one.
    pub observer: u32,
    /// The number of this attempt, from 1 on.
    pub attempt: u64,
    /// Whether a person asked for the image, not a request.
    pub by_hand: bool,
    /// What to do with the placement of blocks in memory.
    pub placement: Placement,
}

passed_on!(struct Loading {
    script, started_with, flags, folder, warm_up, unwarmed, observer, attempt, by_hand, placement,
});

/// What a process that loads an application has to do with the placement of blocks in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// It learns which blocks a request writes to, and makes no image.
    Learns,
    /// It has the path of the list that an earlier process has learned, if there was one.
    Learned(PathBuf),
}

impl PassedOn for Placement {
    fn put(&self, words: &mut Vec<OsString>) {
        let list = match self {
            Self::Learns => None,
            Self::Learned(list) => Some(list.clone()),
        };
        list.put(words);
    }

    fn take(words: &mut Words) -> Option<Self> {
        let list: Option<PathBuf> = PassedOn::take(words)?;
        Some(list.map_or(Self::Learns, Self::Learned))
    }
}
