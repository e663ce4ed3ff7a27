//! The same for those who have no shell: a script `doctor.cgi` that is nothing but a first line which names this
//! program, or is this program itself. It says something only while a file `.htdoctor` with a token lies beside it,
//! for a day, and to who knows the token: names of folders and users are nobody else's business.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::{self, Finding, Verdict};
use super::{Case, examine};
use exchange::{Headers, MetaVariables, ResponseHead, Status};
use process::descriptors::Private;
use process::{program, report};

const NAME: &str = "doctor.cgi";
const TOKEN: &str = ".htdoctor";
/// Characters of a token: no visitor guesses so many.
const LEAST: usize = 16;
const A_DAY: Duration = Duration::from_secs(86_400);
/// So many scripts are looked at that nobody named.
const MOST: usize = 20;

/// Whether a request for that script is for this page.
pub(crate) fn is_asked_for(script: &Path) -> bool {
    script.file_name() == Some(OsStr::new(NAME)) && has_no_application(script)
}

/// A doctor's own application may be called so too.
fn has_no_application(script: &Path) -> bool {
    let text = fs::read(script).unwrap_or_default();
    let is_program = text.starts_with(b"\x7fELF");
    let mut lines = text.split(|&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default();
    is_program || first.starts_with(b"#!") && lines.all(|line| line.trim_ascii().is_empty())
}

/// Answers it.
pub(crate) fn answer(script: &Path, environment: &MetaVariables, private: &Private) {
    let query = environment.value(b"QUERY_STRING").unwrap_or_default();
    let (code, kind, page) = match token(script).and_then(|token| is_known(query, &token)) {
        Ok(()) if parameter(query, "format") == Some(b"json") => {
            let findings = all(script, environment, query);
            (200, "application/json", finding::json(&findings))
        }
        Ok(()) => {
            let findings = all(script, environment, query);
            (200, "text/html; charset=utf-8", html(&findings))
        }
        Err(why) => {
            report::log(&format!("`{}` says nothing: {why}", script.display()));
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

/// The token that lies beside the script, or why there is none.
fn token(script: &Path) -> Result<Vec<u8>, String> {
    let file = script.with_file_name(TOKEN);
    let shown = file.display();
    let how = format!(
        "a file `{shown}` with at least {LEAST} characters turns the page on for a day: ask for it with \
         ?token= and these characters"
    );
    let about = fs::symlink_metadata(&file).map_err(|error| format!("{error}: {how}"))?;
    if !about.is_file() || about.mode() & 0o022 != 0 {
        return Err(format!(
            "`{shown}` is no file that its owner alone can write"
        ));
    }
    let age = about.modified().ok().and_then(|then| then.elapsed().ok());
    if age.is_some_and(|age| age > A_DAY) {
        return Err(format!(
            "`{shown}` is older than a day: write it anew, or remove it"
        ));
    }
    let text = fs::read(&file).map_err(|error| format!("`{shown}`: {error}"))?;
    let token = text.trim_ascii().to_vec();
    if token.len() < LEAST {
        return Err(format!("the token in `{shown}` is too short: {how}"));
    }
    Ok(token)
}

/// Whether a query has it. The time that it takes tells nothing of the token.
fn is_known(query: &[u8], token: &[u8]) -> Result<(), String> {
    let said = parameter(query, "token").unwrap_or_default();
    let differ = said
        .iter()
        .zip(token)
        .fold(0, |all, (one, other)| all | (one ^ other));
    if said.len() == token.len() && differ == 0 {
        Ok(())
    } else {
        Err("the request has no token, or another".into())
    }
}

fn parameter<'a>(query: &'a [u8], name: &str) -> Option<&'a [u8]> {
    query
        .split(|&byte| byte == b'&')
        .find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// What is found of the script that was named, else of those that lie beside this one.
fn all(own: &Path, environment: &MetaVariables, query: &[u8]) -> Vec<Finding> {
    let scripts = match parameter(query, "script") {
        Some(name) if is_a_name(name) => vec![own.with_file_name(OsStr::from_bytes(name))],
        Some(_) => {
            let said = "?script= is the name of a script beside this one, without its folder";
            return vec![Finding::wrong("script", said)];
        }
        None => beside(own),
    };
    let case = |script| Case {
        script,
        program: program::path(),
        environment,
        is_page: true,
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
    }
    findings
}

fn is_a_name(name: &[u8]) -> bool {
    let is_plain = |&byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && !name.starts_with(b".") && name.iter().all(is_plain)
}

/// The scripts whose first line names a program of this name.
fn beside(own: &Path) -> Vec<PathBuf> {
    let entries = own.parent().map(fs::read_dir);
    let entries = entries.into_iter().flatten().flatten().flatten();
    let is_ours = |path: &PathBuf| {
        let text = fs::read(path).unwrap_or_default();
        let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        path != own
            && memchr::memmem::find(line, b"#!").is_some()
            && memchr::memmem::find(line, b"wsgi-cgi").is_some()
    };
    let mut scripts: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && is_ours(path))
        .collect();
    scripts.sort();
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
         <p>Remove <code>{TOKEN}</code> when you are done.</p>\n</html>\n"
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
    fn a_token_is_known_as_a_whole() {
        let token = b"0123456789abcdef";
        assert!(is_known(b"format=json&token=0123456789abcdef", token).is_ok());
        for query in [
            &b""[..],
            b"token=",
            b"token=0123456789abcde",
            b"token=0123456789abcdeg",
            b"token=0123456789abcdef0",
            b"mytoken=0123456789abcdef",
        ] {
            assert!(is_known(query, token).is_err(), "{}", query.escape_ascii());
        }
    }

    #[test]
    fn a_script_is_named_without_its_folder() {
        assert!(is_a_name(b"app.cgi"));
        for name in [&b""[..], b"../app.cgi", b".htpasswd", b"a/b", b"a%2fb"] {
            assert!(!is_a_name(name), "{}", name.escape_ascii());
        }
    }
}
