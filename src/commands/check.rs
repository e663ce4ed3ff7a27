//! `wsgi-cgi check`: the part without Python, which is the list of rules and mistakes in the options. The
//! executor does all else.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Result, anyhow};

use super::become_python;
use crate::restoring::started::Started;
use checking::ignored::Ignored;
use checking::rules;
use exchange::json::quoted;
use process::report::Exit;
use settings::cli::{Check, ForPython};

/// Lists the rules, or becomes a Python that checks the application.
pub(super) fn run(started: &Started, typed: Box<Check>) -> Result<Exit> {
    if typed.told.rules {
        let text = if typed.told.json { json() } else { text() };
        std::io::stdout().write_all(text.as_bytes())?;
        return Ok(Exit::Success);
    }
    Ignored::parse(&typed.told.ignore).map_err(|why| anyhow!("--ignore: {why}"))?;
    become_python(started, &ForPython::Check(typed))
}

/// A line for each rule and one with its sentence.
fn text() -> String {
    let mut text = String::new();
    for rule in rules::TABLE {
        let severity = rule.severity.word();
        _ = writeln!(text, "{severity:<7}  {}  {}", rule.name, rule.section);
        _ = writeln!(text, "         {}", rule.sentence);
    }
    text
}

/// A list of objects.
fn json() -> String {
    let object = |rule: &&checking::Rule| {
        format!(
            "  {{\"rule\": {}, \"severity\": {}, \"section\": {}, \"sentence\": {}}}",
            quoted(rule.name),
            quoted(rule.severity.word()),
            quoted(rule.section),
            quoted(rule.sentence),
        )
    };
    let objects: Vec<String> = rules::TABLE.iter().map(object).collect();
    format!("[\n{}\n]\n", objects.join(",\n"))
}
