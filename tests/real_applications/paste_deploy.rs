//! `config:FILE.ini[#NAME]`, through PasteDeploy.

use super::{application, from_an_image};
use crate::harness::cgi::Cgi;
use crate::harness::{folder, launcher, packages};

/// A GET for a part of `site.ini`.
fn configured(part: &str) -> Option<Cgi> {
    let venv = packages::venv()?;
    let name = format!("config:{}{part}", application("site.ini").display());
    if launcher::is_wanted() && part != "#nowhere" {
        let text = format!("from paste.deploy import loadapp\napplication = loadapp({name:?})\n");
        return Some(from_an_image(&venv, &text));
    }
    Some(Cgi::bare().argument("--venv").argument(venv).argument(name))
}

#[test]
fn the_main_section_answers() {
    let Some(cgi) = configured("") else { return };
    let expected = format!("Hello from {}\n", application("").display()).replace("/\n", "\n");
    assert_eq!(cgi.run().text(), expected);
}

#[test]
fn a_composite_shifts_the_path() {
    let Some(cgi) = configured("") else { return };
    let answer = cgi.path("/static/greetings.py").run();
    assert_eq!(answer.text(), include_str!("../applications/greetings.py"));
}

#[test]
fn a_section_may_be_named() {
    let Some(cgi) = configured("#other") else {
        return;
    };
    assert_eq!(cgi.run().text(), "The other one\n");
}

#[test]
fn a_missing_section_is_reported() {
    let Some(cgi) = configured("#nowhere") else {
        return;
    };
    let answer = cgi
        .exits(1)
        .logs("'nowhere'")
        .logs("cannot be loaded")
        .run();
    assert_eq!(answer.status, "500 Internal Server Error");
    answer.error_id();
}

#[test]
fn paste_deploy_is_asked_for_where_it_is_missing() {
    let folder = folder();
    let file = folder.path().join("site.ini");
    std::fs::write(&file, "[app:main]\nuse = egg:Paste#test\n").expect("a file");
    let cgi = Cgi::bare().argument(format!("config:{}", file.display()));
    let answer = cgi
        .exits(1)
        .logs("No module named 'paste'")
        .logs("--venv")
        .run();
    answer.error_id();
}
