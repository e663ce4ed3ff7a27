//! The page that a developer gets with `--debug`: what failed and where, in HTML for a browser and
//! in plain text for anything else; nothing in it runs, and the request's secrets stay out.

mod bounds;
mod browser;
mod kinds;

use std::process::Command;

use crate::harness::by_hand::ByHand;
use crate::harness::cgi::{Answer, Cgi};
use crate::harness::python;

/// Fails two calls deep, in a library, with something before it.
const FAILS: &str = r#"import json

class Odd:
    def __repr__(self):
        raise LookupError("not even a repr")

def parse(text, password):
    odd = Odd()
    return json.loads(text)

def application(environ, start_response):
    markup = "<script>document.title='owned'</script>"
    try:
        parse("{'no': json}", "open sesame")
    except ValueError as error:
        raise RuntimeError("cannot <i>be</i> read: " + markup) from error
"#;

/// The page as a browser gets it.
#[track_caller]
fn page(cgi: Cgi) -> Answer {
    let answer = cgi
        .option("--debug")
        .variable("HTTP_ACCEPT", "text/html,application/xhtml+xml,*/*;q=0.8")
        .exits(1)
        .logs("error ")
        .run();
    assert_eq!(answer.status, "500 Internal Server Error");
    assert_eq!(answer.header("Content-Type"), ["text/html; charset=utf-8"]);
    answer.error_id();
    answer
}

/// The page as a program gets it.
#[track_caller]
fn text(cgi: Cgi) -> String {
    let answer = cgi.option("--debug").exits(1).logs("error ").run();
    assert_eq!(answer.header("Content-Type"), ["text/plain; charset=utf-8"]);
    answer.text().to_owned()
}

/// Checks that all of it is there, in that order.
#[track_caller]
fn in_order(page: &str, parts: &[&str]) {
    let mut rest = page;
    for part in parts {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("no {part:?} in:\n{rest:.3000}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn a_browser_sees_what_failed_where_and_why() {
    let answer = page(Cgi::source(FAILS));
    in_order(
        answer.text(),
        &[
            "500 Internal Server Error",
            "GET http://example.org/app/",
            "<h1>RuntimeError</h1>",
            "cannot &lt;i&gt;be&lt;/i&gt; read: &lt;script&gt;",
            "The application raised an exception",
            "<details class=\"frame own\" open>",
            "<b>application</b>",
            "<b>app.py:16</b>",
            "<i>12</i>    markup = &quot;&lt;script&gt;",
            "<mark class=\"line\"><i>16</i>",
            "<th scope=\"row\">environ</th><td>&lt;the environ of this request",
            "It was raised because of",
            "<span class=\"module\">json.decoder.</span><wbr>JSONDecodeError</h3>",
            "<details class=\"frame\">",
            "decoder.py:",
            "<span class=\"library\">library</span>",
            "<details class=\"frame own\" open>",
            "<b>parse</b>",
            "<b>app.py:9</b>",
            "<th scope=\"row\">password</th><td>[masked]</td>",
            "<th scope=\"row\">odd</th><td>&lt;Odd: its repr raised LookupError&gt;</td>",
            "<section id=\"request\">",
            "<th scope=\"row\">Accept</th>",
            "<th scope=\"row\">SERVER_SOFTWARE</th><td>strict/1</td>",
        ],
    );
    assert!(answer.log.contains("Traceback (most recent call last)"));
}

#[test]
fn the_failing_expression_is_marked_where_python_tells_it() {
    let answer = page(Cgi::source(FAILS));
    let marked = answer.text().contains("return <em>json.loads(text)</em>");
    let minor = crate::harness::python_version().strip_prefix("3.");
    let can_tell = minor.and_then(|minor| minor.parse::<u32>().ok()) >= Some(11);
    assert_eq!(marked, can_tell, "{}", answer.text());
}

#[test]
fn debug_is_switched_on_wherever_settings_are() {
    for cgi in [
        Cgi::source(FAILS).variable("WSGI_CGI_DEBUG", "on"),
        Cgi::source(&format!(
            "# /// script\n# [tool.wsgi-cgi]\n# debug = true\n# ///\n{FAILS}"
        )),
    ] {
        let answer = cgi.exits(1).logs("RuntimeError").run();
        assert!(answer.text().contains("RuntimeError: cannot"));
    }
}

#[test]
fn a_program_gets_plain_text() {
    for accept in [
        None,
        Some("*/*"),
        Some("application/json"),
        Some("text/html;q=0, */*"),
        Some("text/plain"),
    ] {
        let mut cgi = Cgi::source(FAILS);
        if let Some(accept) = accept {
            cgi = cgi.variable("HTTP_ACCEPT", accept);
        }
        in_order(
            &text(cgi),
            &[
                "500 Internal Server Error\n",
                "the application raised an exception\n",
                "Traceback (most recent call last):\n",
                "/app.py\", line 14, in application\n",
                "      markup = \"<script>",
                "/app.py\", line 9, in parse\n    return json.loads(text)\n",
                "      password = [masked]\n",
                "json.decoder.JSONDecodeError: Expecting",
                "was the direct cause of the following exception:",
                "RuntimeError: cannot <i>be</i> read",
                "Request\n  GET http://example.org/app/\n",
                "  SERVER_SOFTWARE: strict/1\n",
            ],
        );
    }
}

#[test]
fn the_request_command_gets_the_same() {
    let printed = ByHand::request(FAILS)
        .with(&["--debug", "/a?page=2"])
        .exits(1)
        .logs("Traceback")
        .prints();
    in_order(
        &printed,
        &[
            "in parse",
            "RuntimeError: cannot",
            "localhost/a?page=2",
            "page: 2",
        ],
    );
    let printed = ByHand::request(FAILS)
        .with(&["--debug", "-i", "-H", "Accept: text/html"])
        .exits(1)
        .logs("Traceback")
        .prints();
    in_order(
        &printed,
        &["HTTP/1.1 500 ", "nosniff", "<h1>RuntimeError</h1>"],
    );
}

#[test]
fn the_page_runs_no_script_and_is_not_cached() {
    let answer = page(Cgi::source(FAILS));
    assert_eq!(answer.header("Cache-Control"), ["no-store"]);
    assert_eq!(answer.header("X-Content-Type-Options"), ["nosniff"]);
    let policy = answer.header("Content-Security-Policy")[0].to_owned();
    in_order(
        &policy,
        &[
            "default-src 'none'; style-src 'sha256-",
            "'; ",
            "frame-ancestors 'none'",
        ],
    );
    let page = answer.text();
    for tag in ["<script", "<link", "<img", "<form", "<a ", " style="] {
        assert!(!page.contains(tag), "{tag} in {page:.5000}");
    }

    let (_, rest) = page.split_once("<style>").expect("a style");
    let (style, _) = rest.split_once("</style>").expect("a whole style");
    let program = "import base64, hashlib, sys
print(base64.b64encode(hashlib.sha256(sys.argv[1].encode()).digest()).decode(), end='')";
    let hash = Command::new(python())
        .args(["-I", "-c", program, style])
        .output()
        .expect("Python runs");
    let hash = String::from_utf8(hash.stdout).expect("ASCII");
    assert!(
        policy.contains(&format!("'sha256-{hash}'")),
        "STYLE_HASH must be sha256-{hash}"
    );
}

#[test]
fn the_secrets_of_a_request_are_nowhere_in_the_page() {
    let source = r#"
def application(environ, start_response):
    innocent = environ["HTTP_AUTHORIZATION"]
    import base64
    inner = base64.b64decode(innocent.split()[1]).decode()
    raise KeyError(environ["HTTP_COOKIE"], environ["QUERY_STRING"], inner, environ["DB_PASSWORD"])
"#;
    let ask = || {
        Cgi::source(source)
            .variable("HTTP_AUTHORIZATION", "Basic bWU6b3BlbiBzZXNhbWU=")
            .variable("HTTP_COOKIE", "theme=dark; sid=0123456789abcdef")
            .variable("HTTP_X_API_KEY", "k")
            .variable("QUERY_STRING", "page=2&token=abcdefgh")
            .variable("REQUEST_URI", "/app/?page=2&token=abcdefgh")
            .variable("DB_PASSWORD", "swordfish")
            .variable("DATABASE_URL", "postgres://me:swordfish@db/shop")
    };
    let html = page(ask()).text().to_owned();
    let text = text(ask());
    for secret in [
        "bWU6b3BlbiBzZXNhbWU",
        "open sesame",
        "0123456789abcdef",
        "abcdefgh",
        "swordfish",
    ] {
        assert!(!html.contains(secret), "{secret} in {html}");
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    in_order(
        &text,
        &[
            "KeyError: ",
            "page: 2\n",
            "  Authorization: [masked]\n",
            "  Cookie: [masked]\n",
            "  X-Api-Key: [masked]\n",
        ],
    );
}

#[test]
fn without_debug_the_page_gives_nothing_away() {
    let answer = Cgi::source(FAILS)
        .variable("HTTP_ACCEPT", "text/html")
        .exits(1)
        .logs("RuntimeError")
        .run();
    answer.error_id();
    for inside in ["RuntimeError", "app.py", "environ", "parse"] {
        assert!(!answer.text().contains(inside), "{inside}");
    }
}

#[test]
fn after_the_head_there_is_no_page_and_no_variable_is_read() {
    let source = "import sys
class Loud:
    def __repr__(self):
        print('looked into')
        return 'loud'
def application(environ, start_response):
    loud = Loud()
    start_response('200 OK', [])
    yield b'begun'
    raise ValueError('in the middle')
";
    let answer = Cgi::source(source)
        .option("--debug")
        .exits(1)
        .logs("cut short")
        .run();
    assert_eq!(answer.body, b"begun");
    assert!(!answer.log.contains("looked into"), "{}", answer.log);
}

#[test]
fn a_head_request_gets_the_head_of_the_page() {
    let answer = Cgi::source(FAILS)
        .method("HEAD")
        .option("--debug")
        .exits(1)
        .logs("Run")
        .run();
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("Content-Type"), ["text/plain; charset=utf-8"]);
}
