//! The C library's heap while an application is loaded: in huge pages, and as the system has it where the address
//! space is limited.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::cgi::Answer;
use crate::harness::{folder, program, skip};

/// Says how long the heap is, in kB, and with which advice it is mapped.
const SHOWING: &str = "
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    length, advised, inside = 0, False, False
    for line in open('/proc/self/smaps'):
        name = line.split()[0]
        if not name.endswith(':'):
            inside = '[heap]' in line
        elif inside and name == 'Size:':
            length += int(line.split()[1])
        elif inside and name == 'VmFlags:':
            advised = advised or 'hg' in line.split()
    return [('%s %d' % (advised, length)).encode()]
";

/// Whether huge pages were asked for, and the length of the heap, where the shell sets this limit before.
fn shown(folder: &Path, limit: &str) -> (bool, usize) {
    let script = folder.join("app.py");
    fs::write(&script, SHOWING).expect("a script");
    let done = Command::new("sh")
        .args(["-c", "ulimit $1; exec \"$2\" \"$3\"", "sh", limit])
        .args([program(), &script])
        .env_clear()
        .env("GATEWAY_INTERFACE", "CGI/1.1")
        .env("REQUEST_METHOD", "GET")
        .stdin(Stdio::null())
        .output();
    let answer = Answer::parse(done.expect("sh").stdout);
    let text = answer.text();
    let (advised, length) = text.split_once(' ').expect("two words");
    (advised == "True", length.parse().expect("a number"))
}

#[test]
fn it_has_huge_pages_while_an_application_is_loaded() {
    if !Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        return skip("this kernel has no huge pages");
    }
    let folder = folder();
    let (is_advised, length) = shown(folder.path(), "-c 0");
    assert!(is_advised);
    assert!(length > 16 << 10, "{length}");
}

#[test]
fn it_is_left_alone_where_the_address_space_is_limited() {
    let folder = folder();
    for limit in ["-v 500000", "-d 500000"] {
        let (is_advised, length) = shown(folder.path(), limit);
        assert!(!is_advised, "{limit}");
        assert!(length < 8 << 10, "{limit}: {length}");
    }
}
