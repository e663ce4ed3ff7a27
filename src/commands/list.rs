//! The images that there are.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::process::{Resource, getrlimit};

use image::format::Head;
use image::freshness;
use image::pace;
use image::place::{self, script_of, shown};
use image::plan::plan;
use image::store::{self, FIRSTS, WITH_HEAD, forget, read_head};
use image::sweep::remove_left;
use process::report::Exit;

/// A line for each: script, size, age, restores; or why there is none. With `explain` also what it
/// takes to restore it.
pub(super) fn status(folder: &Path, script: Option<&Path>, explain: bool) -> Result<Exit> {
    let (now, here) = (pace::now(), freshness::machine());
    let wanted = script.map(names).transpose()?;
    let mut lines = Vec::new();
    for (path, head) in heads(folder) {
        let is_wanted =
            |head: &Head, wanted: &[PathBuf]| wanted.contains(&script_of(&head.identity));
        if wanted
            .as_ref()
            .is_some_and(|wanted| head.as_ref().is_none_or(|head| !is_wanted(head, wanted)))
        {
            continue;
        }
        let Some(head) = head else {
            let path = shown(path.as_os_str().as_encoded_bytes());
            lines.push(format!(
                "{path}: made by another version of wsgi-cgi, or damaged"
            ));
            continue;
        };
        let script = shown(script_of(&head.identity).as_os_str().as_encoded_bytes());
        let ending = path.extension().unwrap_or_default();
        if ending == "refused" {
            lines.push(shown(&head.refusal));
            continue;
        }
        if ending == "bad" {
            let left = pace::until_used_again(&path.with_extension("crashes"), now);
            lines.push(format!(
                "{script}: image not used for another {left} s: a process restored from it crashed"
            ));
            continue;
        }
        let Ok(about) = fs::metadata(&path) else {
            continue;
        };
        let mut line = format!(
            "{script}  {} kB  {} min  {} requests  {} files watched",
            about.blocks() / 2,
            now.saturating_sub(head.made) / 60,
            pace::counted(&path.with_extension("used")).times,
            head.files.len() + head.looks.len() + head.folders.len()
        );
        if head.machine != here {
            line.push_str(
                "\n  not usable here: made by another user or group, on another machine, or before a reboot",
            );
        }
        if !head.unwarmed.is_empty() {
            line.push_str("\n  made without the warm-up: ");
            line.push_str(&shown(&head.unwarmed));
        }
        for asked in &head.asked {
            line.push_str("\n  while loading, it asked ");
            line.push_str(&shown(asked));
        }
        for module in &head.drawn {
            line.push_str("\n  while loading, it drew random bytes (`");
            line.push_str(&shown(module));
            line.push_str("`): all requests share them");
        }
        if explain {
            for watched in freshness::watched(&head) {
                line.push_str("\n  ");
                line.push_str(&watched);
            }
            let limit = getrlimit(Resource::Stack).current;
            for step in plan(&head, limit).unwrap_or_default() {
                line.push_str("\n  ");
                line.push_str(&shown(step.to_string().as_bytes()));
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
        let folder = shown(folder.as_os_str().as_encoded_bytes());
        writeln!(out, "There is no image in `{folder}`.")?;
    }
    Ok(Exit::Success)
}

/// Removes those of one script, as it is named or as what it leads to, or all.
pub(super) fn remove(folder: &Path, script: Option<&Path>) -> Result<Exit> {
    let wanted = script.map(names).transpose()?;
    let mut is_there = false;
    for (path, head) in heads(folder) {
        let is_wanted = wanted.as_ref().is_none_or(|wanted| {
            head.is_some_and(|head| wanted.contains(&script_of(&head.identity)))
        });
        if is_wanted {
            is_there = true;
            forget(&path);
            remove_lock(&path.with_extension("lock"));
        }
    }
    if !is_there {
        let folder = shown(folder.as_os_str().as_encoded_bytes());
        let of = wanted
            .iter()
            .flatten()
            .next()
            .map_or_else(String::new, |script| {
                format!(" of `{}`", shown(script.as_os_str().as_encoded_bytes()))
            });
        writeln!(std::io::stdout(), "There is no image{of} in `{folder}`.")?;
    }
    match wanted {
        Some(wanted) => {
            for script in wanted {
                store::remove(&place::firsts(folder, &script));
            }
        }
        None => forget_counts(folder),
    }
    Ok(Exit::Success)
}

/// A script as it was named, and the file behind its links.
fn names(script: &Path) -> Result<Vec<PathBuf>> {
    let named = std::path::absolute(script).with_context(|| format!("`{}`", script.display()))?;
    Ok([named]
        .into_iter()
        .chain(fs::canonicalize(script))
        .collect())
}

/// Removes what was counted of images that are gone or were never made.
fn forget_counts(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match store::ending(&path) {
            Some(FIRSTS) => store::remove(&path),
            Some("lock") => remove_lock(&path),
            Some("pages" | "tries" | "crashes" | "unlucky" | "used") => forget(&path),
            _ => {}
        }
    }
}

/// Removes a lock that no maker holds.
fn remove_lock(lock: &Path) {
    if store::is_ours(lock) {
        remove_left(lock);
    }
}

/// The images of a folder, and the notes of those that were refused or are bad; none that is being made.
fn heads(folder: &Path) -> impl Iterator<Item = (PathBuf, Option<Head>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter_map(|path| {
        let counts = WITH_HEAD.contains(&store::ending(&path)?) && store::is_ours(&path);
        counts.then(|| (path.clone(), read_head(&path)))
    })
}
