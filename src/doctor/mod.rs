//! `wsgi-cgi doctor`: will this work here, and if not, why? Each check is a file and adds what it found; none
//! guesses: what cannot be seen from here is not said. On a terminal this is the whole; `page` is the same for
//! those who have no shell.

mod answer;
mod finding;
mod first_line;
mod imports;
mod limits;
mod page;
mod programs;
mod python;
mod script_file;
mod server;
mod settings;
mod store;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::restoring::started::Started;
use ::settings::cli::Doctor;
use exchange::MetaVariables;
use finding::Finding;
use process::program;
use process::report::Exit;

pub(crate) use page::{answer as answer_page, is_asked_for};

/// What is looked at.
struct Case<'a> {
    /// The script, as an absolute path; without one it is the machine alone.
    script: Option<&'a Path>,
    /// This program.
    program: PathBuf,
    /// The environment of this process: a server's where it is a page.
    environment: &'a MetaVariables,
    /// Whether a server asks, for whose user everything is seen as it will be.
    is_page: bool,
}

/// Prints what was found; the exit status says whether something is wrong.
pub(crate) fn run(typed: &Doctor, started: &Started) -> Result<Exit> {
    let script = typed.script.as_deref().map(std::path::absolute);
    let script = script.transpose()?;
    let findings = examine(&Case {
        script: script.as_deref(),
        program: program::path(),
        environment: &started.meta,
        is_page: false,
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

/// All checks, in the order in which a request meets what they are about.
fn examine(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    server::look(case, &mut findings);
    programs::look(case, &mut findings);
    let mut config = None;
    if let Some(script) = case.script {
        if !script_file::look(script, case, &mut findings) {
            return findings;
        }
        let options = first_line::look(script, case, &mut findings);
        let options = options.unwrap_or_else(|| Ok(Vec::new()));
        config = Some(settings::look(script, options, case, &mut findings));
    }
    let python = python::look(case, config.as_ref(), &mut findings);
    if let (Some(config), Some(script)) = (&config, case.script) {
        imports::look(script, python.as_ref(), config, &mut findings);
    }
    store::look(case, config.as_ref(), &mut findings);
    limits::look(&mut findings);
    if let Some(script) = case.script {
        answer::look(script, case, &mut findings);
    }
    findings
}

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
