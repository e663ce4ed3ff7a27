//! How long nobody tries again. What failed, or was of little use, is tried at intervals that
//! double: a lasting condition is no bad luck.
//!
//! What is counted is the length of a small file beside the image, whose time is when it was last
//! counted.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

/// By so many requests an image has earned what making it costs, which is some four cold requests.
pub const MANY: u64 = 20;

/// So many first images of one script are made without a wait: it may be started in several ways,
/// and on several machines that share a home.
const FREE: u64 = 8;

/// The first wait, in seconds, and the longest.
const FIRST: u64 = 4;
const LONGEST: u64 = 3600;

/// Where nothing more can be counted, as the disk is full, in seconds.
const UNCOUNTED: u64 = 64;

/// A restored process has died: so long its image is not used, and so long if that repeats.
const DIED: u64 = 300;
const DIED_AGAIN: u64 = 86_400;

/// Now, in seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

/// What was counted, and when last; 2^-30 seconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How often.
    pub times: u64,
    /// When last.
    pub last: u64,
}

/// What a file has counted; nothing where there is none.
#[must_use]
pub fn counted(path: &Path) -> Counted {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => Counted {
            times: about.len(),
            last: about.mtime().cast_unsigned() << 30 | about.mtime_nsec().cast_unsigned(),
        },
        _ => Counted::default(),
    }
}

/// Adds one, unless as many are there, and gives the number before.
///
/// # Errors
/// Where the file cannot be written.
pub fn count(path: &Path, most: u64) -> io::Result<u64> {
    let mut file = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let before = file.metadata()?.len();
    if before < most {
        file.write_all(b".")?;
    }
    Ok(before)
}

/// How long to wait after so many attempts, in seconds.
#[must_use]
pub fn wait(times: u64) -> u64 {
    match times {
        0 => 0,
        times => (FIRST << (times - 1).min(16)).min(LONGEST),
    }
}

impl Counted {
    fn left(self, wait: u64, now: u64) -> u64 {
        wait.saturating_sub(now.abs_diff(self.last >> 30))
    }

    /// Whether an image has earned its making since that was begun.
    #[must_use]
    pub fn has_earned(self, begun: Self) -> bool {
        self.times >= MANY && self.last > begun.last
    }
}

/// In how many seconds an image may be made again; `beside` gives its files.
#[must_use]
pub fn until_made(beside: &dyn Fn(&str) -> std::path::PathBuf, firsts: &Path, now: u64) -> u64 {
    let tries = counted(&beside("tries"));
    if tries.times == 0 && tries.last > 0 {
        return tries.left(UNCOUNTED, now);
    }
    if tries.times == 0 {
        let firsts = counted(firsts);
        return firsts.left(wait(firsts.times.saturating_sub(FREE)), now);
    }
    if counted(&beside("used")).has_earned(tries) {
        return 0;
    }
    tries.left(wait(tries.times), now)
}

/// In how many seconds an image is tried again that could not be restored, which another process may
/// be able to all the same.
#[must_use]
pub fn until_tried(unlucky: &Path, now: u64) -> u64 {
    let unlucky = counted(unlucky);
    unlucky.left(wait(unlucky.times).min(DIED), now)
}

/// In how many seconds an application has an image again of which a restored process has died.
#[must_use]
pub fn until_revived(crashes: &Path, now: u64) -> u64 {
    let crashes = counted(crashes);
    let wait = if crashes.times > 1 { DIED_AGAIN } else { DIED };
    crashes.left(wait, now)
}

/// Notes that an image is being made, before anything can go wrong; gives how often it was.
///
/// # Errors
/// Where that cannot be noted: then it is not to be made.
pub fn begin(beside: &dyn Fn(&str) -> std::path::PathBuf, firsts: &Path) -> io::Result<u64> {
    let tries = beside("tries");
    let before = counted(&tries);
    if before.times == 0 {
        _ = count(firsts, u64::MAX);
    } else if counted(&beside("used")).has_earned(before) {
        _ = fs::remove_file(&tries);
        _ = fs::remove_file(firsts);
    }
    count(&tries, 64).map(|before| before + 1).inspect_err(|_| {
        // The time that it is of can be set without room.
        let file = File::options()
            .append(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&tries);
        _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        assert_eq!([0, 1, 2, 3].map(wait), [0, 4, 8, 16]);
        assert_eq!([11, 12, 1000].map(wait), [3600, 3600, 3600]);
    }

    #[test]
    fn a_lasting_condition_is_tried_a_few_times_in_a_thousand_requests() {
        let folder = tempfile::tempdir().expect("a folder");
        let beside = |ending: &str| folder.path().join(ending);
        let (firsts, mut makings) = (beside("firsts"), 0);
        let real = counted_now();
        for second in 0..1000 {
            if until_made(&beside, &firsts, real + second) == 0 {
                begin(&beside, &firsts).expect("counted");
                let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(real + second);
                let file = File::options().append(true).open(beside("tries"));
                let set = file.and_then(|file| file.set_modified(time));
                set.expect("a time set");
                makings += 1;
            }
        }
        assert_eq!(makings, 8);
    }

    fn counted_now() -> u64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.expect("after 1970").as_secs()
    }
}
