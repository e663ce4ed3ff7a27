//! The script as a file: whether it exists, is executable, and has the right owner. What suEXEC refuses
//! (<https://httpd.apache.org/docs/2.4/suexec.html>, its list of conditions) is unsafe with other servers too:
//! who can write to a script decides what its owner's processes do.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::finding::Finding;
use super::{Case, beginning, typed};
use settings::permissions::is_noexec;

/// Looks at it; false where there is no such file.
pub(super) fn look(script: &Path, case: &Case, findings: &mut Vec<Finding>) -> bool {
    let shown = script.display();
    let about = match fs::metadata(script) {
        Ok(about) if about.is_file() => about,
        Ok(_) => {
            findings.push(Finding::wrong("script", format!("`{shown}` is not a file")));
            return false;
        }
        Err(error) => {
            let finding = Finding::wrong("script", format!("`{shown}`: {error}"));
            findings.push(match error.kind() {
                ErrorKind::NotFound => finding.mended_by("name a script that exists"),
                _ => finding,
            });
            return false;
        }
    };
    let before = findings.len();
    modes(script, &about, findings);
    folders(script, &about, case, findings);
    if script.is_symlink() {
        findings.push(Finding::note(
            "script",
            format!("`{shown}` is a symbolic link, which suEXEC does not run: under suEXEC, put the script itself there"),
        ));
    }
    noexec(script, findings);
    if findings.len() == before {
        let mode = about.mode() & 0o7777;
        let owner = about.uid();
        let said = format!("`{shown}` is executable (mode {mode:o}, owner UID {owner})");
        findings.push(Finding::good("script", said));
    }
    true
}

fn modes(script: &Path, about: &Metadata, findings: &mut Vec<Finding>) {
    let shown = script.display();
    let mode = about.mode() & 0o7777;
    let chmod = |bits: &str| format!("chmod {bits} {}", typed(script));
    if mode & 0o500 != 0o500 {
        let said = format!("`{shown}` is not executable (mode {mode:o})");
        let text = beginning(script);
        let is_script = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        // A server that names the interpreter itself needs to read it only.
        findings.push(if is_script.starts_with(b"#!") || mode & 0o400 == 0 {
            Finding::wrong("mode", said).mended_by(chmod("755"))
        } else {
            Finding::note("mode", said).mended_by(chmod("755"))
        });
    } else if mode & 0o005 != 0o005 {
        let said = format!(
            "only its owner can run `{shown}` (mode {mode:o}): enough under suEXEC, but not for a server that \
             runs scripts as another user"
        );
        findings.push(Finding::note("mode", said).mended_by(chmod("755")));
    }
    if mode & 0o022 != 0 {
        let said = format!(
            "other users can write to `{shown}` (mode {mode:o}) and so decide what it does; suEXEC does not \
             run it"
        );
        findings.push(Finding::wrong("mode", said).mended_by(chmod("go-w")));
    }
    if mode & 0o6000 != 0 {
        let said = format!(
            "`{shown}` is set-user-ID or set-group-ID (mode {mode:o}): suEXEC does not run it"
        );
        findings.push(Finding::wrong("mode", said).mended_by(chmod("u-s,g-s")));
    }
}

/// Its folder, and those above it, which the user who runs it must be able to enter.
fn folders(script: &Path, about: &Metadata, case: &Case, findings: &mut Vec<Finding>) {
    let Some(folder) = script.parent() else {
        return;
    };
    let Ok(there) = fs::metadata(folder) else {
        return;
    };
    let shown = folder.display();
    let mode = there.mode() & 0o7777;
    if mode & 0o022 != 0 {
        let said = format!(
            "other users can write to the folder `{shown}` (mode {mode:o}) and so replace your script; suEXEC \
             runs nothing in such a folder"
        );
        let remedy = format!("chmod go-w {}", typed(folder));
        findings.push(Finding::wrong("folder", said).mended_by(remedy));
    }
    if about.uid() != there.uid() {
        let said = format!(
            "`{}` is owned by UID {} and its folder by UID {}: suEXEC runs a script only where both owners are \
             the same",
            script.display(),
            about.uid(),
            there.uid()
        );
        // A system folder has scripts of many users; a server that runs scripts as itself has no suEXEC.
        let is_of_the_server = case.is_page && rustix::process::geteuid().as_raw() != about.uid();
        findings.push(if there.uid() == 0 || is_of_the_server {
            Finding::note("owner", said)
        } else {
            let owner = format!("chown {} {}", there.uid(), typed(script));
            Finding::wrong("owner", said).mended_by(owner)
        });
    }
    if about.gid() != there.gid() && about.uid() == there.uid() && there.uid() != 0 {
        let said = format!(
            "`{}` has GID {} and its folder GID {}: suEXEC runs a script only where both groups are the same",
            script.display(),
            about.gid(),
            there.gid()
        );
        let remedy = format!("chgrp {} {}", there.gid(), typed(script));
        findings.push(Finding::note("owner", said).mended_by(remedy));
    }
    // A server that runs the page can enter the folders.
    let closed = folder.ancestors().find(|above| {
        fs::metadata(above).is_ok_and(|about| about.is_dir() && about.mode() & 0o001 == 0)
    });
    if let (Some(closed), false) = (closed, case.is_page) {
        let said = format!(
            "other users cannot enter `{}`: a server that runs scripts as another user cannot \
             reach the script",
            closed.display()
        );
        findings
            .push(Finding::note("folder", said).mended_by(format!("chmod o+x {}", typed(closed))));
    }
}

/// Whether its file system is mounted noexec.
pub(super) fn noexec(file: &Path, findings: &mut Vec<Finding>) {
    if is_noexec(file) {
        let said = format!(
            "`{}` is on a file system that is mounted `noexec`: the kernel runs no file there",
            file.display()
        );
        findings.push(
            Finding::wrong("noexec", said)
                .mended_by("move it to another file system, or ask the hosting provider for help"),
        );
    }
}
