//! The script's first line, as the kernel reads it (execve(2), "Interpreter scripts"), byte by byte: it finds
//! what an editor does not show.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::finding::Finding;
use super::{Case, beginning, typed};
use crate::becoming::{self, Defect};
use settings::decided::hash_bang_options;

/// Kernels before 5.1 cut a longer line.
const OLD_LONGEST: usize = 127;
/// Later kernels cut a longer line.
const LONGEST: usize = 255;

/// Who runs the script.
pub(super) enum Runs {
    /// This program, or another of its name, with these options. Also where the line is wrong or missing: then
    /// the server may name this program.
    Us(Result<Vec<OsString>>),
    /// A Python that the line names.
    Python(PathBuf),
    /// Another program, of which nothing is known.
    Other,
}

/// Looks at it.
pub(super) fn look(script: &Path, case: &Case, findings: &mut Vec<Finding>) -> Runs {
    let shown = script.display();
    let text = beginning(script);
    let file = typed(script);
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        let said = format!("`{shown}` is encoded in UTF-16, which the kernel cannot run");
        let remedy = "save it as UTF-8, without a byte order mark";
        findings.push(Finding::wrong("BOM", said).mended_by(remedy));
        return Runs::Other;
    }
    let without_mark = text.strip_prefix(b"\xef\xbb\xbf");
    if without_mark.is_some() {
        let said = format!(
            "`{shown}` begins with a byte order mark: the kernel does not see the `#!` after it"
        );
        let remedy = format!("sed -i '1s/^\\xEF\\xBB\\xBF//' {file}");
        findings.push(Finding::wrong("BOM", said).mended_by(remedy));
    }
    let text = without_mark.unwrap_or(&text);
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if text.is_empty() {
        let said = format!("`{shown}` is empty: its upload may have failed");
        findings.push(Finding::wrong("line", said).mended_by("upload it again"));
        return Runs::Other;
    }
    let Some(rest) = line.strip_prefix(b"#!") else {
        let said = format!("`{shown}` has no `#!` in its first line");
        let write = format!("sed -i '1i #!{}' {file}", case.program.display());
        // A server that names the interpreter itself needs no `#!`.
        let is_for_a_server = !super::is_executable(script);
        findings.push(if is_for_a_server {
            Finding::note("line", said)
        } else {
            Finding::wrong("line", said).mended_by(write)
        });
        return Runs::Us(Ok(Vec::new()));
    };
    if line.ends_with(b"\r") {
        let said = format!(
            "the first line of `{shown}` ends in CR LF, as on Windows: the kernel takes the CR as part of the \
             interpreter's name"
        );
        findings.push(Finding::wrong("CRLF", said).mended_by(format!("sed -i 's/\\r$//' {file}")));
    }
    if line.len() > OLD_LONGEST {
        let said = format!(
            "the first line of `{shown}` is {} bytes long: Linux before 5.1 cuts it after {OLD_LONGEST} bytes, \
             later kernels after {LONGEST}",
            line.len()
        );
        let is_cut = line.len() > LONGEST;
        let long = if is_cut {
            Finding::wrong
        } else {
            Finding::note
        };
        let remedy = "move wsgi-cgi and the virtual environment to shorter paths";
        findings.push(long("line", said).mended_by(remedy));
    }
    let (program, options) = match by_a_shell(text) {
        Some(program) => (Found::Named(program), &b""[..]),
        None => words(rest.trim_ascii()),
    };
    let (finding, meant) = judge(script, program, case);
    findings.extend(finding);
    let Some(meant) = meant else {
        return Runs::Us(Ok(Vec::new()));
    };
    match whose(&meant, case) {
        Whose::Ours => {
            let options = OsStr::from_bytes(options);
            let options = (!options.is_empty()).then_some(options);
            Runs::Us(hash_bang_options(options, script))
        }
        Whose::Pythons => Runs::Python(meant),
        Whose::Others => Runs::Other,
    }
}

/// What kind of program a path names.
enum Whose {
    Ours,
    Pythons,
    Others,
}

fn whose(program: &Path, case: &Case) -> Whose {
    let name = program.file_name().unwrap_or_default().as_bytes();
    if name == b"wsgi-cgi" || is_same(program, &case.program) {
        Whose::Ours
    } else if name.starts_with(b"python") || name.starts_with(b"pypy") {
        Whose::Pythons
    } else {
        Whose::Others
    }
}

/// The program that a shell starts, in a script as `install` writes it for a path that no first line can hold.
fn by_a_shell(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"#!/bin/sh\n'''exec' \"")?;
    rest.split(|&byte| byte == b'"').next()
}

/// The program that a first line starts, directly or by `env -S`, and the rest of the line.
fn words(rest: &[u8]) -> (Found<'_>, &[u8]) {
    let (first, after) = split(rest);
    if Path::new(OsStr::from_bytes(first)).file_name() != Some(OsStr::new("env")) {
        return (Found::Named(first), after);
    }
    let (word, after) = split(after);
    let (word, after) = if word == b"-S" {
        split(after)
    } else {
        (word, after)
    };
    // Other options of env are not examined.
    if word.is_empty() || word.starts_with(b"-") || word.contains(&b'=') {
        return (Found::Unknown, after);
    }
    (Found::LookedFor(word), after)
}

/// How the first line names the program.
#[derive(Clone, Copy)]
enum Found<'a> {
    Named(&'a [u8]),
    LookedFor(&'a [u8]),
    Unknown,
}

fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| b" \t".contains(byte));
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    (word, rest.trim_ascii())
}

/// The finding about the program, and its path where it can be run.
fn judge(script: &Path, program: Found, case: &Case) -> (Option<Finding>, Option<PathBuf>) {
    let shown = script.display();
    let here = format!(
        "sed -i '1s|.*|#!{}|' {}",
        case.program.display(),
        typed(script)
    );
    let wrong = |said: String| {
        (
            Some(Finding::wrong("line", said).mended_by(here.clone())),
            None,
        )
    };
    let meant = match program {
        Found::Unknown => return (None, Some(PathBuf::from("env"))),
        Found::Named(name) | Found::LookedFor(name) if name.starts_with(b"/") => {
            PathBuf::from(OsStr::from_bytes(name))
        }
        Found::Named(name) => {
            return wrong(format!(
                "the first line of `{shown}` names `{}`, which is not an absolute path",
                name.escape_ascii()
            ));
        }
        Found::LookedFor(name) => match in_path(name, case) {
            Some(found) => found,
            None => {
                return wrong(format!(
                    "the first line of `{shown}` has `env` look for `{}`, which is not in PATH ({})",
                    name.escape_ascii(),
                    path_of(case)
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
        Ok(_) => return wrong(format!("{named}, is not a file")),
        Err(error) => return wrong(format!("{named}: {error}")),
    };
    if about.mode() & 0o111 == 0 {
        let said = format!(
            "{named}, is not executable (mode {:o})",
            about.mode() & 0o7777
        );
        let chmod = format!("chmod 755 {}", typed(&meant));
        return (Some(Finding::wrong("line", said).mended_by(chmod)), None);
    }
    if let Some(finding) = unusable(&meant, &named) {
        return (Some(finding), Some(meant));
    }
    let said = format!("`{shown}` is run by `{}`", meant.display());
    let finding = match whose(&meant, case) {
        Whose::Ours => Finding::good("line", said),
        Whose::Pythons => Finding::note("line", format!("{said}, not by this program")),
        Whose::Others => {
            let said = format!("{said}, which is neither wsgi-cgi nor Python");
            Finding::note("line", said)
        }
    };
    (Some(finding), Some(meant))
}

/// What is wrong with the program that a first line names, if anything is; it may be a script itself.
fn unusable(program: &Path, named: &str) -> Option<Finding> {
    let defect = match becoming::defect(program).ok()?? {
        Defect::NotElf if !beginning(program).is_empty() => return None,
        defect => defect,
    };
    let remedy = match defect {
        Defect::OtherProcessor => format!("install the program for {}", std::env::consts::ARCH),
        Defect::Incomplete(..) => "copy it there again, in binary mode".to_owned(),
        Defect::NotElf => {
            let said = format!("{named}, is empty");
            let remedy = "copy it there again, in binary mode";
            return Some(Finding::wrong("line", said).mended_by(remedy));
        }
        Defect::Noexec => {
            "move it to another file system, or ask the hosting provider for help".to_owned()
        }
    };
    Some(Finding::wrong("line", format!("{named}, {defect}")).mended_by(remedy))
}

/// The PATH: on a page the server's, else the usual one of servers.
fn path_of(case: &Case) -> String {
    let path = case.environment.value(b"PATH").filter(|_| case.is_page);
    let path = path.unwrap_or(b"/usr/local/bin:/usr/bin:/bin");
    String::from_utf8_lossy(path).into_owned()
}

fn in_path(name: &[u8], case: &Case) -> Option<PathBuf> {
    let path = path_of(case);
    let mut places = path
        .split(':')
        .map(|folder| Path::new(folder).join(OsStr::from_bytes(name)));
    places.find(|place| place.is_file())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let number = |path| fs::metadata(path).map(|about: fs::Metadata| (about.dev(), about.ino()));
    number(one)
        .ok()
        .is_some_and(|one| number(other).is_ok_and(|other| one == other))
}
