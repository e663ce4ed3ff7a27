//! Whatever goes wrong, the client gets a whole answer or sees that it is cut.

use super::ECHO;
use crate::harness::http_client::Request;
use crate::harness::serving::Serve;

const FAILS: &str = r#"
import os, signal
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/raise":
        raise LookupError("<not> today")
    if path == "/kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if path == "/exit":
        os._exit(3)
    if path == "/segfault":
        import ctypes
        ctypes.string_at(0)
    if path == "/short":
        start_response("200 OK", [("Content-Length", "10")])
        return [b"short"]
    def cut():
        yield b"begun"
        raise LookupError("too late")
    start_response("200 OK", [])
    return cut()
"#;

#[test]
fn an_exception_is_a_whole_page_and_shown_on_this_machine() {
    let serving = Serve::source(FAILS).start();
    let response = Request::get("/raise").by_a_person().send(serving.address());
    assert_eq!(response.status, 500);
    let page = response.text();
    assert!(page.contains("LookupError: <not> today"), "{page}");
    let (_, log) = serving.end_logging();
    assert!(log.contains("LookupError: <not> today"), "{log}");
}

#[test]
fn who_asks_by_hand_gets_plain_text_and_a_browser_a_page() {
    let serving = Serve::source(FAILS).start();
    let response = Request::get("/raise").by_a_person().send(serving.address());
    assert_eq!(
        response.header("content-type"),
        ["text/plain; charset=utf-8"]
    );
    assert!(
        response
            .text()
            .contains("Traceback (most recent call last):\n")
    );
    let response = Request::get("/raise")
        .by_a_person()
        .header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        .header("Cookie", "session=hush")
        .send(serving.address());
    assert_eq!(
        response.header("content-type"),
        ["text/html; charset=utf-8"]
    );
    let policy = response.header("content-security-policy")[0].to_owned();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    let page = response.text();
    assert!(
        page.contains("<h1>LookupError</h1>\n<p class=\"message\">&lt;not&gt; today</p>"),
        "{page}"
    );
    assert!(
        page.contains(">Cookie</th>") && !page.contains("hush"),
        "{page}"
    );
    serving.end_logging();
}

/// Who may not be a person at this machine gets an answer, and no inside knowledge.
#[test]
fn what_failed_is_shown_to_a_person_here_and_to_nobody_else() {
    let serving = Serve::source(FAILS).start();
    let here = "Host: localhost:8000\r\n";
    for (line, fields, is_shown) in [
        ("GET /raise HTTP/1.1", here.to_owned(), true),
        (
            "POST /raise HTTP/1.1",
            format!("{here}Origin: http://localhost:8000\r\n"),
            true,
        ),
        ("GET http://127.0.0.1/raise HTTP/1.1", here.to_owned(), true),
        // Another name leads here, or none.
        (
            "GET /raise HTTP/1.1",
            "Host: rebound.example\r\n".to_owned(),
            false,
        ),
        (
            "GET http://shop.example/raise HTTP/1.1",
            here.to_owned(),
            false,
        ),
        ("GET /raise HTTP/1.1", "Host:\r\n".to_owned(), false),
        ("GET /raise HTTP/1.0", String::new(), false),
        // Another server stands between.
        (
            "GET /raise HTTP/1.1",
            format!("{here}X-Forwarded-For: 192.0.2.1\r\n"),
            false,
        ),
        (
            "GET /raise HTTP/1.1",
            format!("{here}X-Forwarded-Proto: https\r\n"),
            false,
        ),
        (
            "GET /raise HTTP/1.1",
            format!("{here}X-Real-IP: 192.0.2.1\r\n"),
            false,
        ),
        (
            "GET /raise HTTP/1.1",
            format!("{here}Via: 1.1 proxy\r\n"),
            false,
        ),
        (
            "GET /raise HTTP/1.0",
            format!("{here}Connection: close\r\n"),
            false,
        ),
        (
            "GET /raise HTTP/1.1",
            format!("{here}Connection: TE, Close\r\n"),
            false,
        ),
        (
            "GET /raise HTTP/1.1",
            format!("{here}CDN-Loop: some\r\n"),
            false,
        ),
        (
            "GET /raise HTTP/1.1",
            format!("{here}Referer: https://shop.example/\r\n"),
            false,
        ),
        // Another site's page asks.
        (
            "POST /raise HTTP/1.1",
            format!("{here}Origin: http://evil.example\r\n"),
            false,
        ),
        (
            "POST /raise HTTP/1.1",
            format!("{here}Sec-Fetch-Site: cross-site\r\n"),
            false,
        ),
    ] {
        // A person's client does not close the connection: a second request does, a stranger's.
        let close = if line.ends_with("1.1") && !fields.contains("Connection") {
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        } else {
            ""
        };
        let answer = serving.raw(format!("{line}\r\n{fields}\r\n{close}"));
        assert!(
            answer.starts_with("HTTP/1.1 500 "),
            "{line} {fields}: {answer}"
        );
        assert_eq!(
            answer.contains("today"),
            is_shown,
            "{line} {fields}: {answer}"
        );
    }
    serving.end_logging();
}

#[test]
fn the_cause_of_a_failure_can_be_hidden_from_everybody() {
    for variable in ["off", "on"] {
        let serving = Serve::source(FAILS)
            .with(&["--no-debug-page"])
            .variable("WSGI_CGI_DEBUG", variable)
            .start();
        let response = Request::get("/raise").by_a_person().send(serving.address());
        assert_eq!(response.status, 500);
        assert!(!response.text().contains("today"));
        serving.end_logging();
    }
    crate::harness::by_hand::ByHand::command(&["serve", "app.py", "--no-debug-page", "--debug"])
        .file("app.py", ECHO)
        .exits(2)
        .logs("cannot be used with")
        .run();
}

#[test]
fn a_worker_that_dies_is_a_500() {
    let serving = Serve::source(FAILS).start();
    for path in ["/kill", "/exit", "/segfault"] {
        let response = Request::get(path).send(serving.address());
        assert_eq!(response.status, 500, "{path}");
        assert!(response.text().contains("error log"), "{path}");
    }
    let response = Request::new("HEAD", "/kill").send(serving.address());
    assert_eq!((response.status, response.text().as_str()), (500, ""));
    let (access, log) = serving.end_logging();
    assert_eq!(access.matches("\n500 GET /").count(), 3, "{access}");
    assert!(
        log.contains("the process for this request ended without an answer"),
        "{log}"
    );
    assert!(log.contains("SIGSEGV"), "{log}");
}

#[test]
fn a_response_that_is_cut_has_no_end() {
    let serving = Serve::source(FAILS).start();
    let answer = serving.raw("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.ends_with("5\r\nbegun\r\n"), "{answer}");
    let answer = serving.raw("GET /short HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.ends_with("\r\n\r\nshort"), "{answer}");
    serving.end_logging();
}

#[test]
fn an_application_that_cannot_be_loaded_is_a_500_until_it_is_mended() {
    for options in [&[][..], &["--preload"]] {
        let serving = Serve::source("def application(:\n").with(options).start();
        let response = Request::get("/").by_a_person().send(serving.address());
        assert_eq!(response.status, 500);
        assert!(response.text().contains("SyntaxError"));
        std::fs::write(serving.folder().join("app.py"), ECHO).expect("written");
        assert_eq!(serving.get("/"), "GET  / - 0\n", "{options:?}");
        serving.end_logging();
    }
}

#[test]
fn a_request_whose_time_is_over_is_a_504() {
    let serving = Serve::source(
        "import time\ndef application(environ, start_response):\n    time.sleep(600)\n",
    )
    .with(&["--timeout", "0.5"])
    .start();
    let response = Request::get("/").send(serving.address());
    assert_eq!(response.status, 504);
    let length = response.text().len();
    let (access, log) = serving.end_logging();
    let line = format!("\n504 GET / {length} B ");
    assert!(access.contains(&line), "{access}");
    assert!(!access.contains("cut short"), "{access}");
    assert!(log.contains("timed out after 0.5 s (--timeout)"), "{log}");
}
