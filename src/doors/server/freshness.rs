//! Whether the application that was loaded beforehand is still the one on disk: no file that it
//! was loaded from has changed since loading began.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The files of a loaded application.
#[derive(Debug)]
pub(super) struct Freshness {
    since: SystemTime,
    files: Vec<PathBuf>,
    /// It could not be loaded, so the next request has to try again.
    not_loaded: bool,
}

impl Freshness {
    /// Of an application whose loading begins now.
    pub(super) fn from_now() -> Self {
        Self {
            since: SystemTime::now(),
            files: Vec::new(),
            not_loaded: false,
        }
    }

    /// It was loaded from these too.
    pub(super) fn add(&mut self, files: Vec<PathBuf>) {
        self.files.extend(files);
    }

    /// It could not be loaded.
    pub(super) fn not_loaded(&mut self) {
        self.not_loaded = true;
    }

    /// Whether it could not be loaded.
    pub(super) fn has_failed_to_load(&self) -> bool {
        self.not_loaded
    }

    /// Whether no file has changed.
    pub(super) fn is_fresh(&self) -> bool {
        !self.not_loaded
            && self
                .files
                .iter()
                .all(|file| changed(file).is_some_and(|time| time < self.since))
    }

    /// Whether a file was edited after that time. One that is missing, or whose server's clock is ahead, says
    /// nothing about when: it would look like a new edit every time.
    pub(super) fn was_edited_since(&self, then: SystemTime) -> bool {
        let now = SystemTime::now();
        self.files
            .iter()
            .filter_map(changed)
            .any(|time| time >= then && time <= now)
    }
}

/// The inode's change time: programs cannot set it, and it changes when the file is written or replaced. `None`
/// if the file is missing.
fn changed(file: &PathBuf) -> Option<SystemTime> {
    let stat = rustix::fs::stat(file).ok()?;
    let seconds = u64::try_from(stat.st_ctime).unwrap_or(0);
    let nanoseconds = u32::try_from(stat.st_ctime_nsec).unwrap_or(0);
    Some(UNIX_EPOCH + Duration::new(seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later() -> Freshness {
        Freshness {
            since: SystemTime::now() + Duration::from_secs(1),
            ..Freshness::from_now()
        }
    }

    #[test]
    fn a_file_that_changed_or_went_away_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("app.py");
        std::fs::write(&file, "1").expect("written");
        let mut fresh = later();
        fresh.add(vec![file.clone()]);
        assert!(fresh.is_fresh());
        let stale = Freshness {
            since: SystemTime::now() - Duration::from_secs(1),
            files: vec![file.clone()],
            not_loaded: false,
        };
        assert!(!stale.is_fresh());
        let before = SystemTime::now() - Duration::from_secs(1);
        assert!(fresh.was_edited_since(before));
        std::fs::remove_file(&file).expect("removed");
        assert!(!fresh.is_fresh());
        assert!(!fresh.was_edited_since(before), "nobody knows when");
    }

    #[test]
    fn an_application_that_failed_to_load_is_never_fresh() {
        let mut fresh = later();
        fresh.not_loaded();
        assert!(!fresh.is_fresh());
    }
}
