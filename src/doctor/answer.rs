//! One request for the script, made as a server makes it: the kernel runs the file by its first line. The
//! answer and the log are what a visitor and the operator would get. On a terminal, a script that the kernel
//! cannot run is run by this program, to find further faults; a page runs only what the server would.

use std::borrow::Cow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use super::child::Said;
use super::finding::{Finding, Verdict};
use super::{Case, hosts, typed};
use crate::lives::SAID_ABOVE;
use exchange::RefusedHost;
use image::place::shown;
use process::report;
use settings::options::DOCTOR;

/// Makes the request; `is_known` where this program or a Python runs the script. Returns whether the answer is
/// good, or `None` where no request was made.
pub(super) fn look(
    script: &Path,
    is_known: bool,
    case: &Case,
    findings: &mut Vec<Finding>,
) -> Option<bool> {
    let name = script.display();
    let is_wrong = |finding: &Finding| {
        let of_the_file = ["mode", "noexec", "BOM", "CRLF", "line"].contains(&finding.about);
        of_the_file && finding.verdict == Verdict::Wrong
    };
    let cannot_be_run = findings.iter().any(is_wrong) || !begins_as_a_script(script);
    if cannot_be_run && case.is_page {
        return None;
    }
    let ask = |host: &str| {
        let mut command = if cannot_be_run {
            let mut command = case.command(&case.program);
            command.arg(script);
            command
        } else {
            case.command(script)
        };
        as_a_request(&mut command, script, host);
        case.run(command)
    };
    if case.user().is_none() && rustix::process::geteuid().is_root() {
        let said = "root owns the script, so the test request runs as root: files that it creates are owned \
                    by root";
        let remedy = "run doctor as the user that the server runs scripts as";
        findings.push(Finding::note("user", said).mended_by(remedy));
    }
    let mut asked = ask(&host_of_visitors(case));
    let refused = asked
        .as_ref()
        .ok()
        .and_then(|said| RefusedHost::find(&text_of(&said.log)));
    if let Some(refused) = refused {
        findings.push(hosts::finding(&refused, case.is_page));
        match hosts::another(&refused, case.is_page) {
            Some(host) => asked = ask(&host),
            // The application itself was not asked.
            None => return None,
        }
    }
    let said = match asked {
        Ok(said) => said,
        Err(error) => {
            findings.push(Finding::wrong(
                "answer",
                format!("cannot run `{name}`: {error}"),
            ));
            return Some(false);
        }
    };
    let (is_good, what) = judge(&said, is_known);
    let what = format!("`{name}` {what}");
    if is_good {
        findings.push(Finding::good("answer", what));
        return Some(true);
    }
    let log = text_of(&said.log);
    let entry = entry_of(&log).map(|entry| shown(entry.as_bytes()));
    // The text of an exception may be secret: it goes to the log, not to the page.
    let why = match (entry, case.is_page) {
        (None, _) => String::new(),
        (Some(entry), false) => format!(": {entry}"),
        (Some(_), true) => {
            report::log(&format!("doctor: `{name}`: {}", log.trim_end()));
            ": see the server's error log for the cause".into()
        }
    };
    let remedy = format!("{} request --debug {}", typed(&case.program), typed(script));
    findings.push(Finding::wrong("answer", what + &why).mended_by(remedy));
    Some(false)
}

/// Whether the kernel would run it as a script.
fn begins_as_a_script(script: &Path) -> bool {
    let about = std::fs::metadata(script);
    about.is_ok_and(|about| about.mode() & 0o111 != 0)
        && super::beginning(script).starts_with(b"#!")
}

/// The host of the test request: on a page, the one that was typed into the browser.
fn host_of_visitors(case: &Case) -> String {
    let host = case
        .environment
        .value(b"HTTP_HOST")
        .filter(|_| case.is_page);
    text_of(host.unwrap_or(b"localhost")).into_owned()
}

fn text_of(log: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(log)
}

fn as_a_request(command: &mut Command, script: &Path, host: &str) {
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    command
        .current_dir(script.parent().unwrap_or(Path::new("/")))
        .envs([
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("REQUEST_METHOD", "GET"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("SERVER_NAME", "localhost"),
            ("SERVER_PORT", "80"),
            ("SERVER_SOFTWARE", "wsgi-cgi (doctor)"),
            ("HTTP_HOST", host),
            ("HTTP_USER_AGENT", "wsgi-cgi (doctor)"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("PATH_INFO", "/"),
            ("QUERY_STRING", ""),
            (DOCTOR, "1"),
        ])
        .env("SCRIPT_NAME", format!("/{name}"))
        .env("SCRIPT_FILENAME", script);
}

/// Whether the answer is good, and what it was. The exit status counts only for a script that `is_known`.
fn judge(said: &Said, is_known: bool) -> (bool, String) {
    let is_long = said.status.is_none() && !said.output.is_empty();
    let failed = String::from_utf8_lossy(&said.log).contains("wsgi-cgi: error ");
    match (status_of(&said.output), said.status) {
        (Some(code), Some(status)) if code < 500 && (failed || is_known && !status.success()) => {
            (false, format!("answers GET / with {code}, then fails"))
        }
        (Some(code), _) if code < 500 => (true, format!("answers GET / with {code}")),
        (Some(code), _) => (false, format!("answers GET / with {code}")),
        (None, Some(status)) => (false, format!("does not answer GET / ({status})")),
        (None, None) if is_long => (
            false,
            "answers GET / without an empty line after the response headers".into(),
        ),
        (None, None) => (false, "does not answer GET / in time".into()),
    }
}

/// The status that a server reads from the response head (RFC 3875, section 6): header fields, then an empty
/// line.
fn status_of(output: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(output);
    let mut code = None;
    let mut is_redirect = false;
    for (number, line) in text.split('\n').enumerate() {
        let line = line.trim_end_matches('\r');
        if line.is_empty() && number > 0 {
            return code.or(Some(if is_redirect { 302 } else { 200 }));
        }
        if number == 0 && line.starts_with("HTTP/") {
            code = line.split(' ').nth(1)?.parse().ok();
            continue;
        }
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("status") {
            code = value.split_ascii_whitespace().next()?.parse().ok();
        }
        is_redirect |= name.eq_ignore_ascii_case("location");
    }
    None
}

/// The sentence of the first entry for an error, or the line before it if that says more, else the last line.
fn entry_of(log: &str) -> Option<&str> {
    let mut above = None;
    let error = log.lines().find_map(|line| {
        let Some(entry) = line.strip_prefix("wsgi-cgi: error ") else {
            above = line.strip_prefix("wsgi-cgi: ");
            return None;
        };
        let entry = entry.splitn(3, ": ").nth(2)?;
        above
            .filter(|_| entry.ends_with(SAID_ABOVE))
            .or(Some(entry))
    });
    error.or_else(|| log.lines().rfind(|line| !line.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_servers_do() {
        for (output, code) in [
            (&b"Status: 404 Not Found\r\n\r\n"[..], Some(404)),
            (b"X: y\nStatus: 500\n\nbody", Some(500)),
            (b"Content-Type: text/plain\n\nStatus: 500", Some(200)),
            (b"Location: /there\r\n\r\n", Some(302)),
            (b"HTTP/1.1 503 No\r\nX: y\r\n\r\n", Some(503)),
            (b"oops\n\n", None),
            (b"X: y\n", None),
            (b"", None),
        ] {
            assert_eq!(status_of(output), code, "{}", output.escape_ascii());
        }
    }
}
