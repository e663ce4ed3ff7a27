//! The client does not wait for what the application does after its answer, and the server does
//! not interrupt it: Apache and busybox send SIGTERM as soon as they have read the whole response.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::cgi::{Cgi, exit_code};
use crate::harness::{folder, program};

/// Answers, and then sees what comes while it cleans up.
const APPLICATION: &str = "
import atexit, os, time

def tidy():
    time.sleep(float(os.environ['TIDY']))
    open('tidied', 'w').close()

atexit.register(tidy)

def application(environ, start_response):
    start_response('200 OK', [])
    return [b'content']
";

/// Stops the program once its response has ended: the exit status, the log, and whether it tidied.
fn stopped(seconds: &str) -> (i32, String, bool) {
    let cgi = Cgi::source(APPLICATION).variable("TIDY", seconds);
    let (mut child, folder) = cgi.spawn();
    drop(child.stdin.take());
    let mut response = Vec::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_end(&mut response)
        .expect("a response");
    assert!(response.ends_with(b"content"));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("sent");
    let mut log = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut log)
        .expect("a log");
    let exit = exit_code(child.wait().expect("an exit status"));
    let tidied = folder.expect("the script's").path().join("tidied").exists();
    (exit, log, tidied)
}

#[test]
fn sigterm_after_the_answer_interrupts_nothing_and_is_not_logged() {
    assert_eq!(stopped("0.2"), (0, String::new(), true));
}

#[test]
fn work_that_takes_too_long_is_ended_and_logged() {
    let (exit, log, tidied) = stopped("60");
    assert_eq!((exit, tidied), (143, false));
    assert!(log.contains("did not stop within 2 seconds"), "{log}");
}

/// lighttpd sends SIGTERM once it has as much as the head announces.
#[test]
fn a_complete_answer_followed_by_sigterm_is_not_an_error() {
    let whole = [
        // A block with the head, and one that comes later.
        (
            "[('Content-Length', '5')])\n    return Slow([b'hello'])",
            "GET",
        ),
        (
            "[('Content-Length', '5')])\n    return Slow([b'he', b'llo', b'!'])",
            "GET",
        ),
        ("[])\n    return Slow([b'hello'])", "GET"),
        (
            "[('Content-Length', '5')])(b'hello')\n    return Slow([])",
            "GET",
        ),
        // Files, small and large.
        (
            "[('Content-Length', '9')])\n    return a_file(9, environ)",
            "GET",
        ),
        (
            "[('Content-Length', '300000')])\n    return a_file(300000, environ)",
            "GET",
        ),
        // Nothing but a head.
        (
            "[('Content-Length', '5')])\n    return Slow([b'hello'])",
            "HEAD",
        ),
    ];
    for (rest, method) in whole {
        let cgi = Cgi::source(&format!(
            "import time
class Slow(list):
    def close(self):
        time.sleep(0.5)

def a_file(size, environ):
    import tempfile
    file = tempfile.TemporaryFile()
    file.write(b'x' * size)
    file.seek(0)
    return environ['wsgi.file_wrapper'](file)

def application(environ, start_response):
    start_response('200 OK', {rest}
"
        ));
        let (mut child, _folder) = cgi.method(method).spawn();
        drop(child.stdin.take());
        let mut stdout = child.stdout.take().expect("piped");
        let (mut answer, mut block) = (Vec::new(), vec![0; 4096]);
        while !is_whole(&answer, method) {
            let read = stdout.read(&mut block).expect("readable");
            assert!(read > 0, "{rest}: {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&block[..read]);
        }
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("sent");
        let mut log = String::new();
        let mut stderr = child.stderr.take().expect("piped");
        stderr.read_to_string(&mut log).expect("a log");
        let exit = exit_code(child.wait().expect("ended"));
        assert_eq!((exit, log.as_str()), (0, ""), "{rest}");
    }
}

/// Whether the head's Content-Length is reached.
fn is_whole(answer: &[u8], method: &str) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, content)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.split("Content-Length: ").nth(1).expect("a length");
    let length: usize = length
        .split('\r')
        .next()
        .unwrap_or(length)
        .parse()
        .expect("a number");
    method == "HEAD" || content.len() >= length
}

/// Apache's mod_cgid gives a script one socket for both.
#[test]
fn the_response_ends_although_input_is_the_same_socket() {
    let folder = folder();
    let script = folder.path().join("app.py");
    std::fs::write(&script, APPLICATION).expect("a script");
    let (mut server, ours) = UnixStream::pair().expect("a socket");
    let stdio = || Stdio::from(OwnedFd::from(ours.try_clone().expect("another")));
    let mut command = Command::new(program());
    command.arg(&script).env_clear().current_dir(folder.path());
    command.env("REQUEST_METHOD", "GET").env("TIDY", "60");
    let mut child = command
        .stdin(stdio())
        .stdout(stdio())
        .spawn()
        .expect("the program");
    drop((command, ours));

    server
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("set");
    let mut response = Vec::new();
    let ended = server.read_to_end(&mut response);
    child.kill().expect("ended");
    child.wait().expect("an exit status");
    ended.expect("the end comes before the application has tidied up");
    assert!(response.ends_with(b"content"));
}
