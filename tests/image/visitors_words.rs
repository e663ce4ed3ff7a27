//! No word of a visitor's is in any file of the store, whatever a server calls the variables that it
//! makes of what a visitor sends.

use std::collections::BTreeSet;

use super::{HELLO, Site, eventually};
use crate::harness::cgi::Cgi;

/// What every word begins with; a number follows.
const MARK: &str = "Wq7xZk-visitor-";

/// Variables that a visitor's words are in: those of CGI, those of modules, and those of nobody.
const NAMES: [&str; 30] = [
    "HTTP_COOKIE",
    "HTTP_AUTHORIZATION",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_USER_AGENT",
    "HTTP_X_OF_NOBODY",
    "REDIRECT_HTTP_AUTHORIZATION",
    "REDIRECT_REDIRECT_QUERY_STRING",
    "REDIRECT_OF_NOBODY",
    "QUERY_STRING",
    "PATH_INFO",
    "PATH_TRANSLATED",
    "REQUEST_URI",
    "REMOTE_USER",
    "REMOTE_IDENT",
    "REMOTE_HOST",
    "AUTH_TYPE",
    "CONTENT_TYPE",
    "UNIQUE_ID",
    "SSL_CLIENT_S_DN",
    "SSL_CLIENT_CERT_RFC4523_CEA",
    "SSL_SESSION_ID",
    "OIDC_access_token",
    "OIDC_CLAIM_email",
    "SHIB_Session_ID",
    "Shib-Identity-Provider",
    "eppn",
    "H2_STREAM_TAG",
    "MELLON_NAME_ID",
    "zGq_of_nobody",
    "x",
];

/// A POST with a word in each of these, and in its body.
fn request(site: &Site) -> Cgi {
    let request = site.request();
    let named = NAMES.iter().enumerate();
    let request = named.fold(request, |request, (number, name)| {
        let word = match *name {
            "PATH_INFO" | "REQUEST_URI" => format!("/{MARK}{number:02}/end"),
            _ => format!("{MARK}{number:02}"),
        };
        request.variable(name, word)
    });
    request.post(format!("a={MARK}99")).logs_anything()
}

/// The words that are in any file below the store.
fn found(site: &Site) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(site.cache()).expect("a store") {
        // What is only being made may lose its name meanwhile.
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        let mark = MARK.as_bytes();
        let places = bytes.windows(mark.len()).enumerate();
        for (place, _) in places.filter(|(_, window)| *window == mark) {
            let end = bytes.len().min(place + mark.len() + 2);
            let number = String::from_utf8_lossy(&bytes[place + mark.len()..end]);
            let number: Option<usize> = number.parse().ok();
            let name = number.and_then(|number| NAMES.get(number));
            let name = name.map_or_else(|| format!("the body ({number:?})"), ToString::to_string);
            found.insert(format!("{name} in {:?}", path.extension()));
        }
    }
    found
}

#[track_caller]
fn holds_none(loading: &str, must_be_restored: bool) {
    let site = Site::new(&format!("{loading}\n{HELLO}"));
    assert_eq!(request(&site).run().text(), "cold");
    eventually("an image, or a reason why there is none", || {
        !site.kept("image").is_empty() || !site.kept("refused").is_empty()
    });
    assert_eq!(found(&site), BTreeSet::new());
    for _ in 0..3 {
        let answer = request(&site).run();
        assert!(
            !must_be_restored || answer.text() == "restored",
            "{}",
            answer.log
        );
    }
    assert_eq!(found(&site), BTreeSet::new());
}

#[test]
fn an_application_that_reads_no_variable() {
    holds_none("", true);
}

#[test]
fn an_application_that_reads_some_variables() {
    holds_none(
        "import os, tempfile\nos.environ.get('HOME'), os.environ.setdefault('MODE', 'x'), \
         os.getenv('SERVER_SOFTWARE'), tempfile.gettempdir()",
        true,
    );
}

#[test]
fn an_application_that_copies_all_variables() {
    holds_none("import os\nown = dict(os.environ)", false);
}

#[test]
fn an_application_that_cannot_have_an_image() {
    holds_none("import os\nends = os.pipe()", false);
}
