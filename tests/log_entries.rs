//! One entry of the log stays one entry, whatever an application was sent and raises; and no log is
//! waited for.

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::harness::cgi::Cgi;
use crate::harness::folder;

/// Whether a text begins with an ISO 8601 time in brackets: local time, with milliseconds.
pub(crate) fn has_time(text: &str) -> bool {
    let pattern = b"[0000-00-00T00:00:00.000+00:00] ";
    text.len() >= pattern.len()
        && text.bytes().zip(pattern).all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            b'+' => byte == b'+' || byte == b'-',
            like => byte == *like,
        })
}

/// The lines of a log that begin an entry.
fn entries(log: &str) -> usize {
    log.lines()
        .filter(|line| line.starts_with("wsgi-cgi: ") || line.starts_with('['))
        .count()
}

#[test]
fn the_text_of_an_exception_cannot_forge_entries_or_control_a_terminal() {
    for raised in [
        "raise ValueError(text)",
        "raise LookupError('x') from ValueError(text)",
        "try:\n        raise ValueError(text)\n    except ValueError:\n        raise LookupError",
        "raise KeyError(text, text)",
        "raise type('E', (Exception,), {'__str__': lambda self: text})",
        "raise SystemExit(text)",
        "raise UnicodeDecodeError('utf-8', b'x', 0, 1, text)",
        "error = ValueError('x')\n    if hasattr(error, 'add_note'):\n        error.add_note(text)\n    raise error",
        "raise SyntaxError(text, (text, 1, 1, text))",
        "raise __import__('builtins').__dict__.get('ExceptionGroup', lambda m, e: e[0])('x', [ValueError(text)])",
        "exec(compile('\\n\\n1/0', text, 'exec'))",
    ] {
        for forged in [
            "wsgi-cgi: error 000000000000: GET /forged: x",
            "[1970-01-01T00:00:00.000+00:00] wsgi-cgi: x",
        ] {
            let source = format!(
                "text = 'a\\n{forged}\\r\\x1b[2J\\x07\\x9b1m\\u2028\\u202e\\x85b'\n\
                 def application(environ, start_response):\n    {raised}\n"
            );
            let answer = Cgi::source(&source).exits(1).logs("error ").run();
            answer.error_id();
            let log = &answer.log;
            assert_eq!(entries(log), 1, "{raised}: {log}");
            assert!(
                !log.chars()
                    .any(|c| c.is_control() && c != '\n' || "\u{2028}\u{202e}".contains(c)),
                "{raised}: {log:?}"
            );
        }
    }
}

#[test]
fn what_loading_raises_is_one_entry_too() {
    let answer = Cgi::source("raise ValueError('a\\nwsgi-cgi: forged\\x1b[2J')\n")
        .exits(1)
        .logs("a\\nwsgi-cgi: forged\\u{1b}[2J")
        .run();
    assert_eq!(entries(&answer.log), 1, "{}", answer.log);
}

#[test]
fn what_close_raises_is_one_entry_too() {
    let answer = Cgi::source(
        "class Answer(list):\n    def close(self):\n        \
         raise ValueError('a\\nwsgi-cgi: forged\\x1b')\n\
         def application(environ, start_response):\n    start_response('200 OK', [])\n    \
         return Answer([b'x'])\n",
    )
    .logs("close() raised an exception")
    .run();
    assert_eq!(entries(&answer.log), 1, "{}", answer.log);
}

#[test]
fn a_fifo_that_nobody_reads_is_not_waited_for() {
    let folder = folder();
    let fifo = folder.path().join("log");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
    let answer = Cgi::source(
        "def application(environ, start_response):\n    start_response('200 OK', [])\n    \
         return [b'answered']\n",
    )
    .option("--log")
    .option(&fifo)
    .logs("log`: no process reads from this FIFO")
    .run();
    assert_eq!(answer.text(), "answered");
}

#[test]
fn a_fifo_that_somebody_reads_is_a_log() {
    let folder = folder();
    let fifo = folder.path().join("log");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK;
    let reader = rustix::fs::open(&fifo, flags, Mode::empty()).expect("a reader");
    Cgi::source("def application(environ, start_response):\n    print('printed')\n    1 / 0\n")
        .option("--log")
        .option(&fifo)
        .exits(1)
        .run();
    let mut block = [0; 8192];
    let read = rustix::io::read(&reader, &mut block[..]).expect("a log");
    let log = String::from_utf8_lossy(&block[..read]);
    assert!(
        log.contains("printed\n") && log.contains("ZeroDivisionError"),
        "{log}"
    );
}

/// Flask and others log what was raised there.
#[test]
fn what_is_written_to_wsgi_errors_passes_for_no_entry() {
    let answer = Cgi::source(
        "def application(environ, start_response):
    environ['wsgi.errors'].write('ERROR: \\x1b[31m\\nwsgi-cgi: error forged: fake\\u202e\\r\\n')
    start_response('200 OK', [])
    return [b'fine']
",
    )
    .logs("ERROR: \\u{1b}[31m\n wsgi-cgi: error forged: fake\\u{202e}\n")
    .run();
    assert_eq!(answer.text(), "fine");
    assert!(!answer.log.contains('\u{1b}'), "{}", answer.log);
}
