//! The content of a typed request, collected in a temporary file: its length is known before the
//! application is called, and memory does not grow with it. `data` and `form` fill it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use anyhow::{Context, Result, anyhow};

use super::Refused;

/// The content of one request.
#[derive(Debug)]
pub struct Content {
    file: File,
    start: u64,
    length: u64,
    media_type: Option<String>,
}

/// Where `@-` is read from.
pub type Input<'a> = &'a mut dyn Read;

impl Content {
    /// A file that is sent unchanged; `-` is standard input.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn upload(name: &OsStr, input: Input<'_>) -> Result<Self> {
        let mut file = temporary()?;
        copy(name, &mut file, input)?;
        Self::whole(file, None)
    }

    /// What is left of `file`.
    ///
    /// # Errors
    /// When the file has no position.
    pub fn rest_of(mut file: File, media_type: Option<String>) -> Result<Self> {
        let start = file.stream_position()?;
        let length = file.metadata()?.len().saturating_sub(start);
        Ok(Self {
            file,
            start,
            length,
            media_type,
        })
    }

    /// All of `file`.
    pub(super) fn whole(file: File, media_type: Option<String>) -> Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            start: 0,
            length,
            media_type,
        })
    }

    /// How many bytes there are.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The Content-Type, if the content determines it.
    #[must_use]
    pub fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    /// The same content, to be read once more.
    ///
    /// # Errors
    /// When the process has too many files open.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self {
            file: self.file.try_clone()?,
            start: self.start,
            length: self.length,
            media_type: self.media_type.clone(),
        })
    }

    /// The file, at the content's first byte.
    pub fn into_source(mut self) -> io::Result<File> {
        self.file.seek(SeekFrom::Start(self.start))?;
        Ok(self.file)
    }
}

/// A file to collect content in.
pub(super) fn temporary() -> Result<File> {
    tempfile::tempfile().context(
        "cannot create a temporary file for the request body: set TMPDIR to a \
         folder that this user can write to",
    )
}

/// Copies a file, or standard input where its name is `-`.
pub(super) fn copy(name: &OsStr, to: &mut dyn Write, input: Input<'_>) -> Result<()> {
    let unreadable = || Refused::Unreadable(name.to_owned());
    if name == "-" {
        io::copy(input, to).with_context(unreadable)?;
        return Ok(());
    }
    let file = File::open(name).and_then(|file| {
        let is_folder = file.metadata()?.is_dir();
        (!is_folder)
            .then_some(file)
            .ok_or(io::ErrorKind::IsADirectory.into())
    });
    file.and_then(|mut file| io::copy(&mut file, to))
        .map_err(|error| anyhow!("{error}"))
        .with_context(unreadable)?;
    Ok(())
}
