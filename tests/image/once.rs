//! A restored process that dies or fails has answered once, whatever it had done until then.

use std::os::unix::process::ExitStatusExt;

use super::Site;

/// Does what the query says, before its head, within its body or after it.
const DYING: &str = r"
import faulthandler, os, signal
faulthandler.disable()
for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL,
               signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
def application(environ, start_response):
    with open('calls', 'a') as calls: calls.write('.')
    place, number = environ['QUERY_STRING'].split('-')
    def die(now):
        if place == now: os.kill(os.getpid(), int(number))
    class Blocks:
        def __iter__(self):
            yield b'one'
            die('body')
            yield b'two'
        def close(self):
            die('close')
    die('start')
    start_response('200 OK', [])
    return Blocks()
";

#[test]
fn by_a_signal_with_its_default_action() {
    let site = Site::new(DYING);
    site.make();
    let mut calls = 0;
    for number in [
        libc::SIGABRT,
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGPIPE,
        libc::SIGXFSZ,
    ] {
        for (place, body) in [("start", ""), ("body", "one"), ("close", "onetwo")] {
            let query = format!("{place}-{number}");
            let (mut child, _folder) = site.request().variable("QUERY_STRING", &query).spawn();
            drop(child.stdin.take());
            let output = child.wait_with_output().expect("ended");
            // As a process that loaded the application itself: nobody is there to say more.
            let answer = String::from_utf8(output.stdout).expect("text");
            let head = if body.is_empty() {
                ""
            } else {
                "Status: 200 OK\r\n\r\n"
            };
            assert_eq!(answer, format!("{head}{body}"), "{query}");
            assert_eq!(output.status.signal(), Some(number), "{query}");
            let log = String::from_utf8(output.stderr).expect("text");
            assert!(log.is_empty(), "{query}: {log}");
            calls += 1;
            let called = std::fs::read(site.file("calls")).expect("a file").len();
            assert_eq!(called, calls, "{query}");
        }
    }
}
