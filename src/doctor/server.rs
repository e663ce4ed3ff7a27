//! The server, by the variables that it gives: which user runs scripts, and what it does not pass on. On a
//! terminal there is no server, and no finding.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Case;
use super::finding::Finding;

/// Whether a folder is below the document root.
pub(super) fn is_published(folder: &Path, case: &Case) -> bool {
    let root = case.environment.value(b"DOCUMENT_ROOT").unwrap_or_default();
    let root = Path::new(OsStr::from_bytes(root));
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    !root.as_os_str().is_empty() && real(folder).starts_with(real(root))
}

/// Whether the server publishes the files beside the script.
fn published(case: &Case, findings: &mut Vec<Finding>) {
    let Some(folder) = case.script.and_then(Path::parent) else {
        return;
    };
    let shown = folder.display();
    if case.environment.value(b"DOCUMENT_ROOT").is_none() {
        return;
    }
    if is_published(folder, case) {
        let said = format!(
            "`{shown}` is below the document root: the server may send every file there that is not a script \
             (a database, a log, a virtual environment) to anybody"
        );
        let remedy =
            "keep such files in a folder outside the document root, and name it in the script";
        findings.push(Finding::note("root", said).mended_by(remedy));
    } else {
        findings.push(Finding::good(
            "root",
            format!("`{shown}` is not below the document root"),
        ));
    }
}

/// Looks at it.
pub(super) fn look(case: &Case, findings: &mut Vec<Finding>) {
    if !case.is_page {
        return;
    }
    let value = |name: &[u8]| {
        let value = case.environment.value(name).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    };
    let software = value(b"SERVER_SOFTWARE");
    let user = rustix::process::geteuid().as_raw();
    let owner = case
        .script
        .and_then(|script| fs::metadata(script).ok())
        .map(|about| about.uid());
    let whose = match owner {
        Some(owner) if owner == user => ", who owns the script".to_owned(),
        Some(owner) => format!("; the script is owned by UID {owner}"),
        None => String::new(),
    };
    let named = if software.is_empty() {
        "a server without SERVER_SOFTWARE"
    } else {
        &software
    };
    findings.push(Finding::good(
        "server",
        format!("{named}, which runs scripts as UID {user}{whose}"),
    ));
    published(case, findings);
    let is_https = case.environment.scheme() == "https";
    let forwarded = value(b"HTTP_X_FORWARDED_PROTO");
    if !is_https && forwarded.eq_ignore_ascii_case("https") {
        findings.push(
            Finding::wrong(
                "https",
                "a proxy received this request over HTTPS, but the server does not tell scripts \
                 so: applications will make http:// links and insecure cookies",
            )
            .mended_by(
                "Apache: `SetEnvIf X-Forwarded-Proto https HTTPS=on`, but only if clients \
                        cannot set that header themselves",
            ),
        );
    } else {
        let said = if is_https {
            "HTTPS, and scripts are told (HTTPS=on)"
        } else {
            "HTTP"
        };
        findings.push(Finding::good(
            "https",
            format!("this page was requested by {said}"),
        ));
    }
    let lower = software.to_ascii_lowercase();
    if case.environment.value(b"HTTP_AUTHORIZATION").is_none() && lower.starts_with("apache") {
        findings.push(
            Finding::note(
                "login",
                "Apache does not pass `Authorization` to scripts unless configured to",
            )
            .mended_by(
                "add `CGIPassAuth On` to .htaccess, if the application checks passwords itself",
            ),
        );
    }
    if ["busybox", "mini_httpd"]
        .iter()
        .any(|name| lower.contains(name))
    {
        findings.push(Finding::note(
            "uploads",
            format!(
                "{software} does not decode chunked requests (Transfer-Encoding: chunked): they get a 411"
            ),
        ));
    }
}
