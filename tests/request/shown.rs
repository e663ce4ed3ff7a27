//! How the answer is shown, and the exit status.

use super::{ECHO, FAILS, STATUS};
use crate::harness::by_hand::ByHand;
use crate::harness::terminal::Terminal;

#[test]
fn the_content_is_printed_byte_for_byte() {
    const APP: &str = r#"
def application(environ, start_response):
    print("printed")
    start_response("200 OK", [])
    yield bytes(range(256))
    yield b"\n\0"
"#;
    let printed = ByHand::request(APP).logs("printed\n").run();
    let wanted: Vec<u8> = (0..=255).chain([b'\n', 0]).collect();
    assert_eq!(printed.stdout, wanted);
    assert_eq!(printed.stderr, "printed\n");
}

#[test]
fn the_head_is_shown_on_request() {
    let printed = ByHand::request(STATUS).with(&["-i", "/404 Nope"]).prints();
    assert_eq!(
        printed,
        "HTTP/1.1 404 Nope\r\nX-A: 1\r\nContent-Length: 8\r\n\r\ncontent\n"
    );
}

#[test]
fn the_head_alone_is_asked_for_with_head() {
    const APP: &str = r#"
def application(environ, start_response):
    start_response("200 OK", [("X-Method", environ["REQUEST_METHOD"])])
    return [b"content\n"]
"#;
    let printed = ByHand::request(APP).with(&["-I"]).prints();
    assert_eq!(
        printed,
        "HTTP/1.1 200 OK\r\nX-Method: HEAD\r\nContent-Length: 8\r\n\r\n"
    );
}

#[test]
fn the_answer_goes_to_a_file() {
    let printed = ByHand::request(STATUS)
        .with(&["/200", "-o", "answer", "-i"])
        .run();
    assert_eq!(printed.stdout, b"");
    let answer = std::fs::read(printed.folder.path().join("answer")).expect("the answer");
    assert!(
        answer.starts_with(b"HTTP/1.1 200 OK\r\n"),
        "{}",
        answer.escape_ascii()
    );
    assert!(
        answer.ends_with(b"\r\n\r\ncontent\n"),
        "{}",
        answer.escape_ascii()
    );
}

#[test]
fn a_file_is_sent_whole() {
    const APP: &str = r#"
def application(environ, start_response):
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](open("large", "rb"))
"#;
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let printed = ByHand::request(APP).file("large", &large).run();
    assert!(printed.stdout == large, "{} bytes", printed.stdout.len());
}

#[test]
fn the_exit_status_says_how_it_went() {
    for (arguments, exit) in [
        (&["/200"][..], 0),
        (&["/404"], 0),
        (&["/503"], 0),
        (&["/399 x", "-f"], 0),
    ] {
        let printed = ByHand::request(STATUS).with(arguments).exits(exit).prints();
        assert_eq!(printed, "content\n", "{arguments:?}");
    }
    for (option, wanted) in [("-f", ""), ("--fail-with-body", "content\n")] {
        for (path, status) in [("/400", "400 Bad Request"), ("/503 No", "503 No")] {
            let request = ByHand::request(STATUS).with(&[path, option]).exits(22);
            let why =
                format!("wsgi-cgi: the application answered `{status}` (-f: exit status 22)\n");
            assert_eq!(request.logs(&why).prints(), wanted, "{path} {option}");
        }
    }
    // What a framework makes of an exception that it caught is a failure as the exception would be.
    for (arguments, exit, wanted) in [(&["/500"][..], 1, "content\n"), (&["/500", "-f"], 22, "")] {
        let printed = ByHand::request(STATUS)
            .with(arguments)
            .exits(exit)
            .logs("the application answered 500 itself")
            .prints();
        assert_eq!(printed, wanted, "{arguments:?}");
    }
    ByHand::request(FAILS).exits(1).logs("LookupError").run();
    ByHand::request(FAILS)
        .with(&["-f"])
        .exits(1)
        .logs("LookupError")
        .run();
    ByHand::request("import nosuch")
        .exits(1)
        .logs("No module named 'nosuch'")
        .run();
}

#[test]
fn a_failure_is_the_servers_page_and_a_traceback_on_standard_error() {
    let failed = ByHand::request(FAILS)
        .with(&["-i", "/x"])
        .exits(1)
        .logs(": GET /x: the application raised an exception: LookupError: not today\n")
        .logs("app.py\", line 4, in application\n")
        .run();
    let page = String::from_utf8(failed.stdout).expect("UTF-8");
    assert!(
        page.starts_with("HTTP/1.1 500 Internal Server Error\r\n"),
        "{page}"
    );
    assert!(page.ends_with("</html>\n"), "{page}");
    assert!(!page.contains("LookupError"), "{page}");
    let debug = ByHand::request(FAILS)
        .with(&["--debug"])
        .exits(1)
        .logs("LookupError")
        .prints();
    assert!(debug.contains("LookupError: not today"), "{debug}");
}

#[test]
fn a_crash_and_a_timeout_are_answered_too() {
    const CRASHES: &str = "import os\ndef application(e, s): os.abort()\n";
    const HANGS: &str = "import time\ndef application(e, s): time.sleep(60)\n";
    let page = ByHand::request(CRASHES)
        .exits(134)
        .logs("the process was killed by SIGABRT")
        .prints();
    assert!(
        page.starts_with("<!doctype html>") && page.contains("<h1>500 "),
        "{page}"
    );
    let page = ByHand::request(HANGS)
        .with(&["--timeout", "0.2", "-i"])
        .exits(1)
        .logs("timed out after 0.2 s (--timeout)")
        .prints();
    assert!(
        page.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"),
        "{page}"
    );
}

#[test]
fn a_reader_who_goes_is_no_failure() {
    const ENDLESS: &str = r#"
def application(environ, start_response):
    start_response("200 OK", [])
    while True:
        yield b"x" * 1000
"#;
    let endless = ByHand::request(ENDLESS);
    let mut child = endless
        .to_command()
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    assert!(child.wait().expect("an end").success());
}

#[test]
fn on_a_terminal_the_head_is_coloured() {
    let request = ByHand::request(STATUS).with(&["-i", "/404"]);
    let (screen, exit) = Terminal::start(request.to_command()).end();
    assert_eq!(exit, 0);
    assert_eq!(
        screen.replace("\r\n", "\n").replace('\r', ""),
        "HTTP/1.1 \x1b[33m404 Not Found\x1b[0m\n\x1b[1mX-A\x1b[0m: 1\n\
         \x1b[1mContent-Length\x1b[0m: 8\n\ncontent\n"
    );
}

#[test]
fn on_a_terminal_binary_content_is_not_dumped() {
    const APP: &str = r#"
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"\x89PNG\0", b"more"]
"#;
    let request = ByHand::request(APP);
    let (screen, exit) = Terminal::start(request.to_command()).end();
    assert_eq!(exit, 0);
    assert_eq!(
        screen,
        "(9 bytes of binary content: use -o FILE or a pipe)\r\n"
    );
}

#[test]
fn a_pipe_from_a_terminal_gets_the_bytes_alone() {
    let request = ByHand::request(ECHO).with(&["-i", "-d", "x"]);
    let path = request.working_directory().join("piped");
    let file = std::fs::File::create(&path).expect("a file");
    let terminal = Terminal::start_with(request.to_command(), |command| {
        command.stdout(file);
    });
    assert_eq!(terminal.end(), (String::new(), 0));
    let piped = std::fs::read_to_string(path).expect("text");
    assert!(piped.starts_with("HTTP/1.1 200 OK\r\n"), "{piped}");
}
