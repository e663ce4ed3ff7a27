//! Where little is allowed: a cold answer, or an image where it can be had.

use std::process::Command;

use super::{HELLO, Site, programs};
use crate::harness::skip;

/// A shell's command in a place without `/proc`; none where that cannot be had.
fn without_proc(site: &Site, command: &str) -> Option<super::Cgi> {
    let hidden = "umount -l /proc && test ! -e /proc/self";
    let may = Command::new("unshare")
        .args(["-m", "sh", "-c", hidden])
        .status();
    if !may.is_ok_and(|may| may.success()) {
        skip("only who may unmount can be without /proc");
        return None;
    }
    let command = format!("{hidden} && {command}");
    let request = site.request().program("unshare");
    Some(request.arguments(&["-m", "sh", "-c", &command]))
}

#[test]
fn without_proc_a_request_is_cold() {
    let site = Site::new(HELLO);
    // Not what a script's folder has by that name.
    let trap = site.file("wsgi-cgi");
    std::fs::write(&trap, "#!/bin/sh\necho; echo trapped\n").expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&trap, mode).expect("a mode");
    for make in [false, true] {
        if make {
            site.make();
        }
        let started = [
            "exec ./app.cgi".to_owned(),
            format!("exec {}/wsgi-cgi --image ./app.cgi", programs().display()),
            format!("exec {}/wsgi-cgi ./app.cgi", programs().display()),
        ];
        for command in started {
            let Some(request) = without_proc(&site, &command) else {
                return;
            };
            assert_eq!(request.logs_anything().run().text(), "cold", "{command}");
        }
    }
}

#[test]
fn where_no_executor_is_found_the_answer_says_so() {
    let site = Site::new(HELLO);
    site.with_own_programs();
    std::fs::remove_file(site.file("_wsgi_cgi.abi3.so")).expect("removed");
    let request = site
        .request()
        .logs("cannot find `_wsgi_cgi.abi3.so`, the library (executor) that `");
    let answer = request
        .logs("install the program and the executor again")
        .exits(1)
        .run();
    assert_eq!(answer.status, "500 Internal Server Error");
    let length = answer.body.len().to_string();
    assert_eq!(answer.header("Content-Length"), [length]);
}

#[test]
fn few_descriptors_little_memory_and_few_processes() {
    let site = Site::new(HELLO);
    let make = format!(
        "env -i WSGI_CGI_CACHE_DIR=\"$WSGI_CGI_CACHE_DIR\" '{}/wsgi-cgi' image make app.cgi 2>made",
        programs().display()
    );
    for limit in ["-n 32", "-v 1000000", "-v 400000", "-v 100000", "-s 1024"] {
        assert!(site.command(&["drop"]).status.success());
        let request = site.shell(&format!("ulimit {limit} && {make}; exec ./app.cgi"));
        let answer = request.logs_anything().run();
        let reason = std::fs::read_to_string(site.file("made")).expect("a log");
        let is_made = !site.kept("image").is_empty();
        assert_eq!(is_made, reason.is_empty(), "{limit}: {reason}");
        let way = if answer.log.is_empty() {
            "restored"
        } else {
            "cold"
        };
        assert_eq!(answer.text(), way, "{limit}: {}", answer.log);
    }
}

/// Becomes its arguments under a filter that ends who makes one of the newer calls: pidfd_open,
/// clone3, close_range, process_madvise and what came since; and madvise with what is new to it.
pub(crate) const FILTER: &str = r"
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
def statement(code, k, true=0, false=0): return struct.pack('HBBI', code, true, false, k)
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
KILL, ALLOW, NOT_THERE = 0x80000000, 0x7fff0000, 0x50000 | 38
program = b''.join([
    statement(LOAD, 0),
    statement(EQUAL, 435, 0, 1), statement(RETURN, NOT_THERE),
    statement(AT_LEAST, 425, 0, 1), statement(RETURN, KILL),
    statement(EQUAL, 28, 0, 3), statement(LOAD, 32),
    statement(AT_LEAST, 22, 0, 1), statement(RETURN, KILL),
    statement(RETURN, ALLOW),
])
buffer = ctypes.create_string_buffer(program)
class Program(ctypes.Structure): _fields_ = [('length', ctypes.c_ushort), ('filter', ctypes.c_void_p)]
libc.prctl(38, 1, 0, 0, 0)
if libc.prctl(22, 2, ctypes.byref(Program(len(program) // 8, ctypes.addressof(buffer)))) != 0: sys.exit(9)
os.execv(sys.argv[1], sys.argv[1:])
";

#[test]
fn under_a_seccomp_filter_that_kills_on_newer_calls() {
    if !cfg!(target_arch = "x86_64") {
        skip("the filter is for x86-64");
        return;
    }
    let site = Site::new(HELLO);
    let request = || {
        let request = site.request().program("/usr/bin/python3");
        request.arguments(&["-c", FILTER]).argument(site.script())
    };
    assert_eq!(
        request().logs("answered without an image").run().text(),
        "cold"
    );
    let text = |request: super::Cgi| request.logs_anything().run().text().to_owned();
    // One that the request has made under the filter, or one that was made before.
    super::eventually("an attempt", || !site.kept("tries").is_empty());
    site.make();
    assert!(["cold", "restored"].contains(&text(request()).as_str()));
}
