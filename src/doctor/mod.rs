//! `wsgi-cgi doctor`: will this work here, and if not, why? Each check is a file and adds its findings. No check
//! guesses: what cannot be seen from here is not reported. `page` is the same for users without a shell.

mod answer;
mod child;
mod finding;
mod first_line;
mod hosts;
mod htaccess;
mod imports;
mod limits;
mod page;
mod programs;
mod python;
mod requires_python;
mod script_file;
mod server;
mod server_users;
mod settings;
mod store;
mod suexec;

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::restoring::started::Started;
use ::settings::cli::Doctor;
use ::settings::python::Packages;
use exchange::MetaVariables;
use finding::Finding;
use first_line::Runs;
use process::program;
use process::report::Exit;

pub(crate) use page::{answer as answer_page, is_asked_for};

/// What is examined.
struct Case<'a> {
    /// The script, as an absolute path; `None` to examine only the machine.
    script: Option<&'a Path>,
    /// This program.
    program: PathBuf,
    /// The environment of this process: on a page, the server's.
    environment: &'a MetaVariables,
    /// Whether a server runs this as a page: then this process has the user and the limits of scripts.
    is_page: bool,
    /// When all checks have to be finished.
    until: Instant,
}

/// The most time that all checks may take on a terminal.
const LONGEST: Duration = Duration::from_secs(60);

/// Prints what was found; the exit status says whether something is wrong.
pub(crate) fn run(typed: &Doctor, started: &Started) -> Result<Exit> {
    let script = typed.script.as_deref().map(std::path::absolute);
    let script = script
        .transpose()
        .context("cannot determine the working directory")?;
    let environment = without_the_shells(&started.meta);
    let findings = examine(&Case {
        script: script.as_deref(),
        program: program::path(),
        environment: &environment,
        is_page: false,
        until: Instant::now() + LONGEST,
    });
    let shown = if typed.json {
        finding::json(&findings)
    } else {
        finding::text(&findings)
    };
    std::io::stdout().write_all(shown.as_bytes())?;
    Ok(if finding::is_any_wrong(&findings) {
        Exit::Failure
    } else {
        Exit::Success
    })
}

/// All checks, in the order in which a request depends on them.
fn examine(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    server::look(case, &mut findings);
    programs::look(case, &mut findings);
    let Some(script) = case.script else {
        python::look(case, None, None, &mut findings);
        limits::look(false, &mut findings);
        return findings;
    };
    suexec::look(script, case, &mut findings);
    if !script_file::look(script, case, &mut findings) {
        return findings;
    }
    htaccess::look(script, case, &mut findings);
    let (config, python) = match first_line::look(script, case, &mut findings) {
        Runs::Other => (None, None),
        Runs::Python(python) => {
            let python = Packages::Own {
                python,
                looked_in: Vec::new(),
            };
            (None, python::look(case, None, Some(python), &mut findings))
        }
        Runs::Us(options) => {
            let (config, origins) = settings::look(script, options, case, &mut findings);
            store::look(case, &config, &origins, &mut findings);
            let set = Some((&config, &origins));
            let python = python::look(case, set, None, &mut findings);
            (Some(config), python)
        }
    };
    let is_known = python.is_some() || config.is_some();
    let is_good = answer::look(script, is_known, case, &mut findings);
    if is_good != Some(true) && is_known {
        imports::look(
            script,
            python.as_ref(),
            config.as_ref(),
            case,
            &mut findings,
        );
    }
    limits::look(is_good == Some(true), &mut findings);
    findings
}

/// Whether its owner may run a file.
fn is_executable(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|about| about.mode() & 0o100 != 0)
}

/// Drops the variables that a shell has and a server does not.
fn without_the_shells(environment: &MetaVariables) -> MetaVariables {
    let is_shells = |name: &[u8]| name == b"VIRTUAL_ENV" || name.starts_with(b"PYTHON");
    let kept = environment.iter().filter(|(name, _)| !is_shells(name));
    MetaVariables::from_pairs(kept.map(|(name, value)| (name.to_vec(), value.to_vec())))
}

/// The beginning of a file, text or not.
fn beginning(file: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    let opened = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(file);
    _ = opened.map(|file| file.take(BEGINNING).read_to_end(&mut text));
    text
}

/// Bytes of a beginning: more than a first line has.
const BEGINNING: u64 = 4096;

/// A path for a shell: in quotes where it needs them.
fn typed(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+@%,:=".contains(letter);
    if text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
