//! `doctor` as a web page, for users without a shell: a script `doctor.cgi` that has only a first line naming
//! this program, or is this program. It answers only requests with a token, and for a day: a file whose name has
//! that token must lie beside it, as paths and user IDs are not for everybody. The token is in the file's name:
//! servers publish the content of files, but list no name that begins with a dot.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::finding::{self, Finding, Verdict};
use super::{Case, beginning, examine, is_executable};
use exchange::{Headers, MetaVariables, ResponseHead, Status};
use process::descriptors::Private;
use process::{program, report};

const NAME: &str = "doctor.cgi";
/// What the file's name begins with; the token follows.
const TOKEN: &str = ".htdoctor-";
/// Characters of a token: too many to guess.
const LEAST: usize = 16;
const MOST_OF_TOKEN: usize = 100;
const A_DAY: Duration = Duration::from_secs(86_400);
/// The most scripts that are examined when the request names none.
const MOST: usize = 20;
/// The most time for a page: servers may not wait longer.
const LONGEST: Duration = Duration::from_secs(25);

/// Whether a request for that script is for this page.
pub(crate) fn is_asked_for(script: &Path) -> bool {
    script.file_name() == Some(OsStr::new(NAME)) && has_no_application(script)
}

/// An application may be called `doctor.cgi` too: it has more than a first line.
fn has_no_application(script: &Path) -> bool {
    let text = beginning(script);
    let is_program = text.starts_with(b"\x7fELF");
    let mut lines = text.split(|&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let is_nothing = |line: &[u8]| line.trim_ascii().is_empty() || line.starts_with(b"#");
    is_program || first.starts_with(b"#!") && lines.all(is_nothing)
}

/// Answers it.
pub(crate) fn answer(script: &Path, environment: &MetaVariables, private: &Private) {
    let query = environment.value(b"QUERY_STRING").unwrap_or_default();
    let (code, kind, page) = match is_on(script, parameter(query, "token").unwrap_or_default()) {
        Ok(()) if parameter(query, "format") == Some(b"json") => {
            let findings = all(script, environment, query);
            (200, "application/json", finding::json(&findings))
        }
        Ok(()) => {
            let findings = all(script, environment, query);
            (200, "text/html; charset=utf-8", html(&findings))
        }
        Err(why) => {
            report::log(&format!(
                "doctor: `{}` answers 404: {why}",
                script.display()
            ));
            (404, "text/plain", "Not found\n".to_owned())
        }
    };
    let mut headers = Headers::default();
    for (name, value) in [
        ("Content-Type", kind),
        ("Content-Length", &page.len().to_string()),
        ("Cache-Control", "no-store"),
        ("X-Robots-Tag", "noindex"),
    ] {
        _ = headers.push(name.as_bytes(), value.as_bytes());
    }
    let status = Status::of(code);
    let mut wire = doors::wire::head(&ResponseHead { status, headers }, doors::wire::Form::Cgi);
    if environment.value(b"REQUEST_METHOD") != Some(b"HEAD") {
        wire.extend_from_slice(page.as_bytes());
    }
    if let Ok(stdout) = private.stdout.try_clone() {
        _ = fs::File::from(stdout).write_all(&wire);
    }
}

/// Whether the file of that token lies beside the script; else why the page is not shown.
fn is_on(script: &Path, token: &[u8]) -> Result<(), String> {
    let is_plain = |&byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let length = token.len();
    if !(LEAST..=MOST_OF_TOKEN).contains(&length) || !token.iter().all(is_plain) {
        return Err(format!(
            "no valid ?token= in the request: create an empty file `{TOKEN}WORD` beside the script, with a WORD \
             of at least {LEAST} letters and digits, and open the page with ?token=WORD within a day"
        ));
    }
    let mut name = OsString::from(TOKEN);
    name.push(OsStr::from_bytes(token));
    let about = fs::symlink_metadata(script.with_file_name(name)).map_err(|error| {
        format!("no file `{TOKEN}WORD` beside the script for the ?token=WORD of this request: {error}: create it, or correct the URL")
    })?;
    let owner = fs::metadata(script).map(|about| about.uid()).ok();
    let own = [owner, Some(rustix::process::geteuid().as_raw())];
    if !about.is_file() || !own.contains(&Some(about.uid())) {
        return Err(format!(
            "`{TOKEN}...` is not a regular file owned by the script's owner or by this user"
        ));
    }
    match about.modified().map(|then| then.elapsed()) {
        Ok(Ok(age)) if age <= A_DAY => Ok(()),
        _ => Err(format!(
            "the file `{TOKEN}...` is older than a day, or its time is in the future: create it again, or \
             remove it"
        )),
    }
}

fn parameter<'a>(query: &'a [u8], name: &str) -> Option<&'a [u8]> {
    query
        .split(|&byte| byte == b'&')
        .find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// The findings about the script that the request names, else about those beside this one.
fn all(own: &Path, environment: &MetaVariables, query: &[u8]) -> Vec<Finding> {
    let scripts = match parameter(query, "script") {
        Some(name) if is_a_name(name) => vec![own.with_file_name(OsStr::from_bytes(name))],
        Some(_) => {
            let said = "?script= must be the name of a script beside this one, without a folder";
            return vec![Finding::wrong("script", said)];
        }
        None => beside(own),
    };
    let until = Instant::now() + LONGEST;
    let case = |script| Case {
        script,
        program: program::path(),
        environment,
        is_page: true,
        until,
    };
    let mut findings = Vec::new();
    for script in &scripts {
        for finding in examine(&case(Some(script))) {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    if scripts.is_empty() {
        findings = examine(&case(None));
        let said = "found no script beside this one, or cannot list its folder";
        let named = "add &script=NAME to the address of this page";
        findings.push(Finding::wrong("script", said).mended_by(named));
    }
    findings
}

fn is_a_name(name: &[u8]) -> bool {
    let is_plain = |&byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && !name.starts_with(b".") && name.iter().all(is_plain)
}

/// The scripts beside it: executable, or with the same file ending.
fn beside(own: &Path) -> Vec<PathBuf> {
    let entries = own.parent().map(fs::read_dir);
    let entries = entries.into_iter().flatten().flatten().flatten();
    let is_script = |path: &PathBuf| {
        let is_called_so = path.extension() == own.extension();
        path != own && (is_called_so || is_executable(path) && beginning(path).starts_with(b"#!"))
    };
    let is_hidden = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.as_bytes().starts_with(b".")
    };
    let mut scripts: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| !path.is_dir() && !is_hidden(path) && is_script(path))
        .collect();
    scripts.sort_unstable();
    scripts.truncate(MOST);
    scripts
}

fn html(findings: &[Finding]) -> String {
    let mut rows = String::new();
    for finding in findings {
        let word = finding.verdict.word();
        let remedy = finding.remedy.as_deref().unwrap_or_default();
        let remedy = if remedy.is_empty() {
            String::new()
        } else {
            format!("<br><code>{}</code>", escaped(remedy))
        };
        _ = writeln!(
            rows,
            "<tr class={word}><td>{word}<td>{}<td>{}{remedy}",
            finding.about,
            escaped(&finding.said)
        );
    }
    let wrong = findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Wrong);
    let verdict = if wrong {
        "Something is wrong"
    } else {
        "Nothing is wrong"
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>wsgi-cgi doctor</title>\n\
         <style>body{{font:1em sans-serif;margin:2em}}td{{padding:.3em .8em;vertical-align:top}}\
         .wrong{{background:#fdd}}.note{{background:#ffd}}</style>\n<h1>{verdict}</h1>\n<table>\n{rows}</table>\n\
         <p>To check one script, add <code>&amp;script=NAME</code> to the address; for JSON, add \
         <code>&amp;format=json</code>. Remove the file <code>{TOKEN}...</code> when you are done: the server's \
         log has the token.</p>\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_named_without_its_folder() {
        assert!(is_a_name(b"app.cgi"));
        for name in [&b""[..], b"../app.cgi", b".htpasswd", b"a/b", b"a%2fb"] {
            assert!(!is_a_name(name), "{}", name.escape_ascii());
        }
    }
}
