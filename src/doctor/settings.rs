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

/// Looks at them; returns the settings as far as they are valid.
pub(super) fn look(
    script: &Path,
    options: Result<Vec<OsString>>,
    case: &Case,
    findings: &mut Vec<Finding>,
) -> Config {
    let (config, wrong) = valid_settings(options, case.environment, script);
    let wrong = wrong.iter().map(|error| {
        // The error may quote variables of the server, which a page must not show.
        if case.is_page {
            report::log(&format!("doctor: {error:#}"));
            return "an option in the first line, a WSGI_CGI_... variable, or a setting in the \
                    script's block is invalid: the server's error log says which"
                .to_owned();
        }
        format!("{error:#}")
    });
    findings.extend(wrong.map(|said| Finding::wrong("settings", said)));
    for folder in &config.python_path {
        // A zip file is a folder to Python.
        if !folder.exists() {
            let said = format!("`{}` (python-path) does not exist", folder.display());
            findings.push(
                Finding::wrong("settings", said).mended_by("name the folder with the modules"),
            );
        }
    }
    for path in config.warm_up.iter().filter(|path| !path.starts_with('/')) {
        let said = format!("warm-up = `{path}` is not a URL path: it must begin with `/`");
        findings.push(Finding::wrong("settings", said).mended_by(format!("warm-up = \"/{path}\"")));
    }
    let folders = [
        ("chdir", config.chdir.as_deref(), Access::EXEC_OK),
        (
            "record",
            config.record.as_ref().map(|record| record.folder.as_path()),
            Access::WRITE_OK,
        ),
    ];
    for (name, folder, wanted) in folders {
        if let Some(folder) = folder {
            usable(name, folder, wanted, findings);
        }
    }
    if let Some(log) = &config.log {
        log_file(log, case, findings);
    }
    if config.debug {
        let said =
            "debug is on: if the application fails, visitors see its source, paths and variables";
        findings.push(Finding::note("settings", said).mended_by("remove `debug` once it works"));
    }
    config
}

fn usable(name: &str, folder: &Path, wanted: Access, findings: &mut Vec<Finding>) {
    let shown = folder.display();
    if !folder.is_dir() {
        let said = format!("`{shown}` ({name}) is not a folder");
        let remedy = format!("mkdir -p {}", typed(folder));
        findings.push(Finding::wrong("settings", said).mended_by(remedy));
    } else if let Some(error) = refused(folder, wanted) {
        findings.push(Finding::wrong(
            "settings",
            format!("`{shown}` ({name}): {error}"),
        ));
    }
}

fn log_file(log: &Path, case: &Case, findings: &mut Vec<Finding>) {
    let shown = log.display();
    let folder = log.parent().unwrap_or(Path::new("/"));
    let error = if log.exists() {
        refused(log, Access::WRITE_OK)
    } else {
        refused(folder, Access::WRITE_OK | Access::EXEC_OK)
    };
    if let Some(error) = error {
        let said = format!("cannot write to the error log `{shown}`: {error}");
        let remedy = if folder.is_dir() {
            "name a file in a folder where the user who runs scripts may write".to_owned()
        } else {
            format!("mkdir -p {}", typed(folder))
        };
        findings.push(Finding::wrong("log", said).mended_by(remedy));
    }
    if log.is_dir() {
        let said = format!("the error log `{shown}` is a folder");
        findings.push(Finding::wrong("log", said).mended_by("name a file in it"));
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
    findings.push(finding.mended_by("name a file in a folder that no URL leads to"));
}

/// Why this user lacks that access; `None` where it is allowed.
pub(super) fn refused(path: &Path, wanted: Access) -> Option<rustix::io::Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    rustix::fs::access(&path, wanted).err()
}
