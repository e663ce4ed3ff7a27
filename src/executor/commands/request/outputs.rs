//! The files that the answer goes to: `-o`, `-O` and `-D`.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use doors::one_shot::Refused;
use doors::one_shot::url;
use settings::cli::Request as Typed;

/// The files to write to instead of standard output.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    /// The answer.
    pub(super) answer: Option<File>,
    /// The heads of all responses.
    pub(super) heads: Option<File>,
}

impl Outputs {
    /// Opens the files. After a redirect, their content is kept.
    pub(super) fn open(typed: &Typed, stdout: &OwnedFd, is_hop: bool) -> Result<Self> {
        let shown = &typed.shown;
        let is_stdout = |file: &Path| file == Path::new("-");
        let heads = match &shown.dump_header {
            Some(file) if is_stdout(file) => Some(stdout.try_clone()?.into()),
            Some(file) => Some(open(file, is_hop)?),
            None => None,
        };
        let answer = match file_of_answer(typed) {
            Some(file) if file == Path::new("") => bail!(Refused::Nameless),
            file => file.map(|file| open(&file, is_hop)).transpose()?,
        };
        Ok(Self { answer, heads })
    }
}

/// The file for the answer; `None` for standard output. With `-O` its name is the last one in the URL that was typed,
/// even after a redirect.
pub(super) fn file_of_answer(typed: &Typed) -> Option<PathBuf> {
    match &typed.shown.output {
        Some(file) => Some(file.clone()).filter(|file| file != Path::new("-")),
        None if typed.shown.remote_name => {
            let url = typed.url().unwrap_or_default();
            let name = if typed.asked.globoff {
                url::file_name(url).into()
            } else {
                url::file_name(&url::without_escapes(url)).into()
            };
            Some(name)
        }
        None => None,
    }
}

fn open(file: &Path, is_hop: bool) -> Result<File> {
    let mut options = File::options();
    options.create(true).write(true);
    options.truncate(!is_hop).append(is_hop);
    let opened = options.open(file);
    opened.with_context(|| Refused::Unwritable(file.into()))
}
