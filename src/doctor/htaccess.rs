//! The `.htaccess` beside the script and above it: a server that may not read one refuses everything in that folder.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::finding::Finding;
use super::{Case, typed};

/// Looks at them.
pub(super) fn look(script: &Path, case: &Case, findings: &mut Vec<Finding>) {
    // Where a server has got here, it can.
    if case.is_page {
        return;
    }
    let files = script.ancestors().skip(1).map(|at| at.join(".htaccess"));
    for file in files {
        let Ok(about) = fs::metadata(&file) else {
            continue;
        };
        if about.mode() & 0o004 == 0 {
            let said = format!(
                "`{}` cannot be read by others (mode {:o}): a server that runs as a user of its own answers 403 to \
                 everything in that folder, also where scripts run as their owner (suEXEC)",
                file.display(),
                about.mode() & 0o7777
            );
            let remedy = format!("chmod o+r {}", typed(&file));
            findings.push(Finding::note("htaccess", said).mended_by(remedy));
        }
    }
}
