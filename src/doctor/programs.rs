//! The installed files: this program and its executor.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::finding::Finding;
use super::{Case, script_file, typed};
use crate::becoming;
use settings::decided::first_line_options;
use settings::options::Early;

/// Looks at both.
pub(super) fn look(case: &Case, findings: &mut Vec<Finding>) {
    let shown = case.program.display();
    let version = env!("CARGO_PKG_VERSION");
    script_file::noexec(&case.program, findings);
    others(&case.program, 0o005, findings);
    let flags = case.script.map(first_line_options).and_then(Result::ok);
    let early = Early::of(&flags.unwrap_or_default(), case.environment, case.script);
    match becoming::executor_of(&case.program, early.cache_dir.as_deref()) {
        Ok(executor) => {
            // A program that is a single file has unpacked its executor, for this user alone.
            let folder = executor
                .parent()
                .and_then(|folder| fs::metadata(folder).ok());
            let is_unpacked = folder.is_some_and(|about| about.mode().trailing_zeros() >= 6);
            others(&executor, if is_unpacked { 0 } else { 0o004 }, findings);
            let executor = executor.display();
            let said = format!("wsgi-cgi {version}: `{shown}`, with the executor `{executor}`");
            findings.push(Finding::good("program", said));
        }
        Err(error) => findings.push(Finding::wrong("program", format!("{error:#}"))),
    }
}

/// The permissions of other users: whether `wanted` is missing, or whether they can write.
fn others(file: &Path, wanted: u32, findings: &mut Vec<Finding>) {
    let Ok(about) = fs::metadata(file) else {
        return;
    };
    let (shown, mode) = (file.display(), about.mode() & 0o7777);
    if mode & wanted != wanted {
        let said = format!("only its owner can use `{shown}` (mode {mode:o})");
        let remedy = format!("chmod go+rX {}", typed(file));
        findings.push(Finding::note("program", said).mended_by(remedy));
    }
    if mode & 0o022 != 0 {
        let said = format!("other users can write to `{shown}` (mode {mode:o})");
        let finding = if mode & 0o002 == 0 {
            Finding::note("program", said)
        } else {
            Finding::wrong("program", said)
        };
        findings.push(finding.mended_by(format!("chmod go-w {}", typed(file))));
    }
}
