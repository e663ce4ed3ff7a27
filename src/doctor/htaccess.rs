//! The `.htaccess` files beside the script and above it: a server that may not read one of them refuses
//! everything in that folder.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::finding::Finding;
use super::{Case, server_users, typed};

/// Adds a finding for each such file that no server's user of this machine is known to be able to read.
pub(super) fn look(script: &Path, case: &Case, findings: &mut Vec<Finding>) {
    // A server that has started this script can read them.
    if case.is_page {
        return;
    }
    let files = script.ancestors().skip(1).map(|at| at.join(".htaccess"));
    for file in files {
        let Ok(about) = fs::metadata(&file) else {
            continue;
        };
        if !server_users::may_read(&about) {
            let said = format!(
                "`{}` cannot be read by others (mode {:o}): a web server that runs as another user answers 403 for \
                 everything in that folder, even if scripts run as their owner (suEXEC)",
                file.display(),
                about.mode() & 0o7777
            );
            let remedy = format!("chmod o+r {}", typed(&file));
            findings.push(Finding::note("htaccess", said).mended_by(remedy));
        }
    }
}
