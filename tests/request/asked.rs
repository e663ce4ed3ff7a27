//! What is asked: method, URL, headers, content.

use super::ECHO;
use crate::harness::by_hand::ByHand;

/// What `ECHO` shows for these arguments, without the headers that nobody typed.
#[track_caller]
fn echo(arguments: &[&str]) -> String {
    let printed = ByHand::request(ECHO).with(arguments).prints();
    let lines = printed.lines().filter(|line| {
        !["HTTP_HOST=localhost", "HTTP_ACCEPT=*/*"].contains(line)
            && !line.starts_with("HTTP_USER_AGENT=wsgi-cgi/")
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn a_plain_request_is_a_get_of_the_root() {
    assert_eq!(
        echo(&[]),
        "REQUEST_METHOD=GET\nSCRIPT_NAME=\nPATH_INFO=/\nQUERY_STRING=\n\
         CONTENT_TYPE=-\nCONTENT_LENGTH=-\ncontent=\n"
    );
}

#[test]
fn a_url_has_a_path_and_a_query() {
    let shown = echo(&["/caf%C3%A9/a b?x=%20&y#part"]);
    assert!(shown.contains("PATH_INFO=/caf\u{e9}/a b\n"), "{shown}");
    assert!(shown.contains("QUERY_STRING=x=%20&y\n"), "{shown}");
}

#[test]
fn an_absolute_url_sets_host_port_and_scheme() {
    let environ = ByHand::request("")
        .with(&["--env", "https://example.org:8443/x"])
        .prints();
    for line in [
        "HTTP_HOST='example.org:8443'",
        "SERVER_NAME='example.org'",
        "SERVER_PORT='8443'",
        "HTTPS='on'",
        "wsgi.url_scheme='https'",
        "PATH_INFO='/x'",
    ] {
        assert!(
            environ.lines().any(|other| other == line),
            "{line}\n{environ}"
        );
    }
}

#[test]
fn method_and_headers_are_the_typed_ones() {
    let shown = ByHand::request(ECHO)
        .with(&[
            "-X", "patch", "-H", "X-A:  1 ", "-H", "x-empty;", "-H", "X-A: 2",
        ])
        .with(&["-H", "Accept:", "-H", "User-Agent: me", "-H", "Host: h:1"])
        .with(&["-H", "Content-Type: x/y"])
        .prints();
    assert_eq!(
        shown,
        "REQUEST_METHOD=patch\nSCRIPT_NAME=\nPATH_INFO=/\nQUERY_STRING=\n\
         HTTP_HOST=h:1\nHTTP_USER_AGENT=me\nHTTP_X_A=1, 2\nHTTP_X_EMPTY=\n\
         CONTENT_TYPE=x/y\nCONTENT_LENGTH=-\ncontent=\n"
    );
}

#[test]
fn data_is_posted_as_a_form() {
    let shown = echo(&["-d", "a=1", "-d", "-b=2"]);
    assert!(shown.starts_with("REQUEST_METHOD=POST\n"), "{shown}");
    assert!(
        shown.ends_with(
            "CONTENT_TYPE=application/x-www-form-urlencoded\nCONTENT_LENGTH=8\ncontent=a=1&-b=2\n"
        ),
        "{shown}"
    );
}

#[test]
fn data_comes_from_a_file_and_from_standard_input() {
    let printed = ByHand::request(ECHO)
        .file("data", b"1\r\n\x80\n")
        .stdin("typed")
        .with(&["-d", "@data", "-d", "@-"])
        .run();
    // Line ends are removed; ECHO shows the content as latin-1.
    assert!(
        printed
            .stdout
            .ends_with(b"CONTENT_LENGTH=8\ncontent=1\x80&typed\n")
    );
    let printed = ByHand::request(ECHO)
        .file("data", b"1\r\n\x80\n")
        .stdin("typed\n")
        .with(&["--data-binary", "@data", "--data-binary", "@-"])
        .run();
    // Byte for byte, line ends included.
    assert!(
        printed
            .stdout
            .ends_with(b"CONTENT_LENGTH=12\ncontent=1\r\n\x80\n&typed\n\n")
    );
    ByHand::request(ECHO)
        .with(&["-d", "@missing"])
        .exits(26)
        .logs("wsgi-cgi: cannot read `missing`: No such file or directory")
        .run();
}

#[test]
fn json_says_that_it_is() {
    let shown = echo(&["--json", r#"{"a": 1}"#]);
    assert!(shown.contains("HTTP_ACCEPT=application/json\n"), "{shown}");
    assert!(
        shown.ends_with("CONTENT_TYPE=application/json\nCONTENT_LENGTH=8\ncontent={\"a\": 1}\n"),
        "{shown}"
    );
}

#[test]
fn a_form_with_a_file_is_read_as_one() {
    const APP: &str = r#"
import email, email.policy
def application(environ, start_response):
    head = "Content-Type: %s\n\n" % environ["CONTENT_TYPE"]
    content = environ["wsgi.input"].read()
    assert int(environ["CONTENT_LENGTH"]) == len(content)
    message = email.message_from_bytes(head.encode() + content, policy=email.policy.HTTP)
    start_response("200 OK", [("Content-Type", "text/plain")])
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        yield ("%s %s %s %r\n" % (name, part.get_filename(), part.get_content_type(), content)).encode()
"#;
    let printed = ByHand::request(APP)
        .file("cat.png", b"\x89PNG\r\n\0")
        .stdin("typed")
        .with(&[
            "-F",
            "name=Tom",
            "-F",
            "picture=@cat.png",
            "-F",
            "note=@-;type=text/x;filename=n",
        ])
        .prints();
    assert_eq!(
        printed,
        "name None text/plain b'Tom'\n\
         picture cat.png image/png b'\\x89PNG\\r\\n\\x00'\n\
         note n text/x b'typed'\n"
    );
}

#[test]
fn a_log_in_and_cookies_are_headers() {
    let shown = echo(&["-u", "me:pw", "-b", "a=1; b=2", "-b", "c=3"]);
    assert!(
        shown.contains("HTTP_AUTHORIZATION=Basic bWU6cHc=\n"),
        "{shown}"
    );
    assert!(shown.contains("HTTP_COOKIE=a=1; b=2;c=3\n"), "{shown}");
}

#[test]
fn a_path_below_the_mount_is_taken_whole() {
    for path in ["/app/x", "/x"] {
        let shown = echo(&["--script-name", "/app", path]);
        assert!(
            shown.contains("SCRIPT_NAME=/app\nPATH_INFO=/x\n"),
            "{shown}"
        );
    }
    let shown = echo(&["--script-name", "/app"]);
    assert!(shown.contains("SCRIPT_NAME=/app\nPATH_INFO=\n"), "{shown}");
}

#[test]
fn a_variable_of_the_servers_can_be_set() {
    let environ = ByHand::request("")
        .with(&["--env", "--set", "REMOTE_USER=me", "--set", "HTTP_X=a=b"])
        .prints();
    assert!(environ.contains("\nREMOTE_USER='me'\n"), "{environ}");
    assert!(environ.contains("HTTP_X='a=b'\n"), "{environ}");
}

#[test]
fn an_invalid_request_is_reported() {
    for (arguments, exit, word) in [
        (
            &["ftp://x/"][..],
            3,
            "`ftp://x/` is neither a path nor an http or https URL",
        ),
        (
            &["/%00"],
            3,
            "`http://localhost/%00`: the path contains a NUL byte, which no server passes on",
        ),
        (
            &["-H", "no header"],
            2,
            "`-H no header`: expected `Name: value`",
        ),
        (
            &["-H", "no name: x"],
            2,
            "header `no name`: this is not a valid name",
        ),
        (
            &["-H", "X: a\nb"],
            2,
            "header `X`: the value must be one line: `a\\nb`",
        ),
        (&["-X", "GET /"], 2, "a method is one word, such as PUT"),
        (&["-F", "x"], 2, "`-F x`: expected NAME=VALUE"),
        (&["--set", "x"], 2, "`--set x`: expected NAME=VALUE"),
        (
            &["-I", "-d", "x"],
            2,
            "-I (HEAD) cannot be combined with content",
        ),
        (&["--as", "iis"], 2, "invalid value 'iis'"),
        (
            &["-o", "/no/such/file"],
            23,
            "cannot write `/no/such/file`: No such file",
        ),
    ] {
        let printed = ByHand::request(ECHO)
            .with(arguments)
            .exits(exit)
            .logs(word)
            .run();
        assert_eq!(printed.stdout, b"", "{arguments:?}");
    }
    ByHand::command(&["request", "/no/such.py"])
        .exits(2)
        .logs("/no/such.py")
        .run();
}

#[test]
fn a_kept_request_cannot_be_changed_by_options() {
    for option in [
        &["/x"][..],
        &["-X", "PUT"],
        &["-d", "x"],
        &["-F", "a=b"],
        &["-T", "file"],
        &["-u", "a:b"],
        &["-c", "jar"],
        &["--as", "apache"],
        &["-w", "x"],
        &["-L"],
    ] {
        ByHand::request(ECHO)
            .with(&["--replay", "kept"])
            .with(option)
            .exits(2)
            .logs("cannot be used with")
            .run();
    }
}
