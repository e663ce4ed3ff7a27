//! Small applications with one planted fault each, beside the same without it: one for each rule. The bodies
//! are those of `application(environ, start_response)`.

mod answering;
mod around;
mod calling;
mod starting;

use std::path::Path;
use std::process::Command;

use super::names_of;
use crate::harness::by_hand::ByHand;
use crate::harness::folder;
use answering::ANSWERING;
use around::AROUND;
use calling::CALLING;
use starting::STARTING;

/// A rule, what breaks it, and what does not.
pub(super) struct Planted {
    pub(super) rule: &'static str,
    pub(super) wrong: &'static str,
    pub(super) right: &'static str,
}

/// What stands before each body.
pub(super) const BEFORE: &str = "\
import ctypes, io, locale, os, signal, subprocess, sys, threading, time
TEXT = [('Content-Type', 'text/plain')]
def length(text): return TEXT + [('Content-Length', str(len(text)))]
def of_head(environ, text): return [] if environ['REQUEST_METHOD'] == 'HEAD' else [text]
";

const HELLO: &str = "start_response('200 OK', TEXT)\nreturn of_head(environ, b'hello')";

const fn planted(rule: &'static str, wrong: &'static str, right: &'static str) -> Planted {
    Planted { rule, wrong, right }
}

/// A source whose functions are its own, not a body.
fn source(body: &str) -> String {
    if body.contains("application") {
        return format!("{BEFORE}{body}\n");
    }
    let body = body.replace('\n', "\n    ");
    format!("{BEFORE}def application(environ, start_response):\n    {body}\n")
}

impl Planted {
    /// The application with its fault.
    pub(super) fn wrong(&self) -> String {
        source(self.wrong)
    }

    /// The one without.
    pub(super) fn right(&self) -> String {
        source(self.right)
    }
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Planted> {
    let parts: [&[Planted]; 4] = [&CALLING, &STARTING, &ANSWERING, &AROUND];
    parts.into_iter().flatten()
}

/// Each planted fault is found, and named as what it is; without it nothing is.
#[track_caller]
fn are_found(planted: &[Planted]) {
    let mut missed = Vec::new();
    for one in planted {
        let checked = |text: &str| {
            let printed =
                ByHand::command(&["check", "--json", "--safe", "--timeout", "2", "app.py"])
                    .file("app.py", text)
                    .logs_anything()
                    .exits_anyhow()
                    .run();
            names_of(&printed.stdout)
        };
        let wrong = checked(&one.wrong());
        if !wrong.iter().any(|(rule, ..)| rule == one.rule) {
            missed.push(format!("{} is not in {wrong:?}", one.rule));
        }
        let right: Vec<_> = checked(&one.right())
            .into_iter()
            .filter(|(rule, severity, _)| severity != "note" || rule == one.rule)
            .collect();
        if !right.is_empty() {
            missed.push(format!("without {}: {right:?}", one.rule));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// A planted fault for each rule, but for what no application can be given: one that is no callable is not
/// loaded, and a gateway that differs is a fault of ours.
#[test]
fn each_rule_has_a_planted_fault() {
    let rules = ByHand::command(&["check", "--rules"]).prints();
    let mut rules: Vec<&str> = rules
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().nth(1))
        .filter(|rule| !["not-callable", "gateway-differs"].contains(rule))
        .collect();
    let mut planted: Vec<&str> = all().map(|one| one.rule).collect();
    rules.sort_unstable();
    planted.sort_unstable();
    assert_eq!(planted, rules);
}

/// How many `wsgiref.validate` finds something in; docs/check.md says the number.
#[test]
fn the_standard_library_finds_as_many_as_said() {
    const DOCUMENT: &str = include_str!("../../docs/check.md");
    let place = folder();
    for one in all() {
        let file = place.path().join(one.rule).with_extension("py");
        std::fs::write(file, one.wrong()).expect("written");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/validated.py");
    let done = Command::new("/usr/bin/python3")
        .arg(script)
        .arg(place.path())
        .output()
        .expect("started");
    let found = String::from_utf8(done.stdout).expect("text");
    let said = format!(
        "of {} applications with one planted fault each, `wsgiref.validate` finds {}",
        all().count(),
        found.lines().count()
    );
    let document = DOCUMENT.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(document.contains(&said), "{said}: {found}");
}

#[test]
fn faults_of_calling_are_found() {
    are_found(&CALLING);
}

#[test]
fn faults_of_starting_are_found() {
    are_found(&STARTING);
}

#[test]
fn faults_of_answering_are_found() {
    are_found(&ANSWERING);
}

#[test]
fn faults_in_the_environment_are_found() {
    are_found(&AROUND);
}
