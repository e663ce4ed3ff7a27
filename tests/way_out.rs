//! The response ends before the interpreter does, and no way out loses data.

mod exit_functions;
pub(crate) mod handles;

mod kinds;

use std::io::Read;

use crate::harness::cgi::{Answer, Cgi};

/// Runs an application that sets something up with the statements and answers `content`.
fn leaving(statements: &str) -> Answer {
    let answer = Cgi::source(&format!(
        "import atexit, gzip, os, sys, tempfile, threading, time
def application(environ, start_response):
    global kept
    {statements}
    start_response('200 OK', [])
    return [b'content']
"
    ))
    .run();
    assert_eq!(answer.body, b"content");
    answer
}

fn left(answer: &Answer, name: &str) -> Option<Vec<u8>> {
    std::fs::read(answer.folder.as_ref().expect("kept").path().join(name)).ok()
}

#[test]
fn the_response_ends_before_exit_callbacks_run() {
    let (mut child, folder) = Cgi::source(
        "import atexit, os, time
def late():
    while not os.path.exists('response-has-ended'):
        time.sleep(0.01)
    open('called', 'w').close()
atexit.register(late)
def application(environ, start_response):
    start_response('200 OK', [])
    return [b'content']
",
    )
    .spawn();
    drop(child.stdin.take());
    let mut response = Vec::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_end(&mut response)
        .expect("readable");
    assert_eq!(Answer::parse(response).body, b"content");
    let folder = folder.expect("kept");
    std::fs::write(folder.path().join("response-has-ended"), "").expect("a marker");
    assert!(child.wait().expect("ended").success());
    assert!(folder.path().join("called").exists());
}

#[test]
fn close_runs_after_the_response_has_ended() {
    let (mut child, folder) = Cgi::source(
        "import os, time
class Iterable(list):
    def close(self):
        while not os.path.exists('response-has-ended'):
            time.sleep(0.01)
def application(environ, start_response):
    start_response('200 OK', [])
    return Iterable([b'content'])
",
    )
    .spawn();
    drop(child.stdin.take());
    let mut response = Vec::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_end(&mut response)
        .expect("readable");
    let folder = folder.expect("kept");
    std::fs::write(folder.path().join("response-has-ended"), "").expect("a marker");
    assert!(child.wait().expect("ended").success());
}

#[test]
fn exit_callbacks_are_called() {
    let answer = leaving("atexit.register(lambda: open('called', 'w').write('yes'))");
    assert_eq!(left(&answer, "called").as_deref(), Some(&b"yes"[..]));
}

#[test]
fn threads_are_waited_for() {
    let answer = leaving(
        "threading.Thread(target=lambda: (time.sleep(0.2), open('done', 'w').write('yes'))).start()",
    );
    assert_eq!(left(&answer, "done").as_deref(), Some(&b"yes"[..]));
}

#[test]
fn daemon_threads_are_not() {
    leaving("threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()");
}

/// An application with an object for which Python is finalized in full where another thread runs, and these statements.
fn finalized_in_full(statements: &str) -> Cgi {
    Cgi::source(&format!(
        "import _thread, atexit, time
class Last:
    def __del__(self): pass
def application(environ, start_response):
    global kept
    kept = Last()
    {statements}
    start_response('200 OK', [])
    return [b'content']
"
    ))
}

/// They come back from writing to the log meanwhile.
#[test]
fn daemon_threads_in_the_executor_are_not_ended_there() {
    const WRITING: &str = "
    def write():
        while True:
            environ['wsgi.errors'].write('.')
    for _ in range(3):
        _thread.start_new_thread(write, ())
    time.sleep(0.02)";
    for _ in 0..10 {
        let answer = finalized_in_full(WRITING).logs_anything().run();
        assert_eq!(answer.text(), "content");
    }
}

#[test]
fn a_thread_that_an_exit_callback_starts_is_waited_for() {
    let answer = finalized_in_full(
        "
    def work():
        time.sleep(0.1)
        environ['wsgi.errors'].write('worked\\n')
        open('done', 'w').close()
    def at_exit():
        import threading
        threading.Thread(target=work).start()
    atexit.register(at_exit)
    _thread.start_new_thread(time.sleep, (99,))",
    )
    .logs("worked")
    .run();
    assert!(left(&answer, "done").is_some());
}

#[test]
fn open_files_are_flushed() {
    let answer = leaving("kept = open('text', 'w'); kept.write('buffered')");
    assert_eq!(left(&answer, "text").as_deref(), Some(&b"buffered"[..]));
    let answer =
        leaving("kept = [open('bytes', 'wb')]; kept[0].write(b'buffered'); kept.append(kept)");
    assert_eq!(left(&answer, "bytes").as_deref(), Some(&b"buffered"[..]));
}

#[test]
fn a_compressed_file_gets_its_end() {
    let answer = leaving("kept = gzip.open('packed.gz', 'wb'); kept.write(b'x' * 100)");
    let packed = left(&answer, "packed.gz").expect("a file");
    // RFC 1952: the last four bytes are the size.
    assert_eq!(packed[packed.len() - 4..], 100_u32.to_le_bytes());
}

#[test]
fn temporary_files_are_removed() {
    let answer = leaving(
        "kept = tempfile.NamedTemporaryFile(dir='.', prefix='kept-'), tempfile.TemporaryDirectory(dir='.', prefix='kept-')",
    );
    let folder = answer.folder.as_ref().expect("kept").path();
    let names = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = names
        .filter(|name| name.to_string_lossy().starts_with("kept-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn objects_with_a_way_out_of_their_own_take_it() {
    let answer = leaving(
        "kept = type('Last', (), {'__del__': lambda self, open=open: open('last', 'wb').close()})()",
    );
    assert!(left(&answer, "last").is_some());
}

#[test]
fn all_of_it_holds_after_an_error() {
    let answer = Cgi::source(
        "import atexit
kept = open('text', 'w')
kept.write('buffered')
atexit.register(lambda: open('called', 'w').close())
def application(environ, start_response):
    raise ValueError
",
    )
    .exits(1)
    .logs("ValueError")
    .run();
    assert_eq!(left(&answer, "text").as_deref(), Some(&b"buffered"[..]));
    assert!(left(&answer, "called").is_some());
}
