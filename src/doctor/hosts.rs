//! Django answers 400 to a request whose host is not in its setting `ALLOWED_HOSTS`.

use super::finding::Finding;
use exchange::RefusedHost;

/// The finding about a refusal. Only on a page is the host the one that visitors use.
pub(super) fn finding(refused: &RefusedHost, is_page: bool) -> Finding {
    let RefusedHost {
        host,
        allowed,
        file,
    } = refused;
    let whose = if file.is_empty() {
        "the settings".to_owned()
    } else {
        format!("`{file}`")
    };
    if is_page {
        let said =
            format!("Django answers 400 to requests for `{host}`, which is not in ALLOWED_HOSTS");
        return Finding::wrong("hosts", said).mended_by(format!(
            "in {whose}: {}",
            refused.line_with(without_port(host))
        ));
    }
    let remedy = format!(
        "in {whose}, with the site's host name: {}",
        refused.line_with("www.example.org")
    );
    if allowed.is_empty() {
        let said = format!(
            "Django answers 400 to every request (for `{host}` too), because ALLOWED_HOSTS is empty"
        );
        return Finding::wrong("hosts", said).mended_by(remedy);
    }
    let said = format!(
        "Django answers 400 to requests for `{host}`, and for all hosts but these: {}",
        allowed.join(", ")
    );
    Finding::note("hosts", said).mended_by(remedy)
}

/// A host for which the application can be asked instead: one that it allows.
pub(super) fn another(refused: &RefusedHost, is_page: bool) -> Option<String> {
    let mut allowed = refused.allowed.iter().filter(|_| !is_page);
    let host = allowed.find(|host| *host != "*" && **host != refused.host)?;
    Some(host.trim_start_matches('.').to_owned())
}

/// ALLOWED_HOSTS has names without ports.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
