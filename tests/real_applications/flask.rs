//! Flask: routes, forms, sessions, redirects, errors.

use std::path::Path;

use super::visitor::Visitor;
use super::{alike, ours};
use crate::harness::cgi::Cgi;
use crate::harness::packages;

const FILE: &str = "flask_site.py";

fn site(venv: &Path) -> Visitor<'_> {
    Visitor::new(move || ours(venv, FILE, "app"))
}

#[test]
fn answers_as_under_the_standard_library() {
    let Some(venv) = packages::venv() else { return };
    let requests: [&dyn Fn(Cgi) -> Cgi; 9] = [
        &|cgi| cgi,
        &|cgi| cgi.method("HEAD"),
        &|cgi| cgi.method("OPTIONS"),
        &|cgi| {
            cgi.path("/items/7/a b/%2F/Zoë")
                .variable("QUERY_STRING", "q=1&q=%C3%AB&r=")
        },
        &|cgi| cgi.path("/login"),
        &|cgi| cgi.path("/nowhere"),
        &|cgi| cgi.path("/forbidden"),
        &|cgi| {
            cgi.path("/address")
                .variable("HTTPS", "on")
                .variable("SERVER_PORT", "443")
        },
        &|cgi| cgi.path("/login").method("DELETE"),
    ];
    for request in requests {
        alike(&venv, FILE, "app", request);
    }
    let answer = alike(&venv, FILE, "app", |cgi| cgi.path("/items/7/Zoë"));
    assert_eq!(
        answer.text(),
        "{\"arguments\":{},\"number\":7,\"rest\":\"Zo\\u00eb\"}\n"
    );
}

#[test]
fn a_session_is_kept_in_a_cookie() {
    let Some(venv) = packages::venv() else { return };
    let mut visitor = site(&venv);
    assert_eq!(visitor.get("/").text(), "Hello, stranger. ");
    let page = visitor.get("/login");
    assert!(
        page.text().contains("action=\"/app/login\""),
        "{}",
        page.text()
    );
    let answer = visitor.post("/login", &[("name", "Zoë & Ada")]);
    assert_eq!(answer.status, "303 SEE OTHER");
    assert_eq!(visitor.follow(&answer).text(), "Hello, Zoë & Ada. Welcome!");
    assert_eq!(visitor.get("/").text(), "Hello, Zoë & Ada. ");
    let answer = visitor.get("/logout");
    assert_eq!(visitor.follow(&answer).text(), "Hello, stranger. ");
    assert!(visitor.cookies.is_empty(), "{:?}", visitor.cookies);
}

#[test]
fn a_file_is_uploaded() {
    let Some(venv) = packages::venv() else { return };
    let mut body = b"--line\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nmine\r\n\
        --line\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n"
        .to_vec();
    body.extend_from_slice(&vec![0xff; 1_000_000]);
    body.extend_from_slice(b"\r\n--line--\r\n");
    let answer = alike(&venv, FILE, "app", |cgi| {
        let cgi = cgi
            .path("/upload")
            .variable("CONTENT_TYPE", "multipart/form-data; boundary=line");
        cgi.post(body.clone())
    });
    assert_eq!(
        answer.text(),
        "{\"name\":\"a.bin\",\"note\":\"mine\",\"size\":1000000}\n"
    );
}

#[test]
fn a_download_comes_whole() {
    let Some(venv) = packages::venv() else { return };
    let answer = site(&venv).get("/download");
    assert_eq!(answer.header("Content-Type"), ["application/octet-stream"]);
    assert_eq!(answer.body, (0..=255).collect::<Vec<u8>>().repeat(1000));
}

#[test]
fn an_error_is_flasks_own_page_and_in_the_log() {
    let Some(venv) = packages::venv() else { return };
    let broken = site(&venv)
        .request("/broken")
        .logs("RuntimeError: broken on purpose");
    let answer = broken.logs("Exception on /broken [GET]").run();
    assert_eq!(answer.status, "500 INTERNAL SERVER ERROR");
    assert!(!answer.text().contains("on purpose"));
}
