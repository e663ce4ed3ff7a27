//! Keeps the folder for images small: those of scripts that are gone, and beyond a limit those that
//! were used longest ago, are removed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::list::{forget, read_head, script_of};

/// All images together have so many bytes at most.
const MOST: u64 = 2 << 30;

/// Sweeps the folder; the image of that name stays.
pub(super) fn sweep(folder: &Path, newest: &str) {
    let mut images: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        let is_newest = path.file_stem().is_some_and(|stem| stem == newest);
        let (Some("image" | "bad" | "refused"), false) = (ending, is_newest) else {
            continue;
        };
        let is_gone = read_head(&path).is_none_or(|head| !script_of(&head.identity).exists());
        let Ok(about) = entry.metadata() else {
            continue;
        };
        if is_gone {
            forget(&path);
            continue;
        }
        let used = fs::metadata(path.with_extension("used"));
        let used = used
            .or(Ok(about.clone()))
            .and_then(|about: fs::Metadata| about.modified());
        let used = used.unwrap_or(SystemTime::UNIX_EPOCH);
        images.push((used, about.blocks() * 512, path));
    }
    images.sort();
    let mut total: u64 = images.iter().map(|(_, size, _)| size).sum();
    for (_, size, path) in images {
        if total <= MOST {
            break;
        }
        forget(&path);
        total -= size;
    }
}
