//! By what people have in pip's place.

use std::path::Path;
use std::process::Command;

use super::{Venv, answers, is_a_module_of, wheel};
use crate::harness::{folder, python, skip};

/// A tool from where pip finds packages, in an environment of its own; none where it is not there.
fn tool(folder: &Path, name: &str) -> Option<Venv> {
    let venv = Venv::new(folder.join(format!("of-{name}")), &[]);
    if !venv.pip(&["install", "-q", name]).status.success() {
        skip(&format!("{name} cannot be fetched"));
        return None;
    }
    Some(venv)
}

/// Runs it with a home in that folder. What it fetches by itself comes from where pip finds packages.
#[track_caller]
fn run(venv: &Venv, name: &str, words: &[&str], home: &Path) {
    let output = Command::new(venv.0.join("bin").join(name))
        .args(words)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home)
        .envs(std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PIP_")))
        .envs([
            ("UV_OFFLINE", "1"),
            ("UV_NO_CONFIG", "1"),
            ("UV_PYTHON_DOWNLOADS", "never"),
        ])
        .output()
        .expect("the tool");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn by_uv() {
    let Some(wheel) = wheel() else { return };
    let folder = folder();
    let Some(uv) = tool(folder.path(), "uv") else {
        return;
    };
    let uv = |words: &[&str]| run(&uv, "uv", words, folder.path());
    let wheel = wheel.display().to_string();
    // Into an environment.
    let venv = Venv(folder.path().join("venv"));
    let root = venv.0.display().to_string();
    uv(&["venv", "-q", "--python", python(), &root]);
    uv(&["pip", "install", "-q", "--python", &root, &wheel]);
    answers(&venv.program(), &venv.0);
    is_a_module_of(&venv.python(), &[]);
    // As a tool: what is in ~/.local/bin is a link.
    uv(&["tool", "install", "-q", "--python", python(), &wheel]);
    let own = folder.path().join(".local/share/uv/tools/wsgi-cgi");
    answers(&folder.path().join(".local/bin/wsgi-cgi"), &own);
    is_a_module_of(&own.join("bin/python3"), &[]);
}

#[test]
fn by_pipx() {
    let Some(wheel) = wheel() else { return };
    let folder = folder();
    let Some(pipx) = tool(folder.path(), "pipx") else {
        return;
    };
    let wheel = wheel.display().to_string();
    let words = ["install", "--python", python(), &wheel];
    run(&pipx, "pipx", &words, folder.path());
    let venvs = [".local/share/pipx/venvs", ".local/pipx/venvs"];
    let venvs = venvs.map(|place| folder.path().join(place).join("wsgi-cgi"));
    let own = venvs
        .into_iter()
        .find(|place| place.exists())
        .expect("an environment");
    answers(&folder.path().join(".local/bin/wsgi-cgi"), &own);
    is_a_module_of(&own.join("bin/python3"), &[]);
}
