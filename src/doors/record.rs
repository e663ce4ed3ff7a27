//! Keeping a request that ended in a 5xx, so that `wsgi-cgi request --replay` repeats it.
//!
//! A file is complete before it gets its name, and only its owner may read it; secrets are left out
//! unless they are asked for; the oldest files are removed.

mod again;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::{self, BufReader, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::incident::Incident;
use crate::recorded;
use exchange::{Form, KeptBody, MetaVariables, SharedBody, is_secret, masked_value};
use process::report;
use settings::config::{Config, Record, Source};

/// The ending of each file name.
const ENDING: &str = ".request";

/// What is written if the request fails.
#[derive(Debug)]
pub struct Recorder {
    record: Record,
    meta: MetaVariables,
    id: String,
    /// The request as the log names it.
    request: String,
    /// For the command that replays it: the words after the file, and the folder in which a module is found.
    words: Vec<OsString>,
    folder: Option<PathBuf>,
}

impl Recorder {
    /// Keeps the meta-variables as the server set them; `None` where nothing is to be recorded.
    #[must_use]
    pub fn new(config: &Config, meta: &MetaVariables, incident: &Incident) -> Option<Self> {
        let is_module = matches!(config.app.source, Source::Module(_));
        Some(Self {
            record: config.record.clone()?,
            meta: meta.clone(),
            id: incident.id().to_owned(),
            request: incident.request().to_owned(),
            words: again::words(config, meta),
            folder: std::env::current_dir().ok().filter(|_| is_module),
        })
    }

    /// From now on the body is copied while it is read.
    pub fn keep(&self, body: &SharedBody) {
        if let Ok(mut body) = body.lock() {
            body.keep(self.record.bytes);
        }
    }

    /// Writes the request if it ended in a 5xx, or its response was cut short.
    pub fn ended(&self, status: Option<u16>, failed: bool, body: &SharedBody) {
        if !failed && status.is_none_or(|status| status < 500) {
            return;
        }
        let id = &self.id;
        match self.write(body) {
            Ok(path) => report::log_failure(
                id,
                &self.request,
                &format!(
                    "the request is recorded: `{}` repeats it",
                    again::command(&path, &self.words, self.folder.as_deref())
                ),
            ),
            Err(error) => {
                let why = report::one_line(&format!("{error:#}"));
                report::log_failure(
                    id,
                    &self.request,
                    &format!("the request is not recorded: {why}"),
                );
            }
        }
    }

    fn write(&self, body: &SharedBody) -> Result<PathBuf> {
        let folder = &self.record.folder;
        let shown = folder.display();
        if is_below(folder, self.meta.get("DOCUMENT_ROOT")) {
            bail!(
                "`{shown}` is below the document root, where the server may send the recordings to anybody: name \
                 another folder with --record"
            );
        }
        if !folder.is_dir() {
            DirBuilder::new()
                .mode(0o700)
                .create(folder)
                .with_context(|| format!("the folder `{shown}` cannot be created"))?;
        }
        refuse_others(folder)?;
        let mut body = body.lock().expect("no panic while it was held");
        let form = self.form();
        let without_secrets = match (body.kept(), &form) {
            (Some(kept), Some(form)) => without_secrets(kept, form)?,
            _ => None,
        };
        let lengths = without_secrets.as_ref().zip(body.kept());
        let shorter = lengths.map(|((_, length), kept)| (kept.length(), *length));
        let head = self.head(shorter);
        let Some(room) = self.record.bytes.checked_sub(head.len() as u64) else {
            bail!(
                "its variables and headers alone are {} bytes, more than --record-bytes={}: raise that \
                 limit",
                head.len(),
                self.record.bytes
            );
        };

        // Mode 0600 from the start.
        let mut file = tempfile::Builder::new()
            .prefix(".")
            .tempfile_in(folder)
            .with_context(|| format!("`{shown}` cannot be written to"))?;
        file.write_all(&head)?;
        if let Some((mut content, _)) = without_secrets {
            content.rewind()?;
            io::copy(&mut io::Read::take(content, room), &mut file)?;
        } else if let Some(kept) = body.kept() {
            kept.copy_to(&mut file, room)?;
        }
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let path = folder.join(format!("{:013}-{}{ENDING}", now.as_millis(), self.id));
        file.persist_noclobber(&path)?;
        self.make_room()?;
        Ok(path)
    }

    /// What the request's content is, if there may be secrets in it.
    fn form(&self) -> Option<Form> {
        if self.record.secrets {
            return None;
        }
        Form::of(self.meta.get("CONTENT_TYPE").unwrap_or_default())
    }

    /// The file's head. `shorter` is for content without its secrets: how many bytes were read, and
    /// how many are left.
    fn head(&self, shorter: Option<(u64, u64)>) -> Vec<u8> {
        let (mut fields, mut left_out, mut masked) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in self.meta.iter() {
            if self.record.secrets {
                fields.push((name, Cow::Borrowed(value)));
            } else if is_secret(name, value) {
                left_out.push(name.escape_ascii().to_string());
            } else {
                let value = masked_value(name, value);
                if matches!(value, Cow::Owned(_)) {
                    masked.push(name.escape_ascii().to_string());
                }
                fields.push((name, value));
            }
        }
        if let Some((read, left)) = shorter {
            masked.push("content".to_owned());
            let length = fields
                .iter_mut()
                .find(|(name, _)| *name == b"CONTENT_LENGTH");
            if let Some((_, value)) = length
                && let Some(announced) = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse::<u64>().ok())
            {
                let length = (announced + left).saturating_sub(read);
                *value = Cow::Owned(length.to_string().into_bytes());
            }
        }
        let mut remarks = Vec::new();
        for (what, names) in [("left out", left_out), ("masked", masked)] {
            if !names.is_empty() {
                remarks.push(format!("{what}: {}", names.join(", ")));
            }
        }
        recorded::head(
            &remarks,
            fields.iter().map(|(name, value)| (*name, &**value)),
        )
    }

    /// Removes the oldest files; their names begin with the time.
    fn make_room(&self) -> Result<()> {
        let mut names: Vec<OsString> = fs::read_dir(&self.record.folder)?
            .filter_map(|entry| Some(entry.ok()?.file_name()))
            .filter(|name| is_ours(name.as_bytes()))
            .collect();
        names.sort_unstable();
        let kept = usize::try_from(self.record.files).unwrap_or(usize::MAX);
        for name in &names[..names.len().saturating_sub(kept)] {
            // Another request may have done it.
            _ = fs::remove_file(self.record.folder.join(name));
        }
        Ok(())
    }
}

/// The content without its secrets, and its length; `None` where it has none.
fn without_secrets(kept: &mut KeptBody, form: &Form) -> Result<Option<(fs::File, u64)>> {
    let mut as_read = tempfile::tempfile()?;
    kept.copy_to(&mut as_read, u64::MAX)?;
    as_read.rewind()?;
    let mut content = tempfile::tempfile()?;
    let masked = form.copy(&mut BufReader::new(as_read), &mut content)?;
    let length = content.stream_position()?;
    Ok(masked.then_some((content, length)))
}

/// Refuses a folder where others could replace or read files.
fn refuse_others(folder: &Path) -> Result<()> {
    const OTHERS: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let real = fs::canonicalize(folder)?;
    let own = rustix::process::geteuid().as_raw();
    for (depth, place) in real.ancestors().enumerate() {
        let about = fs::metadata(place)?;
        let mode = about.mode();
        let is_open = mode & OTHERS != 0 && (depth == 0 || mode & STICKY == 0);
        let is_of_others = depth == 0 && about.uid() != own;
        if is_open || is_of_others {
            bail!(
                "`{0}` can be changed by users other than the server's: `chown {own} {0}` and \
                 `chmod go-w {0}`, or use another folder",
                place.display()
            );
        }
    }
    Ok(())
}

/// `1700000000000-0123456789ab.request`
fn is_ours(name: &[u8]) -> bool {
    let parts = name
        .strip_suffix(ENDING.as_bytes())
        .and_then(|stem| stem.split_at_checked(13));
    parts.is_some_and(|(time, id)| {
        time.iter().all(u8::is_ascii_digit)
            && id.len() == 13
            && id[0] == b'-'
            && id[1..].iter().all(u8::is_ascii_hexdigit)
    })
}

fn is_below(folder: &Path, root: Option<&[u8]>) -> bool {
    // The folder may not exist yet.
    let real = |path: &Path| {
        path.ancestors()
            .find_map(|path| fs::canonicalize(path).ok())
    };
    let root = root.and_then(|root| real(Path::new(std::ffi::OsStr::from_bytes(root))));
    match (real(folder), root) {
        (Some(folder), Some(root)) => folder.starts_with(root),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_ours_make_room() {
        assert!(is_ours(b"1700000000000-0123456789ab.request"));
        for other in [
            "notes.request",
            "1700000000000-0123456789ab.txt",
            "170000000000x-0123456789ab.request",
            "1700000000000_0123456789ab.request",
        ] {
            assert!(!is_ours(other.as_bytes()), "{other}");
        }
    }
}
