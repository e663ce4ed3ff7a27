//! Records why Python looks up a path while an application is loaded: the import system searches for
//! modules; `os.path.exists` and the like test only whether something exists; other code gets
//! everything that `stat` returns.

use std::sync::Mutex;

use pyo3::prelude::*;

use super::builtin::{Call, Note, Replaced};
use super::frames::{self, Code};
use super::paths::path_of;
use image::watch::Askers;

static ASKERS: Mutex<Option<Askers>> = Mutex::new(None);

static REPLACED: Mutex<Vec<Replaced>> = Mutex::new(Vec::new());

/// Starts recording. If Python's functions have an unknown form, each lookup counts as one that uses
/// everything.
pub(super) fn record(py: Python<'_>) -> PyResult<()> {
    let posix = py.import("posix")?;
    if let (Ok(mut askers), Ok(mut replaced)) = (ASKERS.lock(), REPLACED.lock()) {
        *askers = Some(Askers::default());
        for (name, note) in [
            ("stat", Note::Before(note_stat)),
            ("lstat", Note::Before(note_lstat)),
        ] {
            replaced.extend(Replaced::new(&posix, name, note));
        }
    }
    Ok(())
}

/// Stops recording, and returns the lookups.
pub(super) fn end() -> Askers {
    let replaced = REPLACED
        .lock()
        .map(|mut replaced| std::mem::take(&mut *replaced));
    drop(replaced);
    let askers = ASKERS.lock().ok().and_then(|mut askers| askers.take());
    askers.unwrap_or_default()
}

/// A folder is listed; counted if the import system does it.
pub(super) fn lists(path: &[u8]) {
    if frames::nearest().first().is_some_and(Code::is_of_imports) {
        count_list(path);
    }
}

/// This program itself looks up a path.
pub(super) fn note_own_lookup(path: &[u8], lists: bool) {
    if lists {
        count_list(path);
    }
    if let Ok(mut askers) = ASKERS.lock()
        && let Some(askers) = &mut *askers
    {
        askers.stat.entry(path.to_vec()).or_default().by_imports += 1;
    }
}

fn count_list(path: &[u8]) {
    if let Ok(mut askers) = ASKERS.lock()
        && let Some(askers) = &mut *askers
    {
        *askers.listed.entry(path.to_vec()).or_default() += 1;
    }
}

fn note_stat(py: Python<'_>, call: &Call) {
    note(py, call, false);
}

fn note_lstat(py: Python<'_>, call: &Call) {
    note(py, call, true);
}

fn note(py: Python<'_>, call: &Call, mut itself: bool) {
    let folder = call.argument(py, usize::MAX, c"dir_fd");
    if folder.is_some_and(|folder| !folder.is_none()) {
        return; // relative to an open folder, which the observer knows
    }
    let follows = call.argument(py, usize::MAX, c"follow_symlinks");
    itself |= follows.is_some_and(|follows| !follows.is_truthy().unwrap_or(true));
    let path = call.argument(py, 0, c"path");
    // SAFETY: the object lives through the call.
    if let Some(path) = path.and_then(|path| unsafe { path_of(path.as_ptr()) }) {
        looked(path, itself);
    }
}

fn looked(path: Vec<u8>, itself: bool) {
    let code = frames::nearest();
    let Ok(mut askers) = ASKERS.lock() else {
        return;
    };
    let Some(askers) = &mut *askers else { return };
    let map = if itself {
        &mut askers.lstat
    } else {
        &mut askers.stat
    };
    let asked = map.entry(path).or_default();
    match code.as_slice() {
        [nearest, ..] if nearest.is_of_imports() => asked.by_imports += 1,
        [nearest, rest @ ..] if nearest.asks_for_kind(rest.first()) => asked.for_its_kind += 1,
        _ => asked.for_all += 1,
    }
}
