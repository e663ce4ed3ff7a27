//! The page for those without a shell: what it says, and to whom.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Site;
use crate::harness::cgi::Cgi;
use crate::harness::{folder, program};

/// The page beside a site's script.
pub(super) fn page(site: &Site) -> Cgi {
    let script = site.script().with_file_name("doctor.cgi");
    fs::write(&script, format!("#!{}\n", program().display())).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("set");
    Cgi::file(&script)
}

/// Of 16 letters, the fewest that are enough.
pub(super) const WORD: &str = "ninety-nine-days";

/// The file that turns the page on.
pub(super) fn token(site: &Site, word: &str) -> PathBuf {
    let name = format!(".htdoctor-{word}");
    let file = site.script().with_file_name(name);
    fs::write(&file, "").expect("written");
    file
}

#[test]
fn the_page_needs_a_token_that_lies_beside_it() {
    let site = Site::new();
    let token_of = format!("token={WORD}");
    let asked = |query: &str| {
        page(&site)
            .variable("QUERY_STRING", query)
            .logs_anything()
            .run()
    };
    let says_nothing = |query: &str, why: &str| {
        let answer = asked(query);
        assert!(
            answer.status.starts_with("404"),
            "{query}: {}",
            answer.status
        );
        assert_eq!(answer.text(), "Not found\n");
        assert!(answer.log.contains(why), "{}", answer.log);
    };
    says_nothing("", "no valid ?token=");
    says_nothing(&token_of, "no file `.htdoctor-WORD` beside the script");
    let file = token(&site, WORD);
    token(&site, &WORD[..15]);
    says_nothing(&format!("token={}", &WORD[..15]), "at least 16");
    says_nothing("token=../../../../etc/passwd", "no valid ?token=");
    says_nothing(
        "token=ninety-nine-dayz",
        "no file `.htdoctor-WORD` beside the script",
    );
    says_nothing(&format!("mytoken={WORD}"), "no valid ?token=");
    let answer = asked(&token_of);
    assert!(answer.status.starts_with("200"), "{}", answer.status);
    assert!(
        answer.text().contains("Nothing is wrong"),
        "{}",
        answer.text()
    );
    assert!(
        answer.text().contains("app.cgi` answers GET / with 200"),
        "{}",
        answer.text()
    );
    let day = std::time::Duration::from_secs(86_400);
    let now = std::time::SystemTime::now();
    for other in [now - 2 * day, now + 2 * day] {
        let opened = fs::File::options().write(true).open(&file).expect("opened");
        opened.set_modified(other).expect("set");
        says_nothing(&token_of, "older than a day, or its time is in the future");
    }
    fs::remove_file(&file).expect("removed");
    std::os::unix::fs::symlink("app.cgi", &file).expect("linked");
    says_nothing(&token_of, "not a regular file owned by the script's owner");
}

#[test]
fn the_page_shows_no_secret() {
    let site = Site::new();
    token(&site, WORD);
    site.write(|text| {
        let text = text.replacen("wsgi-cgi\n", "wsgi-cgi --timeout=${DATABASE_PASSWORD}\n", 1);
        text.replace("return [", "raise ValueError('hunter2')\n    return [")
    });
    let answer = page(&site)
        .variable("QUERY_STRING", format!("token={WORD}"))
        .variable("DATABASE_PASSWORD", "hunter2")
        .variable("HTTP_COOKIE", "session=hunter2")
        .logs_anything()
        .run();
    assert!(
        answer.text().contains("answers GET / with 500"),
        "{}",
        answer.text()
    );
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    assert!(!answer.text().contains(WORD), "{}", answer.text());
}

#[test]
fn an_application_of_that_name_is_an_application() {
    let root = folder();
    let script = root.path().join("doctor.cgi");
    let text = "def application(environ, start_response):\n    start_response('200 OK', [])\n    \
                return [b'Dr. Who']\n";
    fs::write(&script, format!("#!{}\n{text}", program().display())).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("set");
    assert_eq!(Cgi::file(Path::new(&script)).run().text(), "Dr. Who");
}

#[test]
fn the_page_says_what_the_server_does_and_does_not() {
    let site = Site::new();
    token(&site, WORD);
    let asked = || page(&site).variable("QUERY_STRING", format!("format=json&token={WORD}"));
    let said = asked().run();
    assert_eq!(said.header("Content-Type"), ["application/json"]);
    assert!(
        said.text().contains("\"good\", \"about\": \"https\""),
        "{}",
        said.text()
    );
    let root = site.root.path().display().to_string();
    let said = asked()
        .variable("SERVER_SOFTWARE", "Apache/2.4")
        .variable("DOCUMENT_ROOT", root)
        .variable("HTTP_X_FORWARDED_PROTO", "https")
        .run();
    for expected in [
        "\"wrong\", \"about\": \"https\"",
        "\"note\", \"about\": \"root\"",
        "\"note\", \"about\": \"login\"",
        "CGIPassAuth On",
    ] {
        assert!(said.text().contains(expected), "{}", said.text());
    }
    let said = asked().variable("SERVER_SOFTWARE", "busybox httpd").run();
    assert!(
        said.text().contains("\"about\": \"uploads\""),
        "{}",
        said.text()
    );
    let said = asked()
        .variable("QUERY_STRING", format!("token={WORD}&script=../app.cgi"))
        .run();
    assert!(said.text().contains("without a folder"), "{}", said.text());
}

/// Apache's `Alias` and `ScriptAlias` lead to folders outside of the document root, and scripts see no difference
/// between the two; an alias of the script alone publishes nothing else.
#[test]
fn a_script_behind_an_alias_is_not_called_wrong() {
    let site = Site::new();
    token(&site, WORD);
    let folder = site.root.path().join("site");
    let said_of = |prefix: &str, mapped: &Path| {
        let said = page(&site)
            .variable("QUERY_STRING", format!("format=json&token={WORD}"))
            .variable("SERVER_SOFTWARE", "Apache/2.4")
            .variable("DOCUMENT_ROOT", "/var/www/html")
            .variable("CONTEXT_PREFIX", prefix)
            .variable("CONTEXT_DOCUMENT_ROOT", mapped)
            // Images are never kept below such a folder.
            .variable("WSGI_CGI_CACHE_DIR", "/tmp/elsewhere")
            .run();
        said.text().to_owned()
    };
    let good = "{\"verdict\": \"good\", \"about\": \"root\"";
    let note =
        "{\"verdict\": \"note\", \"about\": \"root\", \"said\": \"the server maps `/~ada/` to `";
    let log = "{\"verdict\": \"note\", \"about\": \"log\", \"said\": \"the error log `";
    let text = said_of("", Path::new("/var/www/html"));
    assert!(text.contains(good), "{text}");
    let text = said_of("/cgi-bin/doctor.cgi", &folder.join("doctor.cgi"));
    assert!(text.contains(good), "{text}");
    let text = said_of("/~ada/", &folder);
    assert!(text.contains(note) && text.contains(log), "{text}");
    assert!(!text.contains("\"verdict\": \"wrong\""), "{text}");
}

/// The program itself may be the script, and is an application's where one is named.
#[test]
fn the_program_may_be_the_page() {
    let site = Site::new();
    token(&site, WORD);
    let copy = site.script().with_file_name("doctor.cgi");
    crate::harness::copy_programs(copy.parent().expect("a folder"));
    fs::rename(copy.with_file_name("wsgi-cgi"), &copy).expect("renamed");
    let asked = || {
        Cgi::bare()
            .program(&copy)
            .variable("SCRIPT_FILENAME", &copy)
            .variable("QUERY_STRING", format!("token={WORD}&script=app.cgi"))
            .logs_anything()
    };
    let page = asked().run();
    assert!(
        page.text().contains("app.cgi` answers GET / with 200"),
        "{page:?}"
    );
    let named = asked().variable("WSGI_CGI_APP", site.script()).run();
    assert_eq!(named.text(), "hello");
}

/// A bug of the program while it makes the page: it is made once, and the server has a whole answer.
#[test]
fn a_panic_is_a_500() {
    let site = Site::new();
    token(&site, WORD);
    let asked = page(&site).variable("QUERY_STRING", format!("token={WORD}"));
    let asked = asked.variable("TEST_WSGI_CGI_PANIC", "doctor");
    let answer = asked.logs("bug in wsgi-cgi: ").exits(1).run();
    assert_eq!(answer.status, "500 Internal Server Error");
    assert_eq!(answer.log.matches("bug in wsgi-cgi").count(), 1);
}
