//! The lasting reason that was logged last for answering without an image: it is logged once a day, not at each
//! request. As each request has a process of its own, the reason is noted in a file: beside the application's images,
//! or in the folder for temporary files if there is no folder for images.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::place::is_ours;
use super::store::{MAGIC, remove};

/// Longer reasons are logged at each request.
const LONGEST: u64 = 16 << 10;

/// After this time a reason is logged again.
const DAY: Duration = Duration::from_secs(86_400);

/// A reason, and the files in which it may be noted.
#[derive(Clone, Debug)]
pub struct Note {
    /// Beside the images, if there is a folder for them.
    beside: Option<PathBuf>,
    /// In the folder of this user for temporary files, if there may be one.
    temporary: Option<PathBuf>,
    text: Vec<u8>,
}

impl Note {
    /// The note of this reason.
    #[must_use]
    pub fn new(beside: Option<PathBuf>, temporary: Option<PathBuf>, reason: &str) -> Self {
        let text = [MAGIC, b"\n", reason.as_bytes()].concat();
        Self {
            beside,
            temporary,
            text,
        }
    }

    /// Whether this reason was logged last, less than a day ago. Digits are ignored, as pipes, sockets and processes
    /// get new numbers each time.
    #[must_use]
    pub fn is_known(&self) -> bool {
        let mut files = self.beside.iter().chain(&self.temporary);
        files.any(|file| {
            read(file).is_some_and(|known| without_digits(&known).eq(without_digits(&self.text)))
        })
    }

    /// Notes that the reason is logged. If that fails, it is logged again at the next request.
    pub fn store(&self) {
        if self.beside.as_ref().is_some_and(|file| self.write(file)) {
            return;
        }
        if let Some(file) = &self.temporary
            && file.parent().is_some_and(make)
        {
            self.write(file);
        }
    }

    fn write(&self, file: &Path) -> bool {
        remove(file);
        let mut options = File::options();
        let new = options.write(true).create_new(true).mode(0o600);
        let Ok(mut opened) = new.open(file) else {
            return false;
        };
        let is_written = opened.write_all(&self.text).is_ok();
        if !is_written {
            remove(file);
        }
        is_written
    }
}

/// Creates the folder, closed to others, in one that exists. Whether it is this user's alone.
fn make(folder: &Path) -> bool {
    let created = fs::DirBuilder::new().mode(0o700).create(folder);
    let is_there = match created {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::AlreadyExists,
    };
    is_there && fs::symlink_metadata(folder).is_ok_and(|about| is_ours(&about))
}

fn without_digits(text: &[u8]) -> impl Iterator<Item = &u8> {
    text.iter().filter(|byte| !byte.is_ascii_digit())
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut options = File::options();
    let options = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.read(true).open(path).ok()?;
    let about = file.metadata().ok()?;
    let is_old = about.modified().ok()?.elapsed().ok()? > DAY;
    if !about.is_file() || !is_ours(&about) || is_old {
        return None;
    }
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::time::SystemTime;

    use crate::store::SAID;

    fn name() -> String {
        format!("{:032x}.{SAID}", 7)
    }

    /// Whether the reason was logged before; it is logged now.
    fn is_known(path: &Path, reason: &str) -> bool {
        let note = Note::new(Some(path.to_owned()), None, reason);
        let is_known = note.is_known();
        note.store();
        is_known
    }

    #[test]
    fn a_reason_is_known_until_another_one_follows() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name());
        for (reason, known) in [
            ("a", false),
            ("a", true),
            ("ab", false),
            ("a pipe:[7]", false),
            ("a pipe:[12]", true),
        ] {
            assert_eq!(is_known(&path, reason), known, "{reason}");
        }
    }

    #[test]
    fn a_reason_is_logged_again_after_a_day() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name());
        assert!(!is_known(&path, "a") && is_known(&path, "a"));
        let file = File::options().append(true).open(&path).expect("a note");
        file.set_modified(SystemTime::now() - DAY - Duration::from_secs(1))
            .expect("a time set");
        assert!(!is_known(&path, "a") && is_known(&path, "a"));
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name());
        std::fs::write(&path, "theirs").expect("a file");
        assert!(!is_known(&path, "a") && !is_known(&path, "a"));
        assert_eq!(std::fs::read(&path).expect("a file"), b"theirs");
    }

    #[test]
    fn without_a_folder_for_images_it_is_noted_among_temporary_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("own");
        let missing = folder.path().join("missing").join(name());
        let note = Note::new(Some(missing.clone()), Some(own.join(name())), "a");
        assert!(!note.is_known());
        note.store();
        assert!(note.is_known() && !missing.exists());
        // A folder that somebody else may write to is not used.
        std::fs::remove_dir_all(&own).expect("removed");
        symlink(folder.path(), &own).expect("a link");
        note.store();
        assert!(!note.is_known() && !folder.path().join(name()).exists());
    }
}
