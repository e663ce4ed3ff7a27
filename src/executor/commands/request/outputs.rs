//! The files that the answer goes to: `-o`, `-O` and `-D`.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context, Result, bail};

use doors::one_shot::Refused;
use doors::one_shot::url::Url;
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
        let answer = match &shown.output {
            Some(file) if is_stdout(file) => None,
            Some(file) => Some(open(file, is_hop)?),
            None if shown.remote_name => {
                // The last name of the URL that was typed, even after a redirect.
                let url = Url::default().join(typed.url().unwrap_or_default())?;
                let name = url.file_name();
                if name.is_empty() {
                    bail!(Refused::Nameless);
                }
                Some(open(Path::new(name), is_hop)?)
            }
            None => None,
        };
        Ok(Self { answer, heads })
    }
}

fn open(file: &Path, is_hop: bool) -> Result<File> {
    let mut options = File::options();
    options.create(true).write(true);
    options.truncate(!is_hop).append(is_hop);
    let opened = options.open(file);
    opened.with_context(|| Refused::Unwritable(file.into()))
}
