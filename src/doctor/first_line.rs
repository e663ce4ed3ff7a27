//! The script's first line, as the kernel reads it (execve(2), "Interpreter scripts"), byte by byte: what an
//! editor does not show is here.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::finding::{Finding, Verdict};
use super::{Case, typed};
use settings::decided::hash_bang_options;

/// Kernels before 5.1 cut the line here, later ones at the other.
const OLD_LONGEST: usize = 127;
const LONGEST: usize = 255;

/// Looks at it. The options in it, where it names this program.
pub(super) fn look(
    script: &Path,
    case: &Case,
    findings: &mut Vec<Finding>,
) -> Option<Result<Vec<OsString>>> {
    let shown = script.display();
    let text = fs::read(script).ok()?;
    let file = typed(script);
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        let said = format!("`{shown}` is a text in UTF-16");
        let remedy = "save it as UTF-8, without a byte order mark";
        findings.push(Finding::wrong("BOM", said).mended_by(remedy));
        return None;
    }
    let without_mark = text.strip_prefix(b"\xef\xbb\xbf");
    if without_mark.is_some() {
        let said = format!("`{shown}` begins with a byte order mark, before the `#!`");
        let remedy = format!("sed -i '1s/^\\xEF\\xBB\\xBF//' {file}");
        findings.push(Finding::wrong("BOM", said).mended_by(remedy));
    }
    let text = without_mark.unwrap_or(&text);
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let Some(rest) = line.strip_prefix(b"#!") else {
        let said = format!("`{shown}` has no `#!` in its first line");
        let write = format!("write `#!{}` into it", case.program.display());
        findings.push(if case.is_page {
            Finding::note("line", said)
        } else {
            Finding::wrong("line", said).mended_by(write)
        });
        return None;
    };
    if line.ends_with(b"\r") {
        let said = format!(
            "the first line of `{shown}` ends in CR LF, as Windows writes it, and the CR is a part of the name \
             that the kernel looks for"
        );
        findings.push(Finding::wrong("CRLF", said).mended_by(format!("sed -i 's/\\r$//' {file}")));
    }
    if line.len() > OLD_LONGEST {
        let said = format!(
            "the first line of `{shown}` has {} bytes: kernels before 5.1 cut it after {OLD_LONGEST}, later \
             ones after {LONGEST}",
            line.len()
        );
        let is_cut = line.len() > LONGEST;
        let long = if is_cut {
            Finding::wrong
        } else {
            Finding::note
        };
        let remedy = "put the program and the environment into shorter paths";
        findings.push(long("line", said).mended_by(remedy));
    }
    let (program, options) = match by_a_shell(text) {
        Some(program) => (Found::Named(program), &b""[..]),
        None => words(rest.trim_ascii()),
    };
    let finding = judge(script, program, case);
    let is_ours = finding.verdict == Verdict::Good;
    findings.push(finding);
    let options = OsStr::from_bytes(options);
    let options = (!options.is_empty()).then_some(options);
    is_ours.then(|| hash_bang_options(options, script))
}

/// The program where a shell starts it, as `install` has it for one that no first line can name.
fn by_a_shell(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"#!/bin/sh\n'''exec' \"")?;
    rest.split(|&byte| byte == b'"').next()
}

/// The program that a first line leads to, and what it is started with: `env -S` leads to another.
fn words(rest: &[u8]) -> (Found<'_>, &[u8]) {
    let (first, after) = split(rest);
    if Path::new(OsStr::from_bytes(first)).file_name() != Some(OsStr::new("env")) {
        return (Found::Named(first), after);
    }
    let (mut word, mut after) = split(after);
    while word.starts_with(b"-") {
        (word, after) = split(after);
    }
    (Found::LookedFor(word), after)
}

/// How the kernel comes to a program.
#[derive(Clone, Copy)]
enum Found<'a> {
    Named(&'a [u8]),
    LookedFor(&'a [u8]),
}

fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(u8::is_ascii_whitespace);
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    (word, rest.trim_ascii())
}

fn judge(script: &Path, program: Found, case: &Case) -> Finding {
    let shown = script.display();
    let here = format!("write `#!{}` into it", case.program.display());
    let wrong = |said: String| Finding::wrong("line", said).mended_by(here.clone());
    let meant = match program {
        Found::Named(name) | Found::LookedFor(name) if name.starts_with(b"/") => {
            PathBuf::from(OsStr::from_bytes(name))
        }
        Found::Named(name) => {
            return wrong(format!(
                "the first line of `{shown}` names `{}`, which is no whole path",
                name.escape_ascii()
            ));
        }
        Found::LookedFor(name) => match in_usual_folders(name) {
            Some(found) => found,
            None => {
                return wrong(format!(
                    "the first line of `{shown}` has `{}` looked for, and a server's PATH \
                     (/usr/local/bin, /usr/bin, /bin) has none",
                    name.escape_ascii()
                ));
            }
        },
    };
    let named = format!(
        "`{}`, which the first line of `{shown}` names",
        meant.display()
    );
    let about = match fs::metadata(&meant) {
        Ok(about) if about.is_file() => about,
        Ok(_) => return wrong(format!("{named}, is no program")),
        Err(error) => return wrong(format!("{named}: {error}")),
    };
    if about.mode() & 0o111 == 0 {
        let said = format!("{named}, may not be run (mode {:o})", about.mode() & 0o7777);
        return Finding::wrong("line", said).mended_by(format!("chmod 755 {}", typed(&meant)));
    }
    let name = meant.file_name().unwrap_or_default().as_bytes();
    let is_ours = name == b"wsgi-cgi" || is_same(&meant, &case.program);
    let meant = meant.display();
    if is_ours {
        Finding::good("line", format!("`{shown}` is run by `{meant}`"))
    } else if name.starts_with(b"python") || name.starts_with(b"pypy") {
        let said = format!(
            "`{shown}` is run by `{meant}`, not by this program: what is said of its settings and its Python \
             holds for this program"
        );
        Finding::note("line", said).mended_by(here)
    } else {
        wrong(format!(
            "`{shown}` is run by `{meant}`, which is not this program and no Python"
        ))
    }
}

fn in_usual_folders(name: &[u8]) -> Option<PathBuf> {
    let folders = ["/usr/local/bin", "/usr/bin", "/bin"].map(Path::new);
    let mut places = folders
        .iter()
        .map(|folder| folder.join(OsStr::from_bytes(name)));
    places.find(|place| !name.is_empty() && place.is_file())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let number = |path| fs::metadata(path).map(|about: fs::Metadata| (about.dev(), about.ino()));
    number(one)
        .ok()
        .is_some_and(|one| number(other).is_ok_and(|other| one == other))
}
