//! The server, by the variables that it gives: who runs scripts, and what does not arrive by it. On a terminal
//! there is none, and nothing is said of it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Case;
use super::finding::Finding;

/// Whether a folder is below the one that the server hands out.
pub(super) fn is_published(folder: &Path, case: &Case) -> bool {
    let root = case.environment.value(b"DOCUMENT_ROOT").unwrap_or_default();
    let root = Path::new(OsStr::from_bytes(root));
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    !root.as_os_str().is_empty() && real(folder).starts_with(real(root))
}

/// Whether the server hands out what lies beside the script.
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
            "`{shown}` is below the document root: what lies there and is no script (a database, a log, a \
             virtual environment) the server may hand to whoever asks for it"
        );
        let remedy =
            "keep such files in a folder beside the document root, and name it in the script";
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
        Some(owner) => format!(", while the script is user {owner}'s"),
        None => String::new(),
    };
    let named = if software.is_empty() {
        "a server that gives no name"
    } else {
        &software
    };
    findings.push(Finding::good(
        "server",
        format!("{named}, which runs scripts as user {user}{whose}"),
    ));
    published(case, findings);
    let is_https = case.environment.scheme() == "https";
    let forwarded = value(b"HTTP_X_FORWARDED_PROTO");
    if !is_https && forwarded.eq_ignore_ascii_case("https") {
        findings.push(
            Finding::wrong(
                "https",
                "this page was asked for by HTTPS from a proxy, and the server does not say so to scripts: \
                 applications make http:// links and insecure cookies",
            )
            .mended_by("Apache: `SetEnvIf X-Forwarded-Proto https HTTPS=on`, where only the proxy can set that field"),
        );
    } else {
        let said = if is_https {
            "by HTTPS, which scripts see"
        } else {
            "by HTTP"
        };
        findings.push(Finding::good(
            "https",
            format!("this page was asked for {said}"),
        ));
    }
    let lower = software.to_ascii_lowercase();
    if case.environment.value(b"HTTP_AUTHORIZATION").is_none() && lower.starts_with("apache") {
        findings.push(
            Finding::note(
                "login",
                "Apache keeps `Authorization` from scripts unless it is told otherwise",
            )
            .mended_by(
                "`CGIPassAuth On` in the .htaccess, if the application asks for passwords itself",
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
                "{software} does not decode content that comes in chunks: such a request gets a 411"
            ),
        ));
    }
}
