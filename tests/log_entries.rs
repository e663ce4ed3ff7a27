//! One entry of the log stays one entry, whatever an application was sent and raises; and no log is
//! waited for.

use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::harness::cgi::Cgi;
use crate::harness::{folder, program};

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

/// What a web server gives as standard error: a file, which nobody stamps, or a pipe to one who does.
fn error_log(around: impl FnOnce(&mut Command), text: &str, to_file: bool) -> String {
    let folder = folder();
    let (script, log) = (folder.path().join("app.py"), folder.path().join("log"));
    std::fs::write(&script, text).expect("a script");
    let mut command = Command::new(program());
    command
        .arg(&script)
        .env_clear()
        .env("REQUEST_METHOD", "GET")
        .env("PATH_INFO", "/cart")
        .stdin(Stdio::null());
    around(&mut command);
    if to_file {
        command.stderr(std::fs::File::create(&log).expect("a log"));
    }
    let output = command.output().expect("the program");
    assert!(!output.status.success() && !output.stdout.is_empty());
    if to_file {
        std::fs::read_to_string(&log).expect("a log")
    } else {
        String::from_utf8(output.stderr).expect("a log")
    }
}

/// Exceptions, and what only a signal handler or another process can say.
#[test]
fn each_entry_of_a_file_has_a_time_and_names_the_request() {
    let called = |how: &str| {
        format!("import os, signal\ndef application(environ, start_response):\n    {how}\n")
    };
    for (text, said) in [
        (called("1 / 0"), "ZeroDivisionError"),
        (called("os.abort()"), "the process was killed by SIGABRT"),
        (called("os._exit(3)"), "ended with exit status 3"),
        ("import nowhere\n".to_owned(), "No module named"),
    ] {
        for to_file in [true, false] {
            let log = error_log(|_| {}, &text, to_file);
            let entry = log.lines().find(|line| line.contains(said));
            let entry = entry.unwrap_or_else(|| panic!("no {said} in {log}"));
            assert_eq!(has_time(entry), to_file, "{entry}");
            assert!(entry.contains("wsgi-cgi: error "), "{entry}");
            assert!(entry.contains("/app.py: GET /cart: "), "{entry}");
        }
    }
}

/// The machine's zone, whatever an application makes of it.
#[test]
fn the_time_is_local() {
    for end in ["1 / 0", "os.abort()"] {
        let text = format!(
            "import os, time\nos.environ['TZ'] = 'UTC'\ntime.tzset()\n\
             def application(environ, start_response):\n    {end}\n"
        );
        let log = error_log(|command| _ = command.env("TZ", "XYZ-5:45"), &text, true);
        let entry = log.lines().find(|line| line.contains("wsgi-cgi: error "));
        let entry = entry.expect("an entry");
        assert!(has_time(entry) && entry.contains("+05:45] "), "{entry}");
    }
}

#[test]
fn a_log_that_cannot_be_opened_is_named_with_the_remedy() {
    let text = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return []\n";
    Cgi::source(text)
        .option("--log")
        .option("/no/such/folder/log")
        .logs("cannot open the log `/no/such/folder/log`: No such file or directory (os error 2): create its folder")
        .run();
}
