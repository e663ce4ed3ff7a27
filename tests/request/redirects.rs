//! `-L`: each further request is a single request of its own, with cookies.

use crate::harness::by_hand::ByHand;

/// Logs in, and sends elsewhere.
const APP: &str = r#"
import os
CALLS = []

def application(environ, start_response):
    CALLS.append(1)
    assert len(CALLS) == 1, "not a fresh process"
    assert os.environ["PATH_INFO"] == environ["PATH_INFO"]
    content = environ["wsgi.input"].read()
    path, root = environ["PATH_INFO"], environ["SCRIPT_NAME"]
    away = {
        "/login": ("302 Found", root + "/home?from=login"),
        "/again": ("307 Temporary Redirect", "home"),
        "/see": ("303 See Other", root + "/home"),
        "/loop": ("302 Found", root + "/loop"),
        "/host": ("302 Found", "http://example.org/"),
        "/out": ("302 Found", "/elsewhere"),
        "/secure": ("301 Moved Permanently", "https://localhost" + root + "/home"),
        "/chain": ("302 Found", root + "/login"),
        "/missing": ("302 Found", root + "/nothing"),
    }
    if path in away:
        status, location = away[path]
        headers = [("Location", location), ("Set-Cookie", "at=%s; Path=/" % path[1:])]
        start_response(status, headers)
        return [b"on the way\n"]
    start_response("404 Not Found" if path == "/nothing" else "200 OK", [("X-Scheme", environ["wsgi.url_scheme"])])
    shown = [environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], environ.get("HTTP_COOKIE"), environ.get("CONTENT_TYPE"), content]
    return [(" ".join(map(str, shown)) + "\n").encode()]
"#;

#[track_caller]
fn follow(arguments: &[&str]) -> String {
    ByHand::request(APP).with(&["-L"]).with(arguments).prints()
}

#[test]
fn a_log_in_leads_to_the_page_behind_it() {
    assert_eq!(
        follow(&["/login", "-d", "user=me", "-b", "x=1"]),
        "GET /home from=login at=login; x=1 None b''\n"
    );
}

#[test]
fn without_it_the_redirect_is_the_answer() {
    let printed = ByHand::request(APP).with(&["/login"]).prints();
    assert_eq!(printed, "on the way\n");
}

#[test]
fn method_and_content_are_sent_again_where_the_status_says_so() {
    let form = "application/x-www-form-urlencoded";
    assert_eq!(
        follow(&["/again", "-d", "a=1"]),
        format!("POST /home  at=again {form} b'a=1'\n")
    );
    assert_eq!(
        follow(&["/again", "-X", "PUT"]),
        "PUT /home  at=again None b''\n"
    );
    assert_eq!(
        follow(&["/see", "-d", "a=1"]),
        "GET /home  at=see None b''\n"
    );
    // As curl has it.
    assert_eq!(
        follow(&["/login", "-X", "PUT", "-d", "a=1"]),
        "PUT /home from=login at=login None b''\n"
    );
}

#[test]
fn content_from_standard_input_is_sent_again() {
    let large = "x".repeat(200_000);
    let printed = ByHand::request(APP)
        .with(&["-L", "/again", "--json", "@-"])
        .stdin(large.as_str())
        .prints();
    assert_eq!(
        printed,
        format!("POST /home  at=again application/json b'{large}'\n")
    );
}

#[test]
fn head_stays_head_and_each_head_is_shown() {
    let printed = follow(&["-I", "/chain"]);
    let lines: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("HTTP/1.1"))
        .collect();
    assert_eq!(
        lines,
        [
            "HTTP/1.1 302 Found",
            "HTTP/1.1 302 Found",
            "HTTP/1.1 200 OK"
        ]
    );
    let printed = follow(&["-i", "/login"]);
    assert!(!printed.contains("on the way"), "{printed}");
    assert!(
        printed.ends_with("\r\n\r\nGET /home from=login at=login None b''\n"),
        "{printed}"
    );
}

#[test]
fn a_change_to_https_is_followed() {
    let printed = follow(&["-i", "/secure"]);
    assert!(printed.contains("X-Scheme: https\r\n"), "{printed}");
}

#[test]
fn a_redirect_to_another_host_is_not_followed_and_reported() {
    let elsewhere = |arguments: &[&str], word: &str| {
        let request = ByHand::request(APP).with(&["-L"]).with(arguments);
        assert_eq!(request.logs(word).prints(), "on the way\n");
    };
    elsewhere(
        &["/host"],
        "wsgi-cgi: not followed: `http://example.org/` is on another server\n",
    );
    elsewhere(
        &["--script-name", "/app", "/app/out"],
        "wsgi-cgi: not followed: `/elsewhere` is not below `/app`, where the application is\n",
    );
}

#[test]
fn the_mount_and_the_server_stay() {
    let printed = follow(&["--as", "lighttpd", "/login"]);
    assert_eq!(printed, "GET /home from=login at=login None b''\n");
    let printed = follow(&["--script-name", "/app", "/chain"]);
    assert_eq!(printed, "GET /home from=login at=login None b''\n");
}

#[test]
fn a_loop_ends() {
    ByHand::request(APP)
        .with(&["-L", "/loop"])
        .exits(47)
        .logs("wsgi-cgi: the redirect was not followed: there were already 50 (--max-redirs)\n")
        .run();
}

#[test]
fn the_exit_status_is_that_of_the_last_answer() {
    ByHand::request(APP).with(&["-L", "-f", "/login"]).run();
    ByHand::request(APP)
        .with(&["-L", "-f", "/missing"])
        .exits(22)
        .logs("wsgi-cgi: the application answered `404 Not Found` (-f: exit status 22)\n")
        .run();
}

#[test]
fn the_folder_and_the_output_are_found_again() {
    let printed = ByHand::request(APP)
        .with(&["-L", "--chdir", "/", "-o", "answer", "/chain", "-v"])
        .logs("  GET /home?from=login, redirect 2\n")
        .run();
    assert_eq!(printed.stdout, b"");
    let answer = std::fs::read_to_string(printed.folder.path().join("answer")).expect("text");
    assert_eq!(answer, "GET /home from=login at=login None b''\n");
}
