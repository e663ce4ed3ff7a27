//! The server, by the variables that it gives: which user runs scripts, and what it does not pass on. On a
//! terminal there is no server, and no finding.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Case;
use super::finding::Finding;

/// What the server does with the files of a folder, by the variables that it gives.
pub(super) enum Published {
    /// No URL is known that leads there.
    NotKnown,
    /// It is below the document root: files are sent.
    Sent,
    /// Apache maps this URL path to it or to a folder above it: files are run if by `ScriptAlias`, otherwise sent.
    SentOrRun(String),
}

/// What it does with the files of this folder.
pub(super) fn published(folder: &Path, case: &Case) -> Published {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = real(folder);
    let is_below = |name: &[u8]| {
        let root = case.environment.value(name).unwrap_or_default();
        !root.is_empty() && folder.starts_with(real(Path::new(OsStr::from_bytes(root))))
    };
    // Where it is empty, the context is the document root itself.
    let prefix = case
        .environment
        .value(b"CONTEXT_PREFIX")
        .unwrap_or_default();
    if !prefix.is_empty() && is_below(b"CONTEXT_DOCUMENT_ROOT") {
        Published::SentOrRun(String::from_utf8_lossy(prefix).into_owned())
    } else if is_below(b"DOCUMENT_ROOT") {
        Published::Sent
    } else {
        Published::NotKnown
    }
}

/// Whether the server publishes the files beside the script.
fn beside_the_script(case: &Case, findings: &mut Vec<Finding>) {
    let Some(folder) = case.script.and_then(Path::parent) else {
        return;
    };
    let shown = folder.display();
    if case.environment.value(b"DOCUMENT_ROOT").is_none() {
        return;
    }
    let said = match published(folder, case) {
        Published::NotKnown => {
            let said = format!("`{shown}` is not below the document root");
            findings.push(Finding::good("root", said));
            return;
        }
        Published::Sent => format!(
            "`{shown}` is below the document root: the server may send every file there that is not a script (a \
             database, a log, a virtual environment) to anybody"
        ),
        Published::SentOrRun(prefix) => format!(
            "the server maps `{prefix}` to `{shown}`: if by ScriptAlias, it runs every file there; if by Alias or \
             UserDir, it may send every file there that is not a script (a database, a log, a virtual environment) to \
             anybody"
        ),
    };
    let remedy = "keep such files in a folder that no URL leads to, and name it in the script";
    findings.push(Finding::note("root", said).mended_by(remedy));
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
        "a server that does not name itself (SERVER_SOFTWARE)"
    } else {
        &software
    };
    findings.push(Finding::good(
        "server",
        format!("{named}, which runs scripts as UID {user}{whose}"),
    ));
    beside_the_script(case, findings);
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
            format!("this page was requested over {said}"),
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
