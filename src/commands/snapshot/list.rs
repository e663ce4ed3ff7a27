//! The images that there are.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::{folder, maker};
use crate::report::Exit;
use crate::snapshot::format::Head;

/// A line for each: script, size, age, or why there is none.
pub(super) fn status() -> Result<Exit> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder()?).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("image") => {
                let Some(head) = read_head(&path) else {
                    lines.push(format!("{}: not an image of this version", path.display()));
                    continue;
                };
                let about = entry.metadata()?;
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                let age = now.as_secs().saturating_sub(head.made);
                lines.push(format!(
                    "{}  {} kB  {} min  {} files watched",
                    script_of(&head.identity),
                    about.blocks() / 2,
                    age / 60,
                    head.files.len()
                ));
            }
            Some("refused" | "later") => {
                lines.push(fs::read_to_string(&path)?.trim_end().to_owned());
            }
            _ => {}
        }
    }
    lines.sort();
    let mut out = std::io::stdout();
    for line in &lines {
        writeln!(out, "{line}")?;
    }
    if lines.is_empty() {
        writeln!(out, "There is no image in `{}`.", folder()?.display())?;
    }
    Ok(Exit::Success)
}

/// Removes one, or all.
pub(super) fn remove(script: Option<&Path>) -> Result<Exit> {
    let folder = folder()?;
    let wanted = script
        .map(|script| maker::name_of(script, None))
        .transpose()?;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_one = [".image", ".refused", ".later", ".bad"]
            .iter()
            .any(|end| name.ends_with(end));
        if is_one
            && wanted
                .as_ref()
                .is_none_or(|wanted| name.starts_with(wanted.as_str()))
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(Exit::Success)
}

fn script_of(identity: &[u8]) -> String {
    let script = identity
        .rsplit(|&byte| byte == 0)
        .next()
        .unwrap_or_default();
    script.escape_ascii().to_string()
}

pub(super) fn read_head(path: &Path) -> Option<Head> {
    use std::os::unix::fs::FileExt;
    let file = fs::File::open(path).ok()?;
    let mut start = [0; 24];
    file.read_exact_at(&mut start, 0).ok()?;
    let mut head = vec![0; Head::length(&start)?];
    file.read_exact_at(&mut head, 0).ok()?;
    Head::decode(&head)
}
