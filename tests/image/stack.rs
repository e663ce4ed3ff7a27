//! A restored process has as much room on its stack as its own limit gives it, whatever the limit of
//! the process was that made the image.

use super::Site;
use crate::harness::skip;

/// The C library parses parentheses by calling itself, some frames and 700 bytes for each.
const DEEP: &str = "\
import ctypes, os, threading
loaded_by = os.getpid()
libc = ctypes.CDLL(None)
def deep(levels):
    expression = b'(' * levels + b'a' + b')' * levels
    compiled = ctypes.create_string_buffer(256)
    return libc.regcomp(compiled, expression, 1 | 8)
def in_a_thread(levels):
    threading.stack_size(128 << 20)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(deep(levels)))
    thread.start()
    thread.join()
    return seen[0]
def application(environ, start_response):
    start_response('200 OK', [])
    return [repr((loaded_by != os.getpid(), eval(environ['QUERY_STRING']))).encode()]
";

/// A GET by a process with that limit, in kilobytes; None where this one may not set it.
fn limited(site: &Site, limit: &str, expression: &str) -> Option<String> {
    let may_be = std::process::Command::new("sh")
        .args(["-c", &format!("ulimit -s {limit}")])
        .status();
    if !may_be.expect("sh").success() {
        skip(&format!("the limit of the stack cannot be {limit} kB"));
        return None;
    }
    let command = format!("ulimit -s {limit} && exec {}", site.script().display());
    let request = site.request().program("/bin/sh");
    let request = request.arguments(&["-c", &command]);
    let answer = request.variable("QUERY_STRING", expression).run();
    Some(answer.text().to_owned())
}

#[test]
fn c_code_that_calls_itself_a_hundred_thousand_times() {
    let site = Site::new(DEEP);
    site.make();
    for limit in ["131072", "262144"] {
        if let Some(answer) = limited(&site, limit, "deep(100000)") {
            assert_eq!(answer, "(True, 0)", "{limit}");
        }
    }
    if let Some(answer) = limited(&site, "8192", "deep(8000)") {
        assert_eq!(answer, "(True, 0)");
    }
}

#[test]
fn the_same_in_a_thread_that_asks_for_the_room() {
    let site = Site::new(DEEP);
    site.make();
    if let Some(answer) = limited(&site, "8192", "in_a_thread(100000)") {
        assert_eq!(answer, "(True, 0)");
    }
}
