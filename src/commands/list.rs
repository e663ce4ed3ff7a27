//! Finds the files of images in a store and removes them. `status` describes images.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use image::format::Head;
use image::place::{self, script_of, shown};
use image::store::{self, FIRSTS, WITH_HEAD, forget, read_head};
use image::sweep::remove_left;
use process::report::{self, Exit};

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
    if !is_there
        && let Some(script) = script
        && !exists(script)
    {
        return Ok(Exit::Usage);
    }
    if !is_there {
        let script = wanted.as_deref().and_then(<[_]>::first);
        writeln!(std::io::stdout(), "{}", no_image(folder, script))?;
    }
    match wanted {
        Some(wanted) => {
            for script in wanted {
                store::remove(&place::first_images_counter(folder, &script));
            }
        }
        None => forget_counts(folder),
    }
    Ok(Exit::Success)
}

/// The message when there is no image.
pub(super) fn no_image(folder: &Path, script: Option<&PathBuf>) -> String {
    let shown = |path: &Path| shown(path.as_os_str().as_encoded_bytes());
    let of = script.map_or_else(String::new, |script| format!(" of `{}`", shown(script)));
    format!("There is no image{of} in `{}`.", shown(folder))
}

/// Whether there is something at this path; if not, says so.
pub(super) fn exists(path: &Path) -> bool {
    let looked = fs::symlink_metadata(path);
    if let Err(error) = &looked {
        report::log(&report::one_line(&format!("`{}`: {error}", path.display())));
    }
    looked.is_ok()
}

/// A script's path as it was typed, and with links resolved.
pub(super) fn names(script: &Path) -> Result<Vec<PathBuf>> {
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

/// The files of applications in a store, except those of images that are being made.
pub(super) fn heads(folder: &Path) -> impl Iterator<Item = (PathBuf, Option<Head>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter_map(|path| {
        let counts = WITH_HEAD.contains(&store::ending(&path)?) && store::is_ours(&path);
        counts.then(|| (path.clone(), read_head(&path)))
    })
}
