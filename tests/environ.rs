//! The environ (PEP 3333, "environ Variables"; RFC 3875, section 4.1).

use crate::harness::cgi::{Answer, Cgi};

/// `key=type repr` lines.
fn environ() -> Cgi {
    Cgi::app("environ.py")
}

#[track_caller]
fn has(answer: &Answer, key: &str, value: &str) {
    let line = format!("'{key}'=str '{value}'");
    assert!(
        answer.text().lines().any(|found| found == line),
        "no {line} in\n{}",
        answer.text()
    );
}

#[track_caller]
fn lacks(answer: &Answer, key: &str) {
    let start = format!("'{key}'=");
    assert!(
        !answer.text().lines().any(|line| line.starts_with(&start)),
        "{key} is there"
    );
}

#[test]
fn it_is_a_real_dict_with_the_required_keys() {
    let answer = Cgi::source(
        "def application(environ, start_response):
    start_response('200 OK', [])
    assert type(environ) is dict
    assert environ['wsgi.version'] == (1, 0)
    assert environ['wsgi.run_once'] is True and environ['wsgi.multiprocess'] is True
    assert environ['wsgi.multithread'] is False and environ['wsgi.input_terminated'] is True
    assert None not in environ.values()
    assert all(type(key) is str for key in environ)
    return [b'fine']
",
    )
    .run();
    assert_eq!(answer.body, b"fine");
}

#[test]
fn what_the_server_left_out_is_supplied() {
    let mut cgi = environ();
    for name in [
        "PATH_INFO",
        "QUERY_STRING",
        "SERVER_NAME",
        "SERVER_PORT",
        "SCRIPT_NAME",
    ] {
        cgi = cgi.without(name);
    }
    let answer = cgi.run();
    for (name, value) in [
        ("PATH_INFO", "/"),
        ("QUERY_STRING", ""),
        ("SCRIPT_NAME", ""),
        ("SERVER_NAME", "localhost"),
        ("SERVER_PORT", "80"),
    ] {
        has(&answer, name, value);
    }
}

#[test]
fn every_value_and_key_is_the_raw_bytes_seen_as_latin_1() {
    let all: Vec<u8> = (1..=255).collect();
    let answer = Cgi::source(
        "def application(environ, start_response):
    start_response('200 OK', [])
    return [environ['HTTP_X_ALL'].encode('latin-1'), environ['M\\u00e9'].encode('latin-1')]
",
    )
    .raw_variable("HTTP_X_ALL", &all)
    .variable(
        <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"M\xe9"),
        "odd",
    )
    .run();
    assert_eq!(answer.body, [&all[..], b"odd"].concat());
}

#[test]
fn a_path_comes_decoded_and_is_not_decoded_again() {
    let answer = environ().path("//a%20b/%2F c").run();
    has(&answer, "PATH_INFO", "//a%20b/%2F c");
    let answer = environ()
        .raw_variable("PATH_INFO", "/\u{e4}".as_bytes())
        .run();
    has(&answer, "PATH_INFO", r"/\xc3\xa4");
}

#[test]
fn an_empty_content_length_is_the_same_as_none() {
    let answer = environ()
        .variable("CONTENT_LENGTH", "")
        .variable("CONTENT_TYPE", "")
        .run();
    lacks(&answer, "CONTENT_LENGTH");
    lacks(&answer, "CONTENT_TYPE");
}

#[test]
fn the_header_field_proxy_is_dropped() {
    let answer = Cgi::source(
        "import os
def application(environ, start_response):
    start_response('200 OK', [])
    return [repr(('HTTP_PROXY' in environ, 'HTTP_PROXY' in os.environ,
                  os.popen('env').read().count('HTTP_PROXY'))).encode()]
",
    )
    .variable("HTTP_PROXY", "http://evil.example")
    .run();
    assert_eq!(answer.text(), "(False, False, 0)");
}

#[test]
fn content_headers_do_not_come_twice() {
    let answer = environ()
        .variable("HTTP_CONTENT_TYPE", "x/y")
        .variable("HTTP_CONTENT_LENGTH", "3")
        .run();
    lacks(&answer, "HTTP_CONTENT_TYPE");
    lacks(&answer, "HTTP_CONTENT_LENGTH");
}

#[test]
fn authorization_is_found_after_a_redirect() {
    let answer = environ()
        .variable("REDIRECT_REDIRECT_HTTP_AUTHORIZATION", "Basic eDp5")
        .run();
    has(&answer, "HTTP_AUTHORIZATION", "Basic eDp5");
}

#[test]
fn the_server_name_carries_no_port() {
    let answer = environ()
        .variable("SERVER_NAME", "[::1]:8080")
        .without("SERVER_PORT")
        .run();
    has(&answer, "SERVER_NAME", "[::1]");
    has(&answer, "SERVER_PORT", "8080");
}

#[test]
fn an_ipv6_address_has_brackets() {
    has(
        &environ().variable("SERVER_NAME", "::1").run(),
        "SERVER_NAME",
        "[::1]",
    );
    let nameless = environ()
        .without("SERVER_NAME")
        .variable("SERVER_ADDR", "2001:db8::1");
    has(&nameless.run(), "SERVER_NAME", "[2001:db8::1]");
}

#[test]
fn the_root_as_script_name_is_empty_and_its_path_at_least_a_slash() {
    for name in ["/", ""] {
        let root = environ()
            .variable("SCRIPT_NAME", name)
            .without("PATH_INFO")
            .run();
        has(&root, "SCRIPT_NAME", "");
        has(&root, "PATH_INFO", "/");
    }
    let below = environ().path("").run();
    has(&below, "SCRIPT_NAME", "/app");
    has(&below, "PATH_INFO", "");
}

#[test]
fn a_path_that_is_not_empty_begins_with_a_slash() {
    let eaten = environ().variable("SCRIPT_NAME", "app").path("a/b").run();
    has(&eaten, "SCRIPT_NAME", "/app");
    has(&eaten, "PATH_INFO", "/a/b");
}

#[test]
fn the_scheme_is_told_by_https_not_by_the_protocol() {
    let answer = environ().variable("SERVER_PROTOCOL", "INCLUDED").run();
    has(&answer, "wsgi.url_scheme", "http");
    has(&answer, "SERVER_PROTOCOL", "INCLUDED");
    has(
        &environ().variable("HTTPS", "1").run(),
        "wsgi.url_scheme",
        "https",
    );
    has(
        &environ().variable("SERVER_PORT", "443").run(),
        "wsgi.url_scheme",
        "https",
    );
}

#[test]
fn the_script_name_may_be_replaced() {
    let answer = environ().option("--script-name").option("/shop").run();
    has(&answer, "SCRIPT_NAME", "/shop");
    has(
        &environ().variable("WSGI_CGI_SCRIPT_NAME", "/").run(),
        "SCRIPT_NAME",
        "",
    );
}

#[test]
fn a_method_of_300_letters_and_an_environment_of_100_kb_are_fine() {
    let answer = environ()
        .method(&"M".repeat(300))
        .variable("HTTP_X", "x".repeat(100_000))
        .run();
    has(&answer, "REQUEST_METHOD", &"M".repeat(300));
    assert!(answer.text().contains(&"x".repeat(100_000)));
}

#[test]
fn the_environment_of_the_process_is_passed_on() {
    has(
        &environ()
            .variable("LANG", "C")
            .variable("MY_SETTING", "1")
            .run(),
        "MY_SETTING",
        "1",
    );
}

#[test]
fn a_bad_content_length_is_answered_with_400() {
    for length in ["-1", "ten", "1e3", "+5", " 5", "99999999999999999999"] {
        let answer = environ()
            .variable("CONTENT_LENGTH", length)
            .exits(1)
            .logs("CONTENT_LENGTH")
            .run();
        assert_eq!(answer.status, "400 Bad Request", "{length}");
        answer.error_id();
    }
}

#[test]
fn a_request_without_a_method_is_an_error_that_names_it() {
    let answer = environ()
        .without("REQUEST_METHOD")
        .exits(1)
        .logs("no REQUEST_METHOD")
        .run();
    assert_eq!(answer.status, "500 Internal Server Error");
    answer.error_id();
}

/// What takes time for each of them, and not for each pair, is done within any host's limit of CPU.
#[test]
fn a_hundred_thousand_variables_are_accepted() {
    let folder = crate::harness::folder();
    let script = folder.path().join("app.py");
    let text = "import os
def application(environ, start_response):
    start_response('200 OK', [])
    assert environ['V99999'] == os.environ['V99999'] == '1'
    return [b'all']
";
    std::fs::write(&script, text).expect("a script");
    let limited = |command: &str, request: bool| {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("ulimit -t 15; {command}"), "sh"]);
        shell
            .arg(crate::harness::program())
            .arg(&script)
            .env_clear();
        if request {
            shell.env("REQUEST_METHOD", "GET");
        }
        shell.envs((0..100_000).map(|number| (format!("V{number}"), "1")));
        let output = shell.output().expect("sh");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.ends_with("all"), "{command}: {text} {output:?}");
    };
    limited("\"$1\" \"$2\"", true);
    limited("\"$1\" request \"$2\"", false);
    limited(
        "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | \"$1\" serve --inetd \"$2\"",
        false,
    );
}
