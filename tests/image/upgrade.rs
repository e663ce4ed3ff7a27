//! The programs and the libraries that they are linked with are replaced, between two requests and
//! during one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use super::{Site, programs};
use crate::harness::cgi::Cgi;
use crate::harness::python;

/// Does what the query says between two blocks of its answer.
const WORKING: &str = r"
import os, shutil
def application(environ, start_response):
    start_response('200 OK', [])
    yield b'one '
    exec(environ['QUERY_STRING'])
    import json, decimal, xml.parsers.expat, zlib
    yield b'two'
";

/// As a package manager does it: under another name first.
fn replace(file: &Path, with: &Path) {
    let new = file.with_extension("next");
    let copied = Command::new("cp").arg(with).arg(&new).status();
    assert!(copied.expect("cp").success());
    std::fs::rename(new, file).expect("moved");
}

/// A request is cold for this reason, and after it others are restored.
#[track_caller]
fn is_seen(request: &dyn Fn() -> Cgi, reason: &str) {
    let answer = request()
        .logs("answered without an image: `")
        .logs(reason)
        .run();
    assert_eq!(answer.text(), "one two");
    super::eventually("another image", || {
        let answer = request().logs_anything().run();
        assert_eq!(answer.text(), "one two");
        answer.log.is_empty()
    });
}

#[test]
fn of_the_program() {
    let site = Site::new(WORKING);
    site.with_own_programs();
    let request = || site.request();
    site.settles("one two");
    let name = "_wsgi_cgi.abi3.so";
    let (program, original) = (site.file(name), programs().join(name));
    replace(&program, &original);
    is_seen(&request, "/_wsgi_cgi.abi3.so` has changed");
    let touched = std::fs::File::open(&program);
    let touched = touched.and_then(|file| file.set_modified(SystemTime::now()));
    touched.expect("a time set");
    is_seen(&request, "/_wsgi_cgi.abi3.so` has changed");
    for program in ["wsgi-cgi", "_wsgi_cgi.abi3.so"] {
        let code = format!("shutil.copy('{program}', 'new'), os.replace('new', '{program}')");
        let answer = request().variable("QUERY_STRING", code).run();
        assert_eq!(answer.text(), "one two");
        site.settles("one two");
    }
    let answer = request().variable("QUERY_STRING", "os.remove('wsgi-cgi')");
    assert_eq!(answer.run().text(), "one two");
}

/// A library that Python is linked with: all of it, where the program has only its beginning.
fn library() -> PathBuf {
    let list = Command::new("ldd").arg(python()).output();
    let list = String::from_utf8(list.expect("ldd").stdout).expect("text");
    let mut paths = list.lines().filter_map(|line| line.split(' ').nth(2));
    let python = paths.clone().find(|path| path.contains("/libpython"));
    let other = || paths.find(|path| path.contains("/libz.") || path.contains("/libm."));
    PathBuf::from(
        python
            .or_else(other)
            .expect("a library that it is linked with"),
    )
}

#[test]
fn of_a_library() {
    let original = library();
    let name = original
        .file_name()
        .expect("a name")
        .to_str()
        .expect("text");
    let site = Site::new(WORKING);
    let own = site.file("lib");
    std::fs::create_dir(&own).expect("a folder");
    let library = own.join(name);
    replace(&library, &original);
    let request = || site.request().variable("LD_LIBRARY_PATH", &own);
    let answer = request().logs("there is no image yet").run();
    assert_eq!(answer.text(), "one two");
    super::eventually("an image", || {
        request().logs_anything().run().log.is_empty()
    });
    replace(&library, &original);
    is_seen(&request, "has changed");
    let code = format!("shutil.copy('lib/{name}', 'new'), os.replace('new', 'lib/{name}')");
    let answer = request().variable("QUERY_STRING", code).run();
    assert_eq!(answer.text(), "one two");
    is_seen(&request, "has changed");
    // Gone, another one is found in its place.
    let code = format!("os.remove('lib/{name}')");
    let answer = request().variable("QUERY_STRING", code).run();
    assert_eq!(answer.text(), "one two");
    is_seen(&request, "has changed");
}
