//! Paths: how they are stored and how they are shown.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

/// An absolute path without `..`. Links are kept, as their target may be replaced later.
pub(super) fn clean(path: &Path) -> Result<PathBuf> {
    let shown = || format!("`{}`", path.display());
    let absolute = std::path::absolute(path).with_context(shown)?;
    if absolute
        .components()
        .any(|part| part == Component::ParentDir)
    {
        return absolute.canonicalize().with_context(shown);
    }
    Ok(absolute)
}

/// The same for a file that may not exist yet.
pub(super) fn clean_file(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).with_context(|| format!("`{}`", path.display()))?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(folder), Some(name)) => Ok(clean(folder)?.join(name)),
        _ => bail!("`{}` is not a file", path.display()),
    }
}

/// Paths for a person to read.
pub(super) fn listed(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    paths.join(", ")
}

/// A path as one word of a shell.
pub(super) fn in_shell(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,~".contains(c);
    if text.chars().all(is_plain) && !text.starts_with('~') {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
