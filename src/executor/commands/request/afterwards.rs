//! What is written after the last answer: the cookies for `-c`, and the text of `-w`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};

use super::counted::Counted;
use super::fields;
use super::outputs::file_of_answer;
use super::redirects::Journey;
use doors::one_shot::Refused;
use doors::one_shot::content::Content;
use doors::one_shot::url::without_user;
use doors::one_shot::written::{Facts, To};
use doors::terminal::head_text;
use exchange::ResponseHead;
use process::report::{self, Exit};
use settings::cli::Request as Typed;

/// What to write. Paths are resolved before the working directory changes.
#[derive(Debug)]
pub(super) struct Afterwards {
    jar: Option<PathBuf>,
    format: Option<Vec<u8>>,
    /// The real standard output, even if the answer goes to a file.
    stdout: File,
    pub(super) counted: Arc<Counted>,
}

impl Afterwards {
    /// Errors here are errors of the command line.
    pub(super) fn begin(typed: &Typed, stdout: &OwnedFd, start: Instant) -> Result<Self> {
        let format = typed.shown.write_out.as_ref().map(|format| {
            let name = format.as_bytes().strip_prefix(b"@");
            let Some(name) = name.map(std::ffi::OsStr::from_bytes) else {
                return Ok(format.as_bytes().to_vec());
            };
            std::fs::read(name).with_context(|| Refused::Unreadable(name.to_owned()))
        });
        let jar = typed.asked.cookie_jar.as_ref();
        let jar = jar.map(|jar| match jar.to_str() {
            Some("-") => Ok(jar.clone()),
            _ => std::path::absolute(jar),
        });
        Ok(Self {
            jar: jar.transpose()?,
            format: format.transpose()?,
            stdout: File::from(stdout.try_clone()?),
            counted: Arc::new(Counted::begin(start)),
        })
    }

    /// Writes it, and returns the exit status, which changes if the cookies cannot be written.
    pub(super) fn write(
        mut self,
        typed: &Typed,
        journey: &Journey,
        head: Option<&ResponseHead>,
        mut exit: Exit,
    ) -> Exit {
        if let Some(format) = self.format.take() {
            self.write_out(&format, typed, journey, head, exit);
        }
        if let Some(jar) = self.jar.take()
            && let Err(error) = self.write_cookies(&jar, &journey.jar.file())
        {
            report::log_error(&error);
            exit = Exit::NotWritten;
        }
        exit
    }

    fn write_out(
        &mut self,
        format: &[u8],
        typed: &Typed,
        journey: &Journey,
        head: Option<&ResponseHead>,
        exit: Exit,
    ) {
        let file = file_of_answer(typed).unwrap_or_default();
        let url = without_user(typed.url().unwrap_or_default());
        let referer = fields::referer(&typed.asked, journey);
        let last_head = head.map_or(0, |head| head_text(head, false).len() as u64);
        let facts = Facts {
            url: &url,
            effective: &journey.url,
            method: &journey.method,
            referer: referer.as_deref().unwrap_or_default(),
            head,
            file: &file.to_string_lossy(),
            redirects: journey.hops,
            exit: exit.code(),
            downloaded: self.counted.content(),
            heads: journey.heads + last_head,
            uploaded: journey.content.as_ref().map_or(0, Content::length),
            total: journey.spent + self.counted.elapsed(),
            to_head: journey.spent + self.counted.to_head(),
            redirecting: journey.spent,
        };
        let written = facts.fill_in(format);
        for (to, text) in &written.pieces {
            // The reader may have closed its end.
            _ = match to {
                To::Stdout => self.stdout.write_all(text),
                To::Stderr => std::io::stderr().write_all(text),
            };
        }
        for name in written.unknown {
            report::log(&format!("`-w`: unknown variable `{name}`"));
        }
    }

    fn write_cookies(&mut self, jar: &Path, cookies: &[u8]) -> Result<()> {
        let written = if jar == Path::new("-") {
            self.stdout.write_all(cookies)
        } else {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            options
                .open(jar)
                .and_then(|mut file| file.write_all(cookies))
        };
        written.with_context(|| Refused::Unwritable(jar.into()))
    }
}
