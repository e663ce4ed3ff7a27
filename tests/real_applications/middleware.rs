//! Middleware from PyPI around an application: Paste's lint checks us as strictly as the
//! application, its gzip replaces the head, WebOb copies and rewrites it.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{alike, ours};
use crate::harness::cgi::Cgi;
use crate::harness::packages;

const FILE: &str = "middleware.py";

#[test]
fn webob_and_lint_answer_as_under_the_standard_library() {
    let Some(venv) = packages::venv() else { return };
    let requests: [&dyn Fn(Cgi) -> Cgi; 3] = [
        &|cgi| cgi,
        &|cgi| cgi.variable("HTTP_IF_NONE_MATCH", "*"),
        &|cgi| {
            let cgi = cgi.variable("CONTENT_TYPE", "application/x-www-form-urlencoded");
            cgi.post("b=2&a=Zo%C3%AB")
        },
    ];
    for name in ["webob", "around_webob", "lint"] {
        for request in requests {
            let answer = alike(&venv, FILE, name, request);
            assert_eq!(
                answer.header("X-Stamped").len(),
                usize::from(name == "around_webob")
            );
        }
    }
}

#[test]
fn gzip_packs_what_is_inside() {
    let Some(venv) = packages::venv() else { return };
    let plain = ours(&venv, FILE, "webob").run();
    for name in ["gzip", "all_of_them"] {
        let packed = ours(&venv, FILE, name)
            .variable("HTTP_ACCEPT_ENCODING", "gzip")
            .run();
        assert_eq!(packed.status, "200 OK");
        assert_eq!(packed.header("Content-Encoding"), ["gzip"]);
        assert_eq!(
            packed.header("Content-Length"),
            [packed.body.len().to_string()]
        );
        assert_eq!(packed.header("Set-Cookie"), ["seen=yes; Path=/"]);
        assert!(packed.body.len() < plain.body.len() / 2);
        assert_eq!(unpacked(&packed.body), plain.body);
    }
}

fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .arg("-d")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip");
    gzip.stdin
        .take()
        .expect("piped")
        .write_all(packed)
        .expect("written");
    gzip.wait_with_output().expect("unpacked").stdout
}
