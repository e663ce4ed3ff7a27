//! `wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling").

use crate::harness::cgi::{Answer, Cgi};

/// Runs an application that returns `file_wrapper(OPENED)`; a file `digits` is beside it.
fn wrapping(headers: &str, before: &str, returned: &str) -> Cgi {
    let cgi = Cgi::source(&format!(
        "import gzip, io, os, subprocess, sys, tempfile
def application(environ, start_response):
    wrap = environ['wsgi.file_wrapper']
    start_response('200 OK', {headers})
    {before}
    return {returned}
"
    ));
    std::fs::write(
        cgi.script_folder().join("digits"),
        "0123456789".repeat(1000),
    )
    .expect("a file");
    cgi
}

fn sent(before: &str, returned: &str) -> Answer {
    wrapping("[]", before, returned).run()
}

#[test]
fn a_file_is_sent_from_its_current_position() {
    assert_eq!(
        sent("file = open('digits', 'rb')", "wrap(file)").body.len(),
        10_000
    );
    let answer = sent(
        "file = open('digits', 'rb'); file.seek(9_995)",
        "wrap(file)",
    );
    assert_eq!(answer.body, b"56789");
    // Python has read far ahead of what was asked for.
    let answer = sent(
        "file = open('digits', 'rb'); file.read(9_993)",
        "wrap(file, 4)",
    );
    assert_eq!(answer.body, b"3456789");
    let answer = sent(
        "file = open('digits', 'rb', buffering=0); file.seek(-3, 2)",
        "wrap(file)",
    );
    assert_eq!(answer.body, b"789");
}

#[test]
fn what_python_has_not_yet_written_to_the_file_is_sent() {
    // Python seeks within its buffer, when it has read it, without writing what was changed there.
    for (opened, expected) in [
        (
            "open('new', 'w+b'); file.write(b'abcdef'); file.seek(0)",
            "aXYdef",
        ),
        ("open('digits', 'r+b'); file.truncate(5)", "0XY34"),
    ] {
        let before = format!("file = {opened}; file.read(1); file.write(b'XY'); file.seek(0)");
        let answer = sent(&before, "wrap(file)");
        assert_eq!(answer.text(), expected, "{opened}");
    }
}

#[test]
fn it_ends_at_content_length() {
    let answer = wrapping(
        "[('Content-Length', '12')]",
        "pass",
        "wrap(open('digits', 'rb'))",
    )
    .run();
    assert_eq!(answer.body, b"012345678901");
}

#[test]
fn a_file_shorter_than_content_length_is_logged() {
    let cgi = wrapping(
        "[('Content-Length', '10003')]",
        "pass",
        "wrap(open('digits', 'rb'))",
    );
    assert_eq!(cgi.logs("3 bytes shorter").run().body.len(), 10_000);
}

#[test]
fn the_file_is_closed() {
    for method in ["GET", "HEAD"] {
        wrapping(
            "[]",
            "class Telling(io.FileIO):
        def close(self):
            if not self.closed:
                print('closed', file=sys.stderr)
            super().close()",
            "wrap(Telling('digits'))",
        )
        .method(method)
        .logs("closed")
        .run();
    }
}

#[test]
fn what_only_looks_like_a_file_is_read() {
    let content = b"0123456789".repeat(1000);
    for opened in [
        // Its descriptor leads to the compressed bytes.
        "gzip.open('digits.gz')",
        "io.BytesIO(open('digits', 'rb').read())",
        "subprocess.Popen(['cat', 'digits'], stdout=subprocess.PIPE).stdout",
        "type('Minimal', (), {'read': open('digits', 'rb').read})()",
    ] {
        let answer = sent(
            "open('digits.gz', 'wb').write(gzip.compress(open('digits', 'rb').read()))",
            &format!("wrap({opened})"),
        );
        assert!(
            answer.body == content,
            "{opened}: {} bytes",
            answer.body.len()
        );
    }
}

#[test]
fn temporary_files_are_sent() {
    for made in [
        "TemporaryFile()",
        "NamedTemporaryFile()",
        "SpooledTemporaryFile()",
    ] {
        let answer = sent(
            &format!("file = tempfile.{made}; file.write(b'spooled'); file.seek(2)"),
            "wrap(file)",
        );
        assert_eq!(answer.body, b"ooled", "{made}");
    }
}

#[test]
fn it_is_an_iterable_for_middleware() {
    let answer = sent(
        "blocks = wrap(open('digits', 'rb'), 4_000)",
        "[block.lower() for block in blocks]",
    );
    assert_eq!(answer.body.len(), 10_000);
    let answer = sent(
        "wrapper = wrap(open('digits', 'rb'), 4_000)",
        "[b'%d ' % len(b) for b in wrapper]",
    );
    assert_eq!(answer.body, b"4000 4000 2000 ");
}

#[test]
fn head_and_304_send_nothing_of_it() {
    let answer = wrapping("[]", "pass", "wrap(open('digits', 'rb'))")
        .method("HEAD")
        .run();
    assert!(answer.body.is_empty());
    let source = wrapping("[]", "pass", "wrap(open('digits', 'rb'))");
    let file = source.script_folder().join("app.py");
    let text = std::fs::read_to_string(&file).expect("the script");
    std::fs::write(&file, text.replace("200 OK", "304 Not Modified")).expect("rewritten");
    assert!(source.run().body.is_empty());
}

#[test]
fn after_write_the_file_follows() {
    let answer = Cgi::source(
        "def application(environ, start_response):
    write = start_response('200 OK', [])
    write(b'first ')
    with open('file', 'wb') as file:
        file.write(b'then the file')
    return environ['wsgi.file_wrapper'](open('file', 'rb'))
",
    )
    .run();
    assert_eq!(answer.body, b"first then the file");
}

#[test]
fn an_error_in_reading_is_an_error_of_the_application() {
    wrapping(
        "[]",
        "file = open('digits', 'rb'); file.close()",
        "wrap(file)",
    )
    .exits(1)
    .logs("ValueError")
    .run()
    .error_id();
}
