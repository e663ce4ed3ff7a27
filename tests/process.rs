//! The process as the system sees it: private pipes, what is printed, children, signals, time.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::cgi::{Answer, Cgi, exit_code};
use crate::harness::{folder, program};

/// An application that says `ready` in its log and then runs the statements.
fn waiting(statements: &str) -> String {
    format!(
        "import os, sys, time
def application(environ, start_response):
    try:
        print('ready', file=sys.stderr, flush=True)
        {statements}
    finally:
        print('finally', file=sys.stderr)
"
    )
}

/// Starts the request, sends SIGTERM once the log says `ready`, and gives what came of it.
#[track_caller]
fn terminated(cgi: Cgi) -> (Option<Answer>, String, i32) {
    let (mut child, _folder) = cgi.spawn();
    let stdin = child.stdin.take();
    let mut stderr = child.stderr.take().expect("piped");
    let mut log = Vec::new();
    while !log.ends_with(b"ready\n") {
        let mut byte = [0];
        assert_eq!(
            stderr.read(&mut byte).expect("readable"),
            1,
            "it never got ready"
        );
        log.extend(byte);
    }
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::TERM).expect("it lives");
    // What is written before it is read: a full pipe stays full until then.
    stderr.read_to_end(&mut log).expect("readable");
    let mut response = Vec::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_end(&mut response)
        .expect("readable");
    drop(stdin);
    let exit = exit_code(child.wait().expect("ended"));
    let answer = (!response.is_empty()).then(|| Answer::parse(response));
    (answer, String::from_utf8_lossy(&log).into_owned(), exit)
}

#[track_caller]
fn unwound(cgi: Cgi) {
    let (answer, log, exit) = terminated(cgi);
    assert_eq!(exit, 143, "{log}");
    assert!(
        log.contains("asked to stop by SIGTERM") && log.contains("finally"),
        "{log}"
    );
    assert_eq!(
        answer.expect("an answer").status,
        "500 Internal Server Error"
    );
}

#[test]
fn sigterm_unwinds_the_application_wherever_it_is() {
    unwound(Cgi::source(&waiting("time.sleep(1000)")));
    unwound(Cgi::source(&waiting("while True: pass")));
    unwound(Cgi::source(&waiting("environ['wsgi.input'].read()")).variable("CONTENT_LENGTH", "9"));
    unwound(
        Cgi::source(&waiting("environ['wsgi.input'].readline()")).variable("CONTENT_LENGTH", "9"),
    );
    unwound(Cgi::source(&waiting("os.read(os.pipe()[0], 1)")));
}

#[test]
fn sigterm_unwinds_an_import() {
    unwound(Cgi::source(
        "import sys, time
try:
    print('ready', file=sys.stderr, flush=True)
    time.sleep(1000)
finally:
    print('finally', file=sys.stderr)
",
    ));
}

#[test]
fn sigterm_ends_a_write_to_a_full_pipe_and_close_is_called() {
    let (answer, log, exit) = terminated(Cgi::source(
        "import sys
class Iterable:
    def __iter__(self):
        yield b'x' * 10
        print('ready', file=sys.stderr, flush=True)
        while True:
            yield b'x' * 1_000_000
    def close(self):
        print('closed', file=sys.stderr)
def application(environ, start_response):
    start_response('200 OK', [])
    return Iterable()
",
    ));
    assert_eq!(exit, 143, "{log}");
    assert!(
        log.contains("closed") && !log.contains("Traceback"),
        "{log}"
    );
    assert_eq!(answer.expect("begun").status, "200 OK");
}

#[test]
fn an_application_that_does_not_stop_is_ended() {
    let stubborn = "while True:
            try:
                print('ready', file=sys.stderr, flush=True)
                time.sleep(1000)
            except BaseException:
                pass";
    let source = waiting(stubborn).replacen("print('ready', file=sys.stderr, flush=True)", "", 1);
    let (answer, log, exit) = terminated(Cgi::source(&source));
    assert_eq!(exit, 143, "{log}");
    assert!(log.contains("did not stop within 2 seconds"), "{log}");
    assert_eq!(
        answer.expect("an answer").status,
        "500 Internal Server Error"
    );
}

#[test]
fn a_timeout_shows_the_stack_and_answers_504() {
    let answer = Cgi::source(&waiting("time.sleep(1000)").replace("ready", "started"))
        .option("--timeout")
        .option("0.3")
        .exits(1)
        .logs("timed out after 0.3 s (--timeout)")
        .logs("in application")
        .logs("finally")
        .run();
    assert_eq!(answer.status, "504 Gateway Timeout");
    answer.error_id();
}

#[test]
fn a_timeout_after_the_head_ends_the_response() {
    let answer = Cgi::source(
        "import time
def application(environ, start_response):
    start_response('200 OK', [])
    yield b'begun'
    time.sleep(1000)
",
    )
    .variable("WSGI_CGI_TIMEOUT", "0.3")
    .exits(1)
    .logs("timed out after 0.3 s")
    .run();
    assert_eq!(answer.body, b"begun");
}

#[test]
fn a_timeout_ends_c_code_that_does_not_return() {
    let answer = Cgi::source(
        "import ctypes
def application(environ, start_response):
    # Holds the interpreter lock and takes the call up again after every signal.
    ctypes.PyDLL(None).PyRun_SimpleString(b'while True:\\n try:\\n  while True: pass\\n except BaseException: pass')
",
    )
    .option("--timeout")
    .option("0.3")
    .exits(1)
    .logs("timed out after 0.3 s")
    .run();
    assert_eq!(answer.status, "504 Gateway Timeout");
}

#[test]
fn a_timeout_before_python_has_started_is_answered_too() {
    let answer = Cgi::app("hello.py")
        .option("--timeout")
        .option("0.000001")
        .exits(1)
        .logs("timed out after 0 s (--timeout) before the application was called")
        .run();
    assert_eq!(answer.status, "504 Gateway Timeout");
    answer.error_id();
}

#[test]
fn a_request_within_its_time_is_not_touched() {
    assert_eq!(
        Cgi::app("hello.py")
            .option("--timeout")
            .option("1000")
            .run()
            .body,
        b"Hello\n"
    );
}

#[test]
fn what_is_printed_goes_to_the_log_line_by_line() {
    let answer = Cgi::source(
        "import ctypes, os, subprocess, sys
print('at import')
def application(environ, start_response):
    print('by print')
    os.write(1, b'by write\\n')
    ctypes.CDLL(None).puts(b'by puts')
    ctypes.CDLL(None).fflush(None)
    subprocess.run(['echo', 'by a child'])
    sys.stdout.buffer.write(b'by bytes\\n')
    sys.stdout.flush()
    start_response('200 OK', [])
    return [b'content']
",
    )
    .logs("at import\nby print\nby write\nby puts\nby a child\nby bytes\n")
    .run();
    assert_eq!(answer.body, b"content");
}

#[test]
fn what_is_printed_stays_out_when_log_and_response_are_one_pipe() {
    let source = "print('printed')\ndef application(environ, start_response):\n    \
                  environ['wsgi.errors'].write('logged')\n    start_response('200 OK', [])\n    \
                  return [b'content']\n";
    let place = folder();
    let script = place.path().join("app.py");
    std::fs::write(&script, source).expect("a script");
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let copy = OwnedFd::from(writer.try_clone().expect("a copy"));
    let status = Command::new(program())
        .arg(&script)
        .env_clear()
        .env("REQUEST_METHOD", "GET")
        .stdin(Stdio::null())
        .stdout(OwnedFd::from(writer))
        .stderr(copy)
        .status()
        .expect("started");
    let mut response = Vec::new();
    reader.read_to_end(&mut response).expect("readable");
    assert_eq!(exit_code(status), 0);
    assert_eq!(Answer::parse(response).body, b"content");
}

#[test]
fn no_descendant_keeps_the_response_open() {
    for start in [
        "subprocess.Popen(['sleep', '1000'], start_new_session=True).pid",
        "forked()",
        "multiprocessing.get_context('fork').Process(target=time.sleep, args=(1000,), daemon=True).start()",
    ] {
        let (mut child, folder) = Cgi::source(&format!(
            "import multiprocessing, os, subprocess, time
def forked():
    pid = os.fork()
    if pid == 0:
        os.setsid()
        time.sleep(1000)
    return pid
def application(environ, start_response):
    pid = {start}
    open('pid', 'w').write(str(pid or multiprocessing.active_children()[0].pid))
    start_response('200 OK', [])
    return [b'content']
"
        ))
        .spawn();
        drop(child.stdin.take());
        let mut response = Vec::new();
        // The end of the response, while the descendant sleeps on.
        child
            .stdout
            .take()
            .expect("piped")
            .read_to_end(&mut response)
            .expect("readable");
        assert_eq!(Answer::parse(response).body, b"content", "{start}");
        drop(child.stderr.take());
        let folder = folder.expect("kept");
        let pid = std::fs::read_to_string(folder.path().join("pid")).expect("a pid");
        let pid = Pid::from_raw(pid.parse().expect("a number")).expect("a pid");
        _ = kill_process(pid, Signal::KILL);
        child.wait().expect("ended");
    }
}

#[test]
fn a_forked_child_that_comes_back_does_not_answer_too() {
    let answer = Cgi::source(
        "import os
def application(environ, start_response):
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
    start_response('200 OK', [])
    return [b'parent' if pid else b'child']
",
    )
    .run();
    assert_eq!(answer.body, b"parent");
    assert_eq!(
        answer
            .raw
            .windows(7)
            .filter(|window| *window == b"Status:")
            .count(),
        1
    );
}

#[test]
fn a_forked_child_that_gets_sigterm_is_not_an_error() {
    let answer = Cgi::source(
        "import os, signal, time
def application(environ, start_response):
    ready, tell = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(tell, b'x')
        time.sleep(1000)
    os.read(ready, 1)
    os.kill(pid, signal.SIGTERM)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    start_response('200 OK', [])
    return [str(status).encode()]
",
    )
    .run();
    assert_eq!(answer.text(), "-15");
}

#[test]
fn descriptors_that_the_server_closed_are_not_an_error() {
    let place = folder();
    let script = place.path().join("app.py");
    let source = "def application(environ, start_response):\n    print('x')\n    \
                  start_response('200 OK', [])\n    return [environ['wsgi.input'].read() + b'fine']\n";
    std::fs::write(&script, source).expect("a script");
    for closed in ["<&-", "2>&-", "<&- 2>&-"] {
        let output = Command::new("sh")
            .args(["-c", &format!("exec \"$0\" \"$1\" {closed}")])
            .args([program(), &script])
            .env_clear()
            .env("REQUEST_METHOD", "GET")
            .output()
            .expect("started");
        assert_eq!(exit_code(output.status), 0, "{closed}");
        assert_eq!(Answer::parse(output.stdout).body, b"fine", "{closed}");
    }
}

#[test]
fn the_limit_of_processor_time_is_answered_for() {
    // Shared hosting sets one; the system's default is to end the process without a word.
    Cgi::source(
        "import resource
def application(environ, start_response):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    while True:
        pass
",
    )
    .exits(152)
    .logs("in application")
    .logs("the process was killed by SIGXCPU: its CPU time limit is ")
    .run()
    .error_id();
}

#[test]
fn an_error_that_leaves_no_memory_is_answered_for() {
    let cgi = Cgi::source(
        "import resource\nkept = None\ndef application(environ, start_response):\n    \
         global kept\n    resource.setrlimit(resource.RLIMIT_AS, (0, -1))\n    \
         for size in 1 << 20, 1 << 10, 64, 1:\n        try:\n            \
         while True: kept = kept, bytes(size)\n        except MemoryError: pass\n    \
         raise MemoryError\n",
    )
    .variable("WSGI_CGI_TIMEOUT", "20");
    // How it ends depends on what little memory is left.
    let (mut child, _folder) = cgi.spawn();
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("ended");
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(answer.starts_with("Status: 500 "), "{answer}");
}

#[test]
fn the_log_may_be_a_file_with_stamped_entries() {
    let cgi = Cgi::source("import os\nprint('printed')\nos.abort()\n");
    let log = cgi.script_folder().join("app.log");
    std::fs::write(&log, "before\n").expect("a file");
    let answer = cgi.option("--log").option(&log).exits(134).run();
    let text = std::fs::read_to_string(&log).expect("a log");
    assert!(
        text.starts_with("before\n") && text.contains("\nprinted\n") && text.contains("SIGABRT"),
        "{text}"
    );
    drop(answer);
    let cgi = Cgi::source("raise ValueError\n");
    let log = cgi.script_folder().join("app.log");
    let _answer = cgi.option("--log").option(&log).exits(1).run();
    let text = std::fs::read_to_string(&log).expect("a log");
    assert!(
        crate::log_entries::has_time(&text) && text.contains("] wsgi-cgi: error "),
        "{text}"
    );
}

#[test]
fn a_log_that_cannot_be_written_is_reported_and_is_not_a_failure() {
    let answer = Cgi::app("hello.py")
        .option("--log")
        .option("/nowhere/app.log")
        .logs("/nowhere")
        .run();
    assert_eq!(answer.body, b"Hello\n");
}

#[test]
fn text_is_utf_8_in_an_empty_environment() {
    for variables in [&[][..], &[("LANG", "C")], &[("LC_ALL", "POSIX")]] {
        let mut cgi = Cgi::source(
            "import sys
print('gr\\u00fc\\u00dfe')
def application(environ, start_response):
    start_response('200 OK', [])
    return [sys.getfilesystemencoding().encode(), open('\\u00fc', 'w', encoding='utf-8').name.encode()]
",
        );
        for (name, value) in variables {
            cgi = cgi.variable(name, value);
        }
        assert_eq!(
            cgi.logs("gr\u{fc}\u{df}e").run().text(),
            "utf-8\u{fc}",
            "{variables:?}"
        );
    }
}

#[test]
fn a_body_nobody_reads_is_no_reason_to_wait() {
    let (mut child, _folder) = Cgi::app("hello.py")
        .variable("CONTENT_LENGTH", "100")
        .spawn();
    let mut stdin = child.stdin.take().expect("piped");
    // It may be over by then.
    _ = stdin.write_all(b"some");
    let mut response = Vec::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_end(&mut response)
        .expect("readable");
    assert_eq!(Answer::parse(response).body, b"Hello\n");
    assert_eq!(exit_code(child.wait().expect("ended")), 0);
}
