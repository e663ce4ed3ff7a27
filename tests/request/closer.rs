//! The closer look: `-v`, `--timing`, `--pdb`, `--validate`, `--env`.

use super::{ECHO, FAILS};
use crate::harness::by_hand::ByHand;
use crate::harness::terminal::Terminal;

/// The story's lines without their times and stars.
fn story(stderr: &str) -> Vec<String> {
    let mut lines = stderr.lines();
    assert_eq!(lines.next(), Some("      ms     +ms"), "{stderr}");
    let mut last = 0.0;
    lines
        .map(|line| {
            let (times, words) = line.split_at(22);
            let at: f64 = times[..8].trim().parse().expect(line);
            assert!(at >= last, "{stderr}");
            last = at;
            words.to_owned()
        })
        .collect()
}

/// Without the numbers that another day may have.
fn steady(line: &str) -> String {
    let words: Vec<&str> = line
        .split(' ')
        .map(|word| {
            if word.parse::<f64>().is_ok() {
                "N"
            } else {
                word
            }
        })
        .collect();
    words.join(" ")
}

#[test]
fn events_are_shown_in_order() {
    const APP: &str = r#"
class Answer:
    def __init__(self, environ):
        self.environ = environ
    def __iter__(self):
        yield b""
        yield self.environ["wsgi.input"].readline()
        yield b"more"
    def close(self):
        pass

def application(environ, start_response):
    environ["wsgi.input"].read(2)
    write = start_response("200 OK", [("X-A", "1"), ("X-B", "2")])
    write(b"")
    return Answer(environ)
"#;
    let told = ByHand::request(APP)
        .with(&["-v", "/x?y", "-d", "12345"])
        .logs_anything()
        .run();
    assert_eq!(told.stdout, b"345more");
    let told: Vec<String> = story(&told.stderr)
        .iter()
        .map(|line| steady(line))
        .collect();
    assert_eq!(
        told,
        [
            "POST /x?y",
            "Python has started",
            "the application is imported",
            "the environ is made: N entries",
            "the application is called",
            "wsgi.input.read(): N bytes",
            "start_response(\"200 OK\", N headers)",
            "write(): empty",
            "  -> the client has received the head",
            "it returned: Answer",
            "block 1: empty",
            "wsgi.input.readline(): N bytes",
            "block 2: N bytes",
            "  -> the client has received N more bytes",
            "block 3: N bytes",
            "  -> the client has received N more bytes",
            "  -> the response has ended: N bytes in all",
            "close()",
            "Python has ended",
            "exit N",
        ]
    );
}

#[test]
fn late_and_held_back_blocks_are_shown() {
    const APP: &str = r#"
def application(environ, start_response):
    start_response("200 OK", [])
    yield b""
    yield b"now"
"#;
    let told = ByHand::request(APP).with(&["-v"]).logs_anything().run();
    let told = story(&told.stderr);
    let place = |text: &str| {
        let found = told.iter().position(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("no {text:?} in {told:#?}"))
    };
    let late = place("start_response(");
    assert!(late > place("it returned: generator"));
    assert!(told[late].ends_with(" ms after the call"), "{told:#?}");
    assert!(
        place("block 1: empty, so the head is not sent yet")
            < place("-> the client has received the head")
    );
}

#[test]
fn a_failure_is_part_of_the_story() {
    let told = ByHand::request(FAILS)
        .with(&["-v"])
        .exits(1)
        .logs("FAILED: the application raised an exception: LookupError: not today\n")
        .logs("exit 1\n")
        .run();
    let told = told.stderr;
    let failed = told.find("FAILED").expect("told");
    assert!(
        told.find("-> the client has received the head")
            .expect("told")
            > failed,
        "{told}"
    );
    ByHand::request("import nosuch")
        .with(&["-v"])
        .exits(1)
        .logs("FAILED: ")
        .run();
}

#[test]
fn timing_shows_phases_and_the_slowest_imports() {
    const APP: &str = r#"
import sys, slow
print("printed", file=sys.stderr)
def application(environ, start_response):
    import late
    start_response("200 OK", [])
    return [b"answer"]
"#;
    let timing = ByHand::request(APP)
        .file("slow.py", "import time, inner\ntime.sleep(0.02)\n")
        .file("inner.py", "import time\ntime.sleep(0.02)\n")
        .file("late.py", "import time\ntime.sleep(0.02)\n")
        .with(&["--timing"])
        .logs("printed\n")
        .run();
    assert_eq!(timing.stdout, b"answer");
    let table = timing.stderr;
    assert!(!table.contains("import time:"), "{table}");
    let mut rest = table.as_str();
    for row in [
        "where the time went ",
        "interpreter ",
        "site ",
        "import ",
        "call ",
        "first byte ",
        "body ",
        "teardown ",
        "all ",
        "the slowest imports ",
    ] {
        let place = rest
            .find(&format!("\n{row}"))
            .or_else(|| rest.starts_with(row).then_some(0));
        let place = place.unwrap_or_else(|| panic!("no {row:?} in its place:\n{table}"));
        rest = &rest[place + row.len()..];
    }
    let slow = rest.find("\nslow ").expect("the slow import");
    let inner = rest.find("\n  inner ").expect("what it imported");
    assert!(slow < inner, "{rest}");
    assert!(rest.contains("\nlate "), "{rest}");
    assert!(rest.lines().all(|line| line.len() <= 80), "{rest}");
    let bars = table.lines().filter(|line| line.ends_with('#')).count();
    assert!(bars >= 4, "{table}");
}

#[test]
fn timing_and_story_go_together_and_survive_a_failure() {
    let told = ByHand::request(FAILS)
        .with(&["--timing", "-v"])
        .exits(1)
        .logs("exit 1\n")
        .logs("LookupError: not today\n")
        .logs("teardown ")
        .run();
    assert!(!told.stderr.contains("import time:"), "{}", told.stderr);
}

#[test]
fn timing_hides_no_error() {
    ByHand::request(ECHO)
        .with(&["--timing", "--chdir", "/no/such/folder"])
        .exits(1)
        .logs("cannot change to the folder `/no/such/folder` (--chdir): No such file")
        .logs("teardown ")
        .run();
    ByHand::request(ECHO)
        .with(&["--timing", "--env", "--venv", "/no/such/venv"])
        .exits(2)
        .logs("`/no/such/venv` is not a virtual environment")
        .run();
}

#[test]
fn validate_finds_what_the_gateway_lets_pass() {
    const APP: &str = r#"
def application(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [])
    return (block for block in [b"x"])
"#;
    assert_eq!(ByHand::request(APP).prints(), "x");
    ByHand::request(APP)
        .with(&["--validate"])
        .exits(1)
        .logs("AssertionError")
        .logs("wsgiref/validate.py")
        .run();
}

#[test]
fn validate_has_nothing_to_say_about_the_gateway() {
    const APP: &str = r#"
def application(environ, start_response):
    content = environ["wsgi.input"].read(100)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [content]
"#;
    let printed = ByHand::request(APP)
        .with(&["--validate", "-d", "x", "-u", "a:b"])
        .prints();
    assert_eq!(printed, "x");
}

#[test]
fn the_environ_is_printed_sorted_and_the_application_is_left_alone() {
    let printed = ByHand::request("raise SystemExit('imported')")
        .with(&["--env", "-d", "x", "-H", "X-Lines: a\tb"])
        .prints();
    let names: Vec<&str> = printed
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    assert_eq!(names.len(), printed.lines().count());
    assert!(names.is_sorted(), "{printed}");
    for line in [
        "CONTENT_LENGTH='1'",
        r"HTTP_X_LINES='a\tb'",
        "wsgi.version=(1, 0)",
    ] {
        assert!(
            printed.lines().any(|other| other == line),
            "{line}\n{printed}"
        );
    }
}

#[test]
fn pdb_looks_into_an_exception_at_the_terminal() {
    let request = ByHand::request(FAILS)
        .with(&["--pdb"])
        .variable("TERM", "dumb");
    let mut terminal = Terminal::start(request.to_command());
    terminal.wait_for("LookupError: not today");
    terminal.wait_for("</html>");
    terminal.wait_for("-> raise LookupError(\"not today\")");
    terminal.wait_for("(Pdb) ").types("p secret");
    terminal.wait_for("42").wait_for("(Pdb) ").types("q");
    assert_eq!(terminal.end().1, 1);
}

#[test]
fn pdb_has_a_terminal_of_its_own() {
    let request = ByHand::request(FAILS)
        .with(&["--pdb", "--data-binary", "@-"])
        .variable("TERM", "dumb")
        .file("content", "p 'not a command'\n");
    let folder = request.working_directory().to_owned();
    let open = |name: &str| std::fs::File::open(folder.join(name)).expect("a file");
    let make = |name: &str| std::fs::File::create(folder.join(name)).expect("a file");
    let mut terminal = Terminal::start_with(request.to_command(), |command| {
        command
            .stdin(open("content"))
            .stdout(make("answer"))
            .stderr(make("log"));
    });
    terminal
        .wait_for("(Pdb) ")
        .types("p len(environ['wsgi.input'].read())");
    terminal.wait_for("18").wait_for("(Pdb) ").types("c");
    assert_eq!(terminal.end().1, 1);
    let answer = std::fs::read_to_string(folder.join("answer")).expect("text");
    assert!(
        answer.ends_with("</html>\n") && !answer.contains("Pdb"),
        "{answer}"
    );
    let log = std::fs::read_to_string(folder.join("log")).expect("text");
    assert!(log.contains("LookupError") && !log.contains("Pdb"), "{log}");
}

#[test]
fn pdb_looks_into_an_import_and_into_an_iterable() {
    const LATE: &str = r#"
def application(environ, start_response):
    start_response("200 OK", [])
    yield b"begun"
    place = "iterable"
    raise ValueError()
"#;
    let request = ByHand::request("place = 'import'\nraise ValueError()\n");
    let request = request.with(&["--pdb"]).variable("TERM", "dumb");
    let mut terminal = Terminal::start(request.to_command());
    terminal.wait_for("(Pdb) ").types("p place");
    terminal.wait_for("'import'").wait_for("(Pdb) ").types("q");
    assert_eq!(terminal.end().1, 1);
    let request = ByHand::request(LATE)
        .with(&["--pdb"])
        .variable("TERM", "dumb");
    let mut terminal = Terminal::start(request.to_command());
    terminal.wait_for("(Pdb) ").types("p place");
    terminal
        .wait_for("'iterable'")
        .wait_for("(Pdb) ")
        .types("q");
    assert_eq!(terminal.end().1, 1);
}

#[test]
fn pdb_needs_a_terminal() {
    let request = ByHand::request(ECHO).with(&["--pdb"]);
    let mut command = request.to_command();
    // A session of its own has no terminal.
    // SAFETY: setsid(2) is async-signal-safe, and nothing is allocated.
    unsafe {
        use std::os::unix::process::CommandExt;
        command.pre_exec(|| {
            rustix::process::setsid()
                .map(drop)
                .map_err(std::io::Error::from)
        });
    }
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        log.starts_with("wsgi-cgi: --pdb needs a terminal (`/dev/tty`): "),
        "{log}"
    );
    assert_eq!(output.stdout, b"");
}
