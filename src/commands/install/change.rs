//! A change to one file: it is written, appended to or removed. Each change knows the text before, so that it
//! can be shown, made, and undone where a later one fails.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

/// From one text to another; `None` is a file that does not exist.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) path: PathBuf,
    pub(super) before: Option<Vec<u8>>,
    pub(super) after: Option<Vec<u8>>,
    /// The mode to set, for scripts; other files keep theirs.
    pub(super) mode: Option<u32>,
    /// What is printed after the change, before the path.
    pub(super) said: &'static str,
}

/// The content of a file; `None` where it does not exist. Links are not followed: they may be another user's
/// and lead to a file that was not named.
pub(super) fn text_of(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot(path, "read", &error)),
        Ok(about) if !about.is_file() => {
            bail!(
                "`{}` is not a regular file (perhaps a symbolic link) and is left as it is: remove it, or name another",
                path.display()
            )
        }
        Ok(_) => fs::read(path)
            .map(Some)
            .map_err(|error| cannot(path, "read", &error)),
    }
}

impl Change {
    /// A change to a file that everybody may read.
    pub(super) fn new(path: &Path, before: Option<Vec<u8>>, after: Option<Vec<u8>>) -> Self {
        let said = match (&before, &after) {
            (before, after) if before == after => "Unchanged",
            (None, _) => "Written",
            (_, None) => "Removed",
            (Some(old), Some(new)) if new.starts_with(old) => "Added to",
            _ => "Replaced",
        };
        Self {
            path: path.to_owned(),
            before,
            after,
            mode: None,
            said,
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.before == self.after
    }

    /// Makes it.
    pub(super) fn make(&self) -> Result<()> {
        self.turn(self.before.as_deref(), self.after.as_deref())
    }

    /// Undoes it.
    pub(super) fn undo(&self) -> Result<()> {
        self.turn(self.after.as_deref(), self.before.as_deref())
    }

    fn turn(&self, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<()> {
        let done = match (from, to) {
            (_, None) => fs::remove_file(&self.path),
            (None, Some(text)) => self.write_new(&self.path, text),
            (Some(old), Some(text)) if text.starts_with(old) => OpenOptions::new()
                .append(true)
                .custom_flags(libc::O_NOFOLLOW)
                .open(&self.path)
                .and_then(|mut file| file.write_all(&text[old.len()..])),
            (Some(old), Some(text)) if old.starts_with(text) => OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NOFOLLOW)
                .open(&self.path)
                .and_then(|file| file.set_len(text.len() as u64)),
            (Some(_), Some(text)) => self.replace(text),
        };
        let what = if to.is_none() { "remove" } else { "write" };
        done.map_err(|error| cannot(&self.path, what, &error))
    }

    /// Replaces the file by a rename: no request sees half of it.
    fn replace(&self, text: &[u8]) -> std::io::Result<()> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let new = self
            .path
            .with_file_name(format!(".{name}.new.{}", std::process::id()));
        let old = fs::symlink_metadata(&self.path)?;
        self.write_new(&new, text)?;
        let mode = self
            .mode
            .map_or(old.permissions(), fs::Permissions::from_mode);
        let done = fs::set_permissions(&new, mode).and_then(|()| fs::rename(&new, &self.path));
        if done.is_err() {
            _ = fs::remove_file(&new);
        }
        done
    }

    /// A file that root writes belongs to the owner of its folder, as suEXEC requires.
    fn write_new(&self, path: &Path, text: &[u8]) -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let done = self.fill(&mut file, text);
        if done.is_err() {
            _ = fs::remove_file(path);
        }
        done
    }

    fn fill(&self, file: &mut File, text: &[u8]) -> std::io::Result<()> {
        file.write_all(text)?;
        let folder = fs::metadata(self.path.parent().unwrap_or(Path::new("/")))?;
        let own = file.metadata()?;
        if rustix::process::geteuid().is_root() && folder.uid() != own.uid() {
            fchown(&*file, Some(folder.uid()), Some(folder.gid()))?;
        }
        // Whatever the umask says: the server has to read it, and nobody else may write it.
        file.set_permissions(fs::Permissions::from_mode(self.mode.unwrap_or(0o644)))
    }
}

fn cannot(path: &Path, what: &str, error: &std::io::Error) -> anyhow::Error {
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            ": run this as a user who may write there (root, for a system folder), or name another folder \
             with --to"
        }
        _ => "",
    };
    anyhow!("cannot {what} `{}`: {error}{remedy}", path.display())
}
