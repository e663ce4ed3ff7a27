//! Applications from PyPI as their users know them: Flask, Django with its admin, Trac, and
//! middleware in between. Every request is a process of its own, so what lasts is in cookies, on
//! disk or nowhere.

mod django;
mod flask;
mod middleware;
mod paste_deploy;
mod trac;
mod visitor;

use std::path::{Path, PathBuf};

use crate::harness::cgi::{Answer, Cgi};
use crate::harness::launcher;

/// A file in `tests/applications/`.
fn application(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/applications")
        .join(name)
}

/// A GET for the application of that name in that file.
fn ours(venv: &Path, file: &str, name: &str) -> Cgi {
    if launcher::is_wanted() {
        let module = file.trim_end_matches(".py").replace('/', ".");
        return from_an_image(
            venv,
            &format!("from {module} import {name} as application\n"),
        );
    }
    let file = application(file);
    let named = format!("{}:{name}", file.display());
    let cgi = Cgi::bare()
        .argument("--venv")
        .argument(venv)
        .argument(named);
    cgi.variable("SCRIPT_FILENAME", file)
}

/// A GET for a script of that text, which an image answers: only a script has one.
fn from_an_image(venv: &Path, text: &str) -> Cgi {
    // Another application has another name, so that the image of the first stays.
    let name: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let script = launcher::images().with_file_name(name + ".py");
    if !script.exists() {
        std::fs::write(&script, text).expect("a script written");
    }
    let cgi = Cgi::file(&script).option("--venv").option(venv);
    let cgi = cgi.option("--python-path").option(application(""));
    cgi.by_an_image()
}

/// The same for the standard library's CGIHandler.
fn standard(venv: &Path, file: &str, name: &str) -> Cgi {
    let file = application(file);
    let cgi = Cgi::bare()
        .program(venv.join("bin/python3"))
        .argument(application("standard.py"));
    cgi.argument(&file)
        .argument(name)
        .variable("SCRIPT_FILENAME", file)
}

/// Sends one request to both, and checks that they answer alike, byte for byte.
#[track_caller]
fn alike(venv: &Path, file: &str, name: &str, request: impl Fn(Cgi) -> Cgi) -> Answer {
    // The order of a set, in which some headers list things, is the same in both.
    let request = |cgi: Cgi| request(cgi.variable("PYTHONHASHSEED", "0")).run();
    let answer = request(ours(venv, file, name));
    let expected = request(standard(venv, file, name));
    assert_eq!(
        answer.raw.escape_ascii().to_string(),
        expected.raw.escape_ascii().to_string()
    );
    answer
}

/// Percent-encodes the fields of a form.
fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => char::from(byte).into(),
            b' ' => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        });
        bytes.collect()
    };
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}
