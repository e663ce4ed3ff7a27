//! Keeping a request that ended in a 5xx, so that `wsgi-cgi request --replay` answers it again.
//!
//! A file is written whole before it has its name, for nobody but its owner; secrets stay out
//! unless they are asked for; the oldest files make room for the newest.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::config::Record;
use crate::exchange::{MetaVariables, SharedBody, is_secret};
use crate::report;
use crate::transport::recorded;

/// How the name of each file ends.
const ENDING: &str = ".request";

/// What will be written if the request ends badly.
pub(super) struct Recorder {
    record: Record,
    meta: MetaVariables,
    id: String,
}

impl Recorder {
    /// Holds on to the meta-variables as the server gave them.
    pub(super) fn new(record: Record, meta: &MetaVariables, id: &str) -> Self {
        Self {
            record,
            meta: meta.clone(),
            id: id.to_owned(),
        }
    }

    /// Has the body kept while it is read.
    pub(super) fn keep(&self, body: &SharedBody) {
        if let Ok(mut body) = body.lock() {
            body.keep(self.record.bytes);
        }
    }

    /// Writes the request if it ended in a 5xx, or its response was cut short.
    pub(super) fn ended(&self, status: Option<u16>, failed: bool, body: &SharedBody) {
        if !failed && status.is_none_or(|status| status < 500) {
            return;
        }
        let id = &self.id;
        match self.write(body) {
            Ok(path) => report::log(&format!(
                "error {id}: the request is kept: `wsgi-cgi request --replay {} APP` answers it \
                 again",
                path.display()
            )),
            Err(error) => {
                report::log_error(&error.context(format!("error {id}: the request is not kept")));
            }
        }
    }

    fn write(&self, body: &SharedBody) -> Result<PathBuf> {
        let folder = &self.record.folder;
        let shown = folder.display();
        if is_below(folder, self.meta.get("DOCUMENT_ROOT")) {
            bail!("`{shown}` is below the document root, where the server might hand it out");
        }
        if !folder.is_dir() {
            DirBuilder::new()
                .mode(0o700)
                .create(folder)
                .with_context(|| format!("the folder `{shown}` cannot be made"))?;
        }
        let (mut fields, mut left_out) = (Vec::new(), Vec::new());
        for (name, value) in self.meta.iter() {
            if !self.record.secrets && is_secret(name, value) {
                left_out.push(name.escape_ascii().to_string());
            } else {
                fields.push((name, value));
            }
        }
        let mut remarks = Vec::new();
        if !left_out.is_empty() {
            remarks.push(format!("left out: {}", left_out.join(", ")));
        }
        let head = recorded::head(&remarks, fields);
        let Some(room) = self.record.bytes.checked_sub(head.len() as u64) else {
            bail!(
                "its meta-variables alone are {} bytes, which --record-bytes does not allow",
                head.len()
            );
        };

        // Mode 0600 from the start.
        let mut file = tempfile::Builder::new()
            .prefix(".")
            .tempfile_in(folder)
            .with_context(|| format!("`{shown}` cannot be written to"))?;
        file.write_all(&head)?;
        let mut body = body.lock().expect("no panic while it was held");
        if let Some(kept) = body.kept() {
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

    /// Removes the oldest files; their names begin with the time.
    fn make_room(&self) -> Result<()> {
        let mut names: Vec<OsString> = fs::read_dir(&self.record.folder)?
            .filter_map(|entry| Some(entry.ok()?.file_name()))
            .filter(|name| is_ours(name.as_bytes()))
            .collect();
        names.sort();
        let kept = usize::try_from(self.record.files).unwrap_or(usize::MAX);
        for name in &names[..names.len().saturating_sub(kept)] {
            // Another request may have done it.
            _ = fs::remove_file(self.record.folder.join(name));
        }
        Ok(())
    }
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
    // The folder need not be there yet.
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
