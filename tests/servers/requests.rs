//! What the application sees of a request.

use std::collections::BTreeMap;

use super::{Kind, serve};
use crate::harness::http_client::{Request, Response};

/// What `environ.py` showed.
struct Seen(BTreeMap<String, String>);

impl Seen {
    #[track_caller]
    fn by(response: Response) -> Self {
        let (status, text) = (response.status, response.text());
        assert_eq!(status, 200, "{text}");
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self(
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    #[track_caller]
    fn get(&self, name: &str) -> &str {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {:#?}", self.0))
    }
}

pub(super) fn get(kind: Kind) {
    let (server, url) = serve(kind, "environ");
    let request = Request::get(&format!("{url}/a/b?c=d")).header("X-Asked", "yes");
    let seen = Seen::by(request.send(server.address));
    assert_eq!(seen.get("REQUEST_METHOD"), "GET");
    assert_eq!(seen.get("SCRIPT_NAME"), url);
    assert_eq!(seen.get("PATH_INFO"), "/a/b");
    assert_eq!(seen.get("QUERY_STRING"), "c=d");
    assert_eq!(seen.get("wsgi.url_scheme"), "http");
    assert_eq!(seen.get("wsgi.input read"), "b''");
    match kind {
        // It passes the headers it knows, and no others.
        Kind::MiniHttpd => assert!(!seen.0.contains_key("HTTP_X_ASKED")),
        _ => assert_eq!(seen.get("HTTP_X_ASKED"), "yes"),
    }
    // busybox sets neither SERVER_NAME nor SERVER_PORT: they come from the Host field.
    assert!(!seen.get("SERVER_NAME").is_empty());
    assert!(
        seen.get("SERVER_PORT").parse::<u16>().is_ok(),
        "{}",
        seen.get("SERVER_PORT")
    );
}

pub(super) fn head(kind: Kind) {
    let (server, url) = serve(kind, "hello");
    let response = Request::new("HEAD", &url).send(server.address);
    assert_eq!(response.status, 200);
    assert_eq!(response.bytes(), b"");
}

pub(super) fn bare_script_url(kind: Kind) {
    let (server, url) = serve(kind, "environ");
    let seen = Seen::by(Request::get(&url).send(server.address));
    assert_eq!(seen.get("SCRIPT_NAME"), url);
    assert_eq!(seen.get("PATH_INFO"), "");
    assert_eq!(seen.get("QUERY_STRING"), "");
}

pub(super) fn path_info_with_spaces_and_utf_8(kind: Kind) {
    let (server, url) = serve(kind, "environ");
    let request = Request::get(&format!("{url}/a%20b/caf%C3%A9/%25"));
    let seen = Seen::by(request.send(server.address));
    assert_eq!(seen.get("SCRIPT_NAME"), url);
    // UTF-8's bytes, each as the character of that number.
    assert_eq!(seen.get("PATH_INFO"), r"/a b/caf\xc3\xa9/%");
}

pub(super) fn path_info_with_an_encoded_slash(kind: Kind) {
    let (server, url) = serve(kind, "environ");
    let response = Request::get(&format!("{url}/a%2Fb")).send(server.address);
    match kind {
        // Refused by Apache unless AllowEncodedSlashes is set, and by busybox always.
        Kind::ApacheCgid
        | Kind::ApacheCgi
        | Kind::ApacheAction
        | Kind::ApacheProgram
        | Kind::ApacheScgi
        | Kind::BusyboxHashBang
        | Kind::BusyboxInterpreter => {
            assert_eq!(response.status, 404);
        }
        _ => assert_eq!(Seen::by(response).get("PATH_INFO"), "/a/b"),
    }
}

pub(super) fn query_without_an_equals_sign(kind: Kind) {
    let (server, url) = serve(kind, "environ");
    let seen = Seen::by(Request::get(&format!("{url}?word")).send(server.address));
    assert_eq!(seen.get("QUERY_STRING"), "word");
    assert_eq!(seen.get("argv"), "[]");
}

/// RFC 3875, section 4.4; CVE-2012-1823. Apache and mini_httpd pass these words as arguments.
pub(super) fn query_of_options_is_no_argument(kind: Kind) {
    let (server, url) = serve(kind, "environ");
    for query in [
        "--version+-c+%2Fetc%2Fpasswd",
        "-h",
        "--debug",
        "--log+%2Fdev%2Fnull",
    ] {
        let seen = Seen::by(Request::get(&format!("{url}?{query}")).send(server.address));
        assert_eq!(seen.get("QUERY_STRING"), query);
        assert_eq!(seen.get("argv"), "[]");
    }
}

pub(super) fn valid_environ(kind: Kind) {
    let (server, url) = serve(kind, "validated");
    let response = Request::get(&format!("{url}/path?query=1")).send(server.address);
    let (status, text) = (response.status, response.text());
    assert_eq!(
        (status, text.as_str()),
        (200, "valid\n"),
        "{}",
        server.log()
    );
}

/// The words of an indexed query are dropped from the arguments: not the script, where they name it.
pub(super) fn query_that_names_the_script(kind: Kind) {
    let (server, url) = serve(kind, "hello");
    let name = url.rsplit('/').next().expect("a name").to_owned();
    let script = server.script("hello");
    let encoded = script.display().to_string().replace('/', "%2F");
    for query in [name, script.display().to_string(), encoded] {
        let response = Request::get(&format!("{url}?{query}")).send(server.address);
        assert_eq!(response.status, 200, "{query}: {}", server.log());
    }
}
