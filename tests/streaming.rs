//! Blocks as they come: each is out before the next is asked for, whatever the sizes, whatever the
//! server does with the body meanwhile, in memory that does not grow.

use std::io::{Read, Write};

use crate::harness::cgi::{Cgi, exit_code};

#[test]
fn every_block_is_out_before_the_next_is_asked_for() {
    let (mut child, folder) = Cgi::source(
        "import os, time
def application(environ, start_response):
    start_response('200 OK', [])
    for number in b'12':
        yield b'block %d' % number
        while not os.path.exists('read-%d' % number):
            time.sleep(0.01)
",
    )
    .spawn();
    drop(child.stdin.take());
    let folder = folder.expect("kept");
    let mut stdout = child.stdout.take().expect("piped");
    let mut seen = Vec::new();
    for number in b"12" {
        let wanted = format!("block {number}");
        while !String::from_utf8_lossy(&seen).contains(&wanted) {
            let mut byte = [0];
            assert_eq!(
                stdout.read(&mut byte).expect("readable"),
                1,
                "{wanted} never came"
            );
            seen.extend(byte);
        }
        std::fs::write(folder.path().join(format!("read-{number}")), "").expect("a marker");
    }
    assert!(child.wait().expect("ended").success());
}

#[test]
fn buffers_are_taken_as_blocks_with_one_warning() {
    let answer = Cgi::source(
        "import array
def application(environ, start_response):
    start_response('200 OK', [])
    return [bytearray(b'a'), memoryview(b'b'), array.array('H', [0x6363]), b'd']
",
    )
    .logs("other gateways refuse it")
    .run();
    assert_eq!(answer.body, b"abccd");
    assert_eq!(answer.log.lines().count(), 1, "{}", answer.log);
}

#[test]
fn a_bytes_object_returned_as_the_iterable_is_one_block() {
    let answer = Cgi::source(
        "def application(environ, start_response):
            start_response('200 OK', [])
            return b'whole'
        ",
    )
    .logs("return [content]")
    .run();
    assert_eq!(answer.body, b"whole");
    assert_eq!(answer.header("Content-Length"), ["5"]);
}

#[test]
fn a_str_block_is_an_error_that_says_what_to_do() {
    for body in [
        "return ['text']",
        "yield 'text'",
        "start_response('200 OK', [])('text')",
    ] {
        let start = if body.starts_with("start") {
            ""
        } else {
            "start_response('200 OK', [])"
        };
        let source =
            format!("def application(environ, start_response):\n    {start}\n    {body}\n");
        let answer = Cgi::source(&source).exits(1).logs(".encode(").run();
        assert_eq!(answer.status, "500 Internal Server Error");
    }
}

#[test]
fn a_value_that_is_not_an_iterable_of_bytes_is_named() {
    for (returned, said) in [
        ("'text'", "returned 'text'"),
        ("None", "returned None"),
        ("3", "3"),
    ] {
        let source = format!(
            "def application(environ, start_response):
    start_response('200 OK', [])
    return {returned}
"
        );
        Cgi::source(&source).exits(1).logs(said).run().error_id();
    }
    for block in ["3", "None", "[b'x']"] {
        let source = format!(
            "def application(environ, start_response):
    start_response('200 OK', [])
    return [{block}]
"
        );
        Cgi::source(&source)
            .exits(1)
            .logs("it must be bytes")
            .run()
            .error_id();
    }
}

/// Writes the whole body before it reads a byte of the answer, as fcgiwrap does.
#[track_caller]
fn body_first(cgi: Cgi, body: &[u8]) -> Vec<u8> {
    let (mut child, _folder) = cgi
        .variable("CONTENT_LENGTH", body.len().to_string())
        .spawn();
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(body).expect("the whole body is taken");
    drop(stdin);
    let mut response = Vec::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_end(&mut response)
        .expect("readable");
    assert_eq!(exit_code(child.wait().expect("ended")), 0);
    response
}

#[test]
fn a_server_that_sends_the_whole_body_first_is_not_kept_waiting() {
    let response = body_first(
        Cgi::source(
            "def application(environ, start_response):
                start_response('200 OK', [])
                return [b'x' * 1_000_000, environ['wsgi.input'].read()[-4:]]
            ",
        ),
        &[vec![b'y'; 8_000_000], b"tail".to_vec()].concat(),
    );
    assert!(response.ends_with(b"xtail"));
    assert!(response.len() > 1_000_004);
}

#[test]
fn a_file_is_sent_to_such_a_server_as_well() {
    let cgi = Cgi::source(
        "import os
def application(environ, start_response):
    start_response('200 OK', [])
    return environ['wsgi.file_wrapper'](open('large', 'rb'))
",
    );
    std::fs::write(cgi.script_folder().join("large"), vec![b'f'; 1_000_000]).expect("a file");
    let response = body_first(cgi, &vec![b'y'; 8_000_000]);
    assert!(response.len() > 1_000_000 && response.ends_with(b"ff"));
}

#[test]
fn a_server_with_one_socket_for_both_is_not_reset() {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    let place = crate::harness::folder();
    let script = place.path().join("app.py");
    let text = "def application(environ, start_response):\n    start_response('200 OK', [])\n    \
                return [b'short']\n";
    std::fs::write(&script, text).expect("a script");
    // As Apache's mod_cgid does it. What is unread when a socket is closed resets the peer, which
    // then loses what it has not read yet.
    let (mut server, theirs) = UnixStream::pair().expect("a pair");
    let mut child = std::process::Command::new(crate::harness::program())
        .arg(&script)
        .env_clear()
        .env("REQUEST_METHOD", "POST")
        .env("CONTENT_LENGTH", "100000")
        .stdin(OwnedFd::from(theirs.try_clone().expect("a copy")))
        .stdout(OwnedFd::from(theirs))
        .spawn()
        .expect("started");
    server
        .write_all(&vec![b'y'; 100_000])
        .expect("the body is taken");
    assert_eq!(exit_code(child.wait().expect("ended")), 0);
    let mut response = Vec::new();
    server.read_to_end(&mut response).expect("no reset");
    assert!(response.ends_with(b"short"));
}

/// The peak of the process's memory, in KiB, as the application saw it at its end.
fn peak(answer: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(&answer[answer.len().saturating_sub(20)..]).into_owned();
    text.rsplit(' ')
        .next()
        .and_then(|number| number.trim().parse().ok())
        .expect("a number")
}

const PEAK: &str = "
def peak():
    for line in open('/proc/self/status'):
        if line.startswith('VmHWM:'):
            return b' ' + line.split()[1].encode()
";

#[test]
fn memory_does_not_grow_with_the_content() {
    let source = |blocks: u32| {
        format!(
            "{PEAK}
def application(environ, start_response):
    start_response('200 OK', [])
    for number in range({blocks}):
        yield b'x' * 65536
    yield peak()
"
        )
    };
    let small = peak(&Cgi::source(&source(1)).run().body);
    let large = peak(&Cgi::source(&source(1024)).run().body);
    assert!(large < small + 2048, "{small} KiB, then {large} KiB");
}

#[test]
fn memory_does_not_grow_with_the_body() {
    let source = format!(
        "{PEAK}
def application(environ, start_response):
    total = 0
    while True:
        block = environ['wsgi.input'].read(65536)
        if not block:
            break
        total += len(block)
    start_response('200 OK', [])
    return [str(total).encode() + peak()]
"
    );
    let small = Cgi::source(&source).post("x").run();
    let large = Cgi::source(&source).post(vec![b'x'; 64 << 20]).run();
    assert!(large.body.starts_with(b"67108864 "));
    let (small, large) = (peak(&small.body), peak(&large.body));
    assert!(large < small + 2048, "{small} KiB, then {large} KiB");
}

#[test]
fn a_client_that_has_gone_ends_the_request_quietly() {
    let (mut child, folder) = Cgi::source(
        "class Endless:
    def __iter__(self):
        return self
    def __next__(self):
        return b'x' * 4096
    def close(self):
        open('closed', 'a').write('x')
def application(environ, start_response):
    start_response('200 OK', [])
    return Endless()
",
    )
    .spawn();
    drop(child.stdin.take());
    let mut stdout = child.stdout.take().expect("piped");
    stdout.read_exact(&mut [0; 100]).expect("begun");
    drop(stdout);
    let output = child.wait_with_output().expect("ended");
    assert_eq!(exit_code(output.status), 0);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let closed = std::fs::read(folder.expect("kept").path().join("closed")).expect("closed");
    assert_eq!(closed, b"x", "exactly once");
}

#[test]
fn an_application_that_outlives_a_failed_write_is_not_blamed_for_it() {
    let (mut child, _folder) = Cgi::source(
        "def application(environ, start_response):
    write = start_response('200 OK', [('Content-Length', '1000000000')])
    try:
        while True:
            write(b'x' * 4096)
    except BrokenPipeError:
        return []
",
    )
    .spawn();
    drop(child.stdin.take());
    let mut stdout = child.stdout.take().expect("piped");
    stdout.read_exact(&mut [0; 100]).expect("begun");
    drop(stdout);
    let output = child.wait_with_output().expect("ended");
    assert_eq!(exit_code(output.status), 0);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_response_that_cannot_be_written_is_an_oserror_of_write() {
    let folder = crate::harness::folder();
    let script = folder.path().join("app.py");
    let text = "import errno, sys
def application(environ, start_response):
    write = start_response('200 OK', [])
    try:
        write(b'block')
    except OSError as error:
        print('seen', errno.errorcode[error.errno], file=sys.stderr)
        raise
";
    std::fs::write(&script, text).expect("a script");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let output = std::process::Command::new(crate::harness::program())
        .arg(&script)
        .env_clear()
        .env("REQUEST_METHOD", "GET")
        .stdin(std::process::Stdio::null())
        .stdout(full.expect("a device that is full"))
        .output()
        .expect("started");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.starts_with("seen ENOSPC\n"), "{log}");
    assert!(log.contains("the response cannot be written: "), "{log}");
    assert_eq!(exit_code(output.status), 1);
}

#[test]
fn a_client_that_has_gone_is_noticed_between_empty_blocks() {
    let (mut child, _folder) = Cgi::source(
        "import time
def application(environ, start_response):
    start_response('200 OK', [])
    yield b'begun'
    while True:
        time.sleep(0.01)
        yield b''
",
    )
    .spawn();
    drop(child.stdin.take());
    let mut stdout = child.stdout.take().expect("piped");
    stdout.read_exact(&mut [0; 10]).expect("begun");
    drop(stdout);
    assert_eq!(exit_code(child.wait().expect("ended")), 0);
}

#[test]
fn a_broken_pipe_of_the_applications_own_is_an_error_like_any_other() {
    for error in [
        "BrokenPipeError",
        "ConnectionResetError",
        "ConnectionAbortedError",
    ] {
        let source = format!(
            "def application(environ, start_response):
    start_response('200 OK', [])
    raise {error}('a database went away')
"
        );
        Cgi::source(&source)
            .exits(1)
            .logs("a database went away")
            .run()
            .error_id();
    }
}

#[test]
fn a_log_that_is_the_response_is_kept_out_of_it() {
    // mini_httpd makes one pipe of standard output and standard error.
    let folder = crate::harness::folder();
    let script = folder.path().join("app.py");
    let text = "import sys
print('printed')

def application(environ, start_response):
    environ['wsgi.errors'].write('logged')
    print('to stderr', file=sys.stderr)
    start_response('200 OK', [])
    return iter([b'content'])
";
    std::fs::write(&script, text).expect("a script");
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let mut child = std::process::Command::new(crate::harness::program())
        .arg(&script)
        .env_clear()
        .env("REQUEST_METHOD", "GET")
        .stdin(std::process::Stdio::null())
        .stderr(writer.try_clone().expect("another end"))
        .stdout(writer)
        .spawn()
        .expect("started");
    let mut raw = String::new();
    reader.read_to_string(&mut raw).expect("a response");
    assert_eq!(raw, "Status: 200 OK\r\n\r\ncontent");
    assert_eq!(exit_code(child.wait().expect("ended")), 0);
}
