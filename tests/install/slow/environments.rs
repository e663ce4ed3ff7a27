//! By pip into a virtual environment, whose Python is then the one that answers.

use std::fs;

use super::{Venv, answers, is_a_module_of, wheel};
use crate::harness::cgi::Cgi;
use crate::harness::folder;

#[test]
fn both_parts_come_into_it() {
    let Some(wheel) = wheel() else { return };
    let folder = folder();
    let venv = Venv::new(folder.path().join("venv"), &[]);
    venv.install(wheel);
    answers(&venv.program(), &venv.0);
    is_a_module_of(&venv.python(), &[]);
}

#[test]
fn one_with_the_systems_packages() {
    let Some(wheel) = wheel() else { return };
    let folder = folder();
    let options = ["--system-site-packages"];
    let venv = Venv::new(folder.path().join("venv"), &options);
    venv.install(wheel);
    answers(&venv.program(), &venv.0);
    is_a_module_of(&venv.python(), &[]);
}

/// As a host's move of a home does: the script's first line is adapted, and nothing else.
#[test]
fn one_that_is_moved_with_its_folder() {
    let Some(wheel) = wheel() else { return };
    let folder = folder();
    let (before, after) = (folder.path().join("before"), folder.path().join("after"));
    fs::create_dir(&before).expect("a folder");
    let venv = Venv::new(before.join("venv"), &[]);
    venv.install(wheel);
    let script = super::script(&before, &venv.program());
    let answer = Cgi::bare().program(&script).run();
    assert_eq!(answer.text(), venv.0.display().to_string());
    fs::rename(&before, &after).expect("moved");
    let moved = Venv(after.join("venv"));
    let script = super::script(&after, &moved.program());
    let answer = Cgi::bare().program(&script).run();
    assert_eq!(answer.text(), moved.0.display().to_string());
    answers(&moved.program(), &moved.0);
    is_a_module_of(&moved.python(), &[]);
}
