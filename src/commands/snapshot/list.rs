//! The images that there are.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::process::{Resource, getrlimit};

use super::{folder, maker};
use crate::report::Exit;
use crate::snapshot::format::Head;
use crate::snapshot::freshness;
use crate::snapshot::plan::plan;

/// What a file of an application's may end in.
const ENDINGS: [&str; 4] = ["image", "bad", "refused", "used"];

/// A line for each: script, size, age, restores; or why there is none. With `explain` also what it
/// takes to restore it.
pub(super) fn status(folder: &Path, explain: bool) -> Result<Exit> {
    let now = maker::now()?;
    let mut lines = Vec::new();
    for (path, head) in heads(folder) {
        let Some(head) = head else {
            lines.push(format!("{}: not an image of this version", path.display()));
            continue;
        };
        let script = script_of(&head.identity);
        let ending = path.extension().unwrap_or_default();
        if ending == "refused" {
            lines.push(String::from_utf8_lossy(&head.refusal).into_owned());
            continue;
        }
        if ending == "bad" {
            lines.push(format!(
                "{}: no image: a process restored from it has died",
                script.display()
            ));
            continue;
        }
        let mut line = format!(
            "{}  {} kB  {} min  {} requests  {} files watched",
            script.display(),
            fs::metadata(&path)?.blocks() / 2,
            now.saturating_sub(head.made) / 60,
            fs::metadata(path.with_extension("used")).map_or(0, |used| used.len()),
            head.files.len() + head.looks.len() + head.folders.len()
        );
        for asked in &head.asked {
            line.push_str("\n  while loading it asked ");
            line.push_str(&String::from_utf8_lossy(asked));
        }
        for module in &head.drawn {
            let module = String::from_utf8_lossy(module);
            line.push_str("\n  while loading it drew random bytes (`");
            line.push_str(&module);
            line.push_str("`), which every request shares");
        }
        if explain {
            for watched in freshness::watched(&head) {
                line.push_str("\n  ");
                line.push_str(&watched);
            }
            let limit = getrlimit(Resource::Stack).current;
            for step in plan(&head, limit).unwrap_or_default() {
                line.push_str("\n  ");
                line.push_str(&step.to_string());
            }
        }
        lines.push(line);
    }
    lines.sort();
    let mut out = std::io::stdout();
    for line in &lines {
        writeln!(out, "{line}")?;
    }
    if lines.is_empty() {
        writeln!(out, "There is no image in `{}`.", folder.display())?;
    }
    Ok(Exit::Success)
}

/// Removes those of one script, or all.
pub(super) fn remove(script: Option<&Path>, cache_dir: Option<PathBuf>) -> Result<Exit> {
    let options = script.map(maker::first_line_options).and_then(Result::ok);
    let folder = folder(cache_dir, &options.unwrap_or_default())?;
    let wanted = script
        .map(|script| fs::canonicalize(script).or_else(|_| std::path::absolute(script)))
        .transpose()?;
    for (path, head) in heads(&folder) {
        let is_wanted = wanted
            .as_ref()
            .is_none_or(|wanted| head.is_some_and(|head| script_of(&head.identity) == *wanted));
        if is_wanted {
            forget(&path);
        }
    }
    Ok(Exit::Success)
}

/// Removes an application's files, of which this is one.
pub(super) fn forget(path: &Path) {
    for ending in ENDINGS {
        _ = fs::remove_file(path.with_extension(ending));
    }
}

/// What a folder has of applications, but for what is being made.
fn heads(folder: &Path) -> impl Iterator<Item = (PathBuf, Option<Head>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter_map(|path| {
        let ending = path.extension()?.to_str()?;
        let counts = ENDINGS[..3].contains(&ending);
        counts.then(|| (path.clone(), read_head(&path)))
    })
}

/// The script that an image is of.
pub(super) fn script_of(identity: &[u8]) -> PathBuf {
    let script = identity.rsplit(|&byte| byte == 0).next();
    PathBuf::from(OsStr::from_bytes(script.unwrap_or_default()))
}

pub(super) fn read_head(path: &Path) -> Option<Head> {
    let file = File::open(path).ok()?;
    let mut start = [0; 24];
    file.read_exact_at(&mut start, 0).ok()?;
    let mut head = vec![0; Head::length(&start)?];
    file.read_exact_at(&mut head, 0).ok()?;
    Head::decode(&head)
}
