//! What the application is told is what CGI tells it, but for what is the server's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::harness::app;
use crate::harness::cgi::Cgi;
use crate::harness::http_client::Request;
use crate::harness::serving::Serve;

/// The server's own: its name, its addresses and where it has the script.
const OF_THE_SERVER: [&str; 10] = [
    "REMOTE_ADDR",
    "REMOTE_HOST",
    "REMOTE_PORT",
    "REQUEST_SCHEME",
    "REQUEST_URI",
    "SCRIPT_FILENAME",
    "SERVER_ADDR",
    "SERVER_PORT",
    "SERVER_SOFTWARE",
    "SERVER_NAME",
];

#[test]
fn serve_and_cgi_give_the_same_environ() {
    let text = std::fs::read_to_string(app("environ.py")).expect("an application");
    let serving = Serve::source(&text)
        .with(&["--script-name", "/app"])
        .start();
    let asked = Request::post("/app/a%20b/%FF?q=%20", b"content")
        .header("Content-Type", "text/x")
        .header("X-Twice", "1")
        .header("X-Twice", "2")
        .header("Cookie", "a=1")
        .send(serving.address());
    let served = entries(&asked.text());
    serving.end();

    let told = Cgi::source(&text)
        .raw_variable("PATH_INFO", b"/a b/\xff")
        .variable("QUERY_STRING", "q=%20")
        .variable("REQUEST_METHOD", "POST")
        .variable("CONTENT_TYPE", "text/x")
        .variable("HTTP_HOST", "localhost")
        .variable("HTTP_CONNECTION", "close")
        .variable("HTTP_X_TWICE", "1, 2")
        .variable("HTTP_COOKIE", "a=1")
        .variable("CONTENT_LENGTH", "7")
        .stdin("content")
        .run();
    let told = entries(told.text());

    let mut differing = String::new();
    for name in served.keys().chain(told.keys()).collect::<BTreeSet<_>>() {
        let (one, other) = (served.get(name), told.get(name));
        if one != other {
            _ = writeln!(differing, "{name}: serve {one:?}, CGI {other:?}");
        }
    }
    print!("{differing}");
    let unexpected: Vec<&str> = differing
        .lines()
        .filter(|line| {
            !OF_THE_SERVER
                .iter()
                .any(|own| line.starts_with(&format!("'{own}':")))
        })
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

fn entries(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .map(|line| line.split_once('=').expect("a name and a value"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn os_environ_has_the_request_too() {
    let serving = Serve::source(
        "import os\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    \
         return [os.environ['REQUEST_METHOD'].encode(), b' ', os.environ['KEPT'].encode()]\n",
    )
    .variable("KEPT", "yes")
    .variable("HTTP_COOKIE", "of the shell")
    .start();
    assert_eq!(serving.get("/"), "GET yes");
    serving.end();
}
