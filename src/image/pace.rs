//! How long to wait before the next attempt. What failed, or was of little use, is tried again at intervals
//! that double, as the cause may last.
//!
//! A counter is a small file beside the image: its length is the count, its time is the last increment.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

/// After how many requests an image has paid for its making, which costs about four cold requests.
pub const MANY: u64 = 20;

/// How many first images of one script are made without a wait: it may be started in several ways, and on
/// several machines that share a home.
const FREE: u64 = 8;

/// The first wait, in seconds, and the longest.
const FIRST: u64 = 4;
const LONGEST: u64 = 3600;

/// The wait where counting fails (the disk is full, for example), in seconds.
const UNCOUNTED: u64 = 64;

/// For how many seconds an image is not used after a restored process crashed, and after a second crash.
const DIED: u64 = 300;
const DIED_AGAIN: u64 = 86_400;

/// Now, in seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

/// A counter's value, and when it was last incremented, in 2^-30 seconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How often.
    pub times: u64,
    /// When last.
    pub last: u64,
}

/// Reads a counter; zero where there is no file.
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

/// Adds one, up to `most`, and returns the count before.
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

/// How long to wait after that number of attempts, in seconds.
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

    /// Whether the image was used often enough, since its making began, to pay for it.
    #[must_use]
    pub fn has_paid_off(self, begun: Self) -> bool {
        self.times >= MANY && self.last > begun.last
    }
}

/// In how many seconds an image may be made again; `beside` returns the path of a file by its ending.
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
    if counted(&beside("used")).has_paid_off(tries) {
        return 0;
    }
    tries.left(wait(tries.times), now)
}

/// In how many seconds an image that could not be restored is tried again, as another process may succeed.
#[must_use]
pub fn until_retried(unlucky: &Path, now: u64) -> u64 {
    let unlucky = counted(unlucky);
    unlucky.left(wait(unlucky.times).min(DIED), now)
}

/// In how many seconds an image may be used again after a restored process crashed.
#[must_use]
pub fn until_used_again(crashes: &Path, now: u64) -> u64 {
    let crashes = counted(crashes);
    let wait = if crashes.times > 1 { DIED_AGAIN } else { DIED };
    crashes.left(wait, now)
}

/// Counts an attempt to make an image, before anything can go wrong; returns the count.
///
/// # Errors
/// Where it cannot be counted: then no image must be made.
pub fn begin(beside: &dyn Fn(&str) -> std::path::PathBuf, firsts: &Path) -> io::Result<u64> {
    let tries = beside("tries");
    let before = counted(&tries);
    if before.times == 0 {
        _ = count(firsts, u64::MAX);
    } else if counted(&beside("used")).has_paid_off(before) {
        _ = fs::remove_file(&tries);
        _ = fs::remove_file(firsts);
    }
    count(&tries, 64).map(|before| before + 1).inspect_err(|_| {
        // The file's time can be set even on a full disk.
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
