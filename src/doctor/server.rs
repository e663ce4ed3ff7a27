//! The server, by the variables that it gives: who runs scripts, and what does not arrive by it. On a terminal
//! there is none, and nothing is said of it.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::Case;
use super::finding::Finding;

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
    findings.push(Finding::good(
        "server",
        format!("{software}, which runs scripts as user {user}{whose}"),
    ));
    let is_https = !matches!(
        value(b"HTTPS").to_ascii_lowercase().as_str(),
        "" | "off" | "0"
    );
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
