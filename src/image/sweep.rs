//! Keeps the folder for images small: removes what is too old, what belongs to a script that no longer
//! exists, what makers left behind, and beyond a limit the least recently used images. Files that are not
//! ours are kept.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::format::Head;
use super::place::script_of;
use super::store::{self, FIRSTS, LEARNED, SAID, WITH_HEAD, forget, read_head};
use super::{freshness, pace};

/// The maximum size of all images together, in bytes.
pub const MOST: u64 = 2 << 30;

/// A maker's file that has not changed for this long was left behind.
const LEFT: Duration = Duration::from_secs(3600);

/// Counters are removed after this time.
const FORGOTTEN: Duration = Duration::from_secs(2 * 86_400);

/// Sweeps the folder; the image of that name stays.
pub fn sweep(folder: &Path, newest: &str) {
    let mut images: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Some(ending) = store::ending(&path) else {
            continue;
        };
        let is_newest = path.file_stem().is_some_and(|stem| stem == newest);
        let Ok(about) = entry.metadata() else {
            continue;
        };
        if is_newest || !store::is_ours(&path) {
            continue;
        }
        let is_older = |than| is_older(&about, than);
        match ending {
            "new" if is_older(LEFT) => remove_left(&path),
            "lock" if is_older(LEFT) && !has_siblings(&path) => remove_left(&path),
            FIRSTS if is_older(FORGOTTEN) => store::remove(&path),
            ending if WITH_HEAD.contains(&ending) => {
                let Some(head) = read_head(&path) else {
                    forget(&path);
                    continue;
                };
                if is_without_script(&head) {
                    forget(&path);
                } else if is_old(&head) {
                    // The counters stay: they decide when another is made.
                    store::remove(&path);
                } else {
                    images.push((last_use(&path, &about), about.blocks() * 512, path));
                }
            }
            "pages" | "used" | "tries" | "crashes" | "unlucky" | SAID | LEARNED
                if is_older(FORGOTTEN) && !has_siblings(&path) =>
            {
                store::remove(&path);
            }
            _ => {}
        }
    }
    images.sort_unstable();
    let mut total: u64 = images.iter().map(|(_, size, _)| size).sum();
    for (_, size, path) in images {
        if total <= MOST {
            break;
        }
        forget(&path);
        total -= size;
    }
}

/// A missing script counts only on the machine that made the image: others may mount other folders.
fn is_without_script(head: &Head) -> bool {
    head.machine == freshness::machine() && !script_of(&head.identity).exists()
}

fn is_old(head: &Head) -> bool {
    pace::now().abs_diff(head.made) > head.max_age
}

fn last_use(path: &Path, about: &fs::Metadata) -> SystemTime {
    let used = fs::symlink_metadata(path.with_extension("used"));
    let used = used
        .and_then(|used| used.modified())
        .or_else(|_| about.modified());
    used.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn is_older(about: &fs::Metadata, than: Duration) -> bool {
    let age = about.modified().map(|modified| modified.elapsed());
    age.is_ok_and(|age| age.is_ok_and(|age| age > than))
}

/// Whether the application has an image (or a note instead), not only counters and a lock.
fn has_siblings(path: &Path) -> bool {
    WITH_HEAD
        .iter()
        .any(|ending| path.with_extension(ending).exists())
}

/// Removes a file that no maker is using, while holding the lock.
pub fn remove_left(path: &Path) {
    let lock = path.with_extension("lock");
    if let Ok(Some(_held)) = store::take_lock(&lock, false) {
        store::remove(path);
        if !has_siblings(&lock) {
            store::remove(&lock);
        }
    }
}
