//! What was installed: this program and the executor that belongs to it.

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
            // What a single file has laid is its user's alone, and so is the folder.
            let folder = executor
                .parent()
                .and_then(|folder| fs::metadata(folder).ok());
            let is_laid = folder.is_some_and(|about| about.mode().trailing_zeros() >= 6);
            others(&executor, if is_laid { 0 } else { 0o004 }, findings);
            let executor = executor.display();
            let said = format!("wsgi-cgi {version}: `{shown}`, with the executor `{executor}`");
            findings.push(Finding::good("program", said));
        }
        Err(error) => findings.push(Finding::wrong("program", format!("{error:#}"))),
    }
}

/// What others than its owner may do with a file: less than they have to, or more than they should.
fn others(file: &Path, wanted: u32, findings: &mut Vec<Finding>) {
    let Ok(about) = fs::metadata(file) else {
        return;
    };
    let (shown, mode) = (file.display(), about.mode() & 0o7777);
    if mode & wanted != wanted {
        let said = format!("`{shown}` is its owner's alone (mode {mode:o})");
        let remedy = format!("chmod go+rX {}", typed(file));
        findings.push(Finding::note("program", said).mended_by(remedy));
    }
    if mode & 0o022 != 0 {
        let said = format!("others than its owner may write to `{shown}` (mode {mode:o})");
        let finding = if mode & 0o002 == 0 {
            Finding::note("program", said)
        } else {
            Finding::wrong("program", said)
        };
        findings.push(finding.mended_by(format!("chmod go-w {}", typed(file))));
    }
}
