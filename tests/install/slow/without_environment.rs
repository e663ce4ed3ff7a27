//! By pip for one user, or into a folder: the Python of the system answers.

use std::process::Command;

use super::{Venv, answers, is_a_module_of, own_prefix, wheel};
use crate::harness::{folder, python, python_version};

/// Runs pip with the system's Python, which may have none of its own.
#[track_caller]
fn pip(venv: &Venv, words: &[&str], home: &std::path::Path) {
    let packages = format!("lib/python{}/site-packages", python_version());
    let output = Command::new(python())
        .args(["-m", "pip", "--disable-pip-version-check", "install", "-q"])
        .args(["--no-index", "--no-warn-script-location"])
        .args(words)
        .env_clear()
        .env("HOME", home)
        .env("PYTHONPATH", venv.0.join(packages))
        // Debian means its own packages by what it asks; older ones ask for nothing.
        .env("PIP_BREAK_SYSTEM_PACKAGES", "1")
        .output()
        .expect("pip");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn for_one_user() {
    let (Some(wheel), Some(builder)) = (wheel(), super::builder()) else {
        return;
    };
    let home = folder();
    pip(
        builder,
        &["--user", &wheel.display().to_string()],
        home.path(),
    );
    answers(&home.path().join(".local/bin/wsgi-cgi"), &own_prefix());
    is_a_module_of(python().as_ref(), &[("HOME", home.path())]);
}

#[test]
fn into_a_folder() {
    let (Some(wheel), Some(builder)) = (wheel(), super::builder()) else {
        return;
    };
    let home = folder();
    let target = home.path().join("packages");
    let wheel = wheel.display().to_string();
    pip(
        builder,
        &["--target", &target.display().to_string(), &wheel],
        home.path(),
    );
    answers(&target.join("bin/wsgi-cgi"), &own_prefix());
    is_a_module_of(python().as_ref(), &[("PYTHONPATH", &target)]);
}
