//! What was installed: this program and the executor that belongs to it.

use std::fs;
use std::os::unix::fs::MetadataExt;

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
    let mode = fs::metadata(&case.program).map_or(0o755, |about| about.mode() & 0o7777);
    if mode & 0o005 != 0o005 {
        let said = format!("`{shown}` may be run by its owner alone (mode {mode:o})");
        let remedy = format!("chmod 755 {}", typed(&case.program));
        findings.push(Finding::note("program", said).mended_by(remedy));
    }
    if mode & 0o022 != 0 {
        let said = format!("others than its owner may write to `{shown}` (mode {mode:o})");
        let remedy = format!("chmod go-w {}", typed(&case.program));
        findings.push(Finding::wrong("program", said).mended_by(remedy));
    }
    let flags = case.script.map(first_line_options).and_then(Result::ok);
    let early = Early::of(&flags.unwrap_or_default(), case.environment, case.script);
    match becoming::executor_of(&case.program, early.cache_dir.as_deref()) {
        Ok(executor) => {
            let executor = executor.display();
            let said = format!("wsgi-cgi {version}: `{shown}`, with the executor `{executor}`");
            findings.push(Finding::good("program", said));
        }
        Err(error) => findings.push(Finding::wrong("program", format!("{error:#}"))),
    }
}
