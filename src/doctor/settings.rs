//! The settings in the `#!` line, the environment and the script's metadata, and whether the files and folders
//! that they name exist and can be used.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::Result;
use rustix::fs::Access;

use super::finding::Finding;
use super::server::{Published, published};
use super::{Case, typed};
use process::report;
use settings::config::Config;
use settings::decided::valid_settings;
use settings::options::{CHDIR, DEBUG, Invalid, LOG, PYTHON_PATH, RECORD, Row, WARM_UP};
use settings::origins::Origins;

/// Looks at them; returns the settings as far as they are valid, and where each was set.
pub(super) fn look(
    script: &Path,
    options: Result<Vec<OsString>>,
    case: &Case,
    findings: &mut Vec<Finding>,
) -> (Config, Origins) {
    let (config, origins, wrong) = valid_settings(options, case.environment, script);
    let wrong = wrong.into_iter().map(|Invalid { error, mended }| {
        // Both may quote variables of the server, which a page must not show.
        if case.is_page {
            report::log(&format!("doctor: {error:#}"));
            let said = "an option in the first line, a WSGI_CGI_... variable, or a setting in the \
                        script's block is invalid: the server's error log says which";
            return Finding::wrong("settings", said);
        }
        let finding = Finding::wrong("settings", format!("{error:#}"));
        match mended {
            Some(line) => finding.mended_by(format!("in the script: {line}")),
            None => finding,
        }
    });
    findings.extend(wrong);
    for folder in &config.python_path {
        // A zip file is a folder to Python.
        if !folder.exists() {
            let said = format!("`{}` (python-path) does not exist", folder.display());
            let remedy = origins.set_to(&PYTHON_PATH, &["FOLDER"]).map_or_else(
                || "name the folder with the modules".to_owned(),
                |line| format!("{line}, FOLDER being the one with the modules"),
            );
            findings.push(Finding::wrong("settings", said).mended_by(remedy));
        }
    }
    for path in config.warm_up.iter().filter(|path| !path.starts_with('/')) {
        let said = format!("warm-up = `{path}` is not a URL path: it must begin with `/`");
        let paths = config
            .warm_up
            .iter()
            .map(|path| format!("/{}", path.trim_start_matches('/')));
        let paths: Vec<String> = paths.collect();
        let remedy = origins.set_to(&WARM_UP, &paths).unwrap_or_default();
        findings.push(Finding::wrong("settings", said).mended_by(remedy));
    }
    let folders = [
        (&CHDIR, config.chdir.as_deref(), Access::EXEC_OK),
        (
            &RECORD,
            config.record.as_ref().map(|record| record.folder.as_path()),
            Access::WRITE_OK,
        ),
    ];
    for (row, folder, wanted) in folders {
        if let Some(folder) = folder {
            usable(row, folder, wanted, &origins, findings);
        }
    }
    if let Some(log) = &config.log {
        log_file(log, &origins, case, findings);
    }
    if config.debug {
        let said =
            "debug is on: if the application fails, visitors see its source, paths and variables";
        let line = origins.set(&DEBUG).unwrap_or_default();
        let remedy = format!("once it works, remove `debug` {line}");
        findings.push(Finding::note("settings", said).mended_by(remedy));
    }
    (config, origins)
}

fn usable(
    row: &Row,
    folder: &Path,
    wanted: Access,
    origins: &Origins,
    findings: &mut Vec<Finding>,
) {
    let (name, shown) = (row.name, folder.display());
    if !folder.is_dir() {
        let said = format!("`{shown}` ({name}) is not a folder");
        let remedy = format!("mkdir -p {}", typed(folder));
        findings.push(Finding::wrong("settings", said).mended_by(remedy));
    } else if let Some(error) = refused(folder, wanted) {
        let said = format!("`{shown}` ({name}): {error}");
        let line = origins.set_to(row, &["FOLDER"]).unwrap_or_default();
        let remedy = format!("{line}, FOLDER being one that the user who runs scripts may use");
        findings.push(Finding::wrong("settings", said).mended_by(remedy));
    }
}

fn log_file(log: &Path, origins: &Origins, case: &Case, findings: &mut Vec<Finding>) {
    let shown = log.display();
    let folder = log.parent().unwrap_or(Path::new("/"));
    let elsewhere = |what: &str| {
        let line = origins.set_to(&LOG, &["FILE"]).unwrap_or_default();
        format!("{line}, FILE being one {what}")
    };
    let error = if log.exists() {
        refused(log, Access::WRITE_OK)
    } else {
        refused(folder, Access::WRITE_OK | Access::EXEC_OK)
    };
    let is_writable = error.is_none();
    if let Some(error) = error {
        let said = format!("cannot write to the error log `{shown}`: {error}");
        let remedy = if folder.is_dir() {
            elsewhere("in a folder where the user who runs scripts may write")
        } else {
            format!("mkdir -p {}", typed(folder))
        };
        findings.push(Finding::wrong("log", said).mended_by(remedy));
    }
    let system = rustix::fs::statvfs(folder);
    if is_writable && system.is_ok_and(|system| system.f_blocks > 0 && system.f_bavail == 0) {
        let said = format!("no space is left for the error log `{shown}`: entries are lost");
        let remedy = format!(
            "free some space, or {}",
            elsewhere("on another file system")
        );
        findings.push(Finding::wrong("log", said).mended_by(remedy));
    }
    if log.is_dir() {
        let said = format!("the error log `{shown}` is a folder");
        let remedy = origins
            .set_to(&LOG, &[log.join("error.log")])
            .unwrap_or_default();
        findings.push(Finding::wrong("log", said).mended_by(remedy));
    }
    let (is_surely, said) = match published(folder, case) {
        Published::NotKnown => return,
        Published::Sent => (
            true,
            format!(
                "the error log `{shown}` is below the document root, where anybody may read it"
            ),
        ),
        Published::SentOrRun(prefix) => (
            false,
            format!(
                "the error log `{shown}` is in a folder that the server maps `{prefix}` to: unless by ScriptAlias, \
                 anybody may read it"
            ),
        ),
    };
    let finding = if is_surely {
        Finding::wrong("log", said)
    } else {
        Finding::note("log", said)
    };
    findings.push(finding.mended_by(elsewhere("in a folder that no URL leads to")));
}

/// Why this user lacks that access; `None` where it is allowed.
pub(super) fn refused(path: &Path, wanted: Access) -> Option<rustix::io::Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    rustix::fs::access(&path, wanted).err()
}
