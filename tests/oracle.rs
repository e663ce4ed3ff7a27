//! Side by side with the standard library's `CGIHandler`, byte for byte wherever that one is
//! right; and under `wsgiref.validate`, which finds fault with gateways as with applications.
//!
//! Every application directly in `tests/apps/` is well-behaved and takes part.

use std::path::PathBuf;

use crate::harness::cgi::Cgi;
use crate::harness::{folder, python};

/// Where the standard library does what it should not, and what the difference is.
const DIFFERENT: [(&str, &str); 2] = [
    (
        "empty.py",
        "a Content-Length of 0 is computed for an iterable that is not of length 1",
    ),
    (
        "environ.py",
        "only some values are latin-1, and CONTENT_LENGTH may be empty",
    ),
];

fn applications() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(crate::harness::app("")).expect("tests/apps");
    let files = folder.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|e| e == "py"))
        .collect();
    files.sort();
    assert!(files.len() >= 8, "{files:?}");
    files
}

fn requests(file: &std::path::Path) -> Vec<(&'static str, Cgi)> {
    let body = "name=value&other=1";
    vec![
        ("GET", Cgi::file(file).variable("HTTP_X_CONTENT", "")),
        (
            "HEAD",
            Cgi::file(file)
                .variable("HTTP_X_CONTENT", "")
                .method("HEAD"),
        ),
        (
            "POST",
            Cgi::file(file)
                .post(body)
                .variable("QUERY_STRING", "readline:5,read")
                .variable("HTTP_X_CONTENT", "6e616d653d76616c7565266f746865723d31")
                .variable("CONTENT_TYPE", "application/x-www-form-urlencoded"),
        ),
    ]
}

#[test]
fn the_answer_is_that_of_the_standard_library() {
    let place = folder();
    for file in applications() {
        let name = file
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if DIFFERENT.iter().any(|(different, _)| *different == name) {
            continue;
        }
        let script = place.path().join(&name);
        let module = file.file_stem().expect("a stem").to_string_lossy();
        let folder = file.parent().expect("a folder").display();
        std::fs::write(
            &script,
            format!(
                "import sys\nsys.dont_write_bytecode = True\nsys.path.insert(0, {:?})\n\
                 from wsgiref.handlers import CGIHandler\nfrom {module} import application\n\
                 CGIHandler().run(application)\n",
                folder.to_string()
            ),
        )
        .expect("a script");
        for ((method, ours), (_, theirs)) in requests(&file).into_iter().zip(requests(&script)) {
            // The standard library sends the content of a response to HEAD (RFC 3875, 4.3.3).
            let theirs = theirs.program(python()).logs_anything().run();
            let ours = ours.logs_anything().run();
            let head = |raw: &[u8]| {
                let end = raw.windows(4).position(|window| window == b"\r\n\r\n");
                String::from_utf8_lossy(&raw[..end.expect("a head")]).into_owned()
            };
            if method == "HEAD" {
                assert_eq!(head(&ours.raw), head(&theirs.raw), "{name} {method}");
            } else {
                let show = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
                assert!(
                    ours.raw == theirs.raw,
                    "{name} {method}:\n{}\nis not\n{}",
                    show(&ours.raw),
                    show(&theirs.raw)
                );
            }
        }
    }
}

#[test]
fn wsgiref_validate_finds_no_fault() {
    let place = folder();
    for file in applications() {
        let name = file
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let script = place.path().join(&name);
        let folder = file.parent().expect("a folder").display();
        let module = file.file_stem().expect("a stem").to_string_lossy();
        std::fs::write(
            &script,
            format!(
                "import sys, warnings\nsys.dont_write_bytecode = True\n\
                 sys.path.insert(0, {:?})\nwarnings.simplefilter('error')\n\
                 import importlib.util\nfrom wsgiref.validate import validator\n\
                 spec = importlib.util.spec_from_file_location('validated', {:?})\n\
                 {module} = importlib.util.module_from_spec(spec)\n\
                 spec.loader.exec_module({module})\n\
                 application = validator({module}.application)\n",
                folder.to_string(),
                file.display().to_string()
            ),
        )
        .expect("a script");
        // wsgiref.validate wants every read of the body to have a size.
        if name == "input.py" {
            continue;
        }
        for (method, request) in requests(&script) {
            // Strict as ever: an empty log.
            let answer = request.run();
            assert!(
                answer.status.starts_with(|c: char| "2345".contains(c)),
                "{name} {method}"
            );
        }
    }
}
