//! `--record`: requests that ended in a 5xx are kept, and `request --replay` answers them again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::harness::by_hand::ByHand;
use crate::harness::cgi::Cgi;
use crate::harness::folder;

/// Answers with the status that the path names, or fails; `/unread` does so before it reads.
const APP: &str = r#"
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/unread":
        raise RuntimeError("unread")
    content = environ["wsgi.input"].read()
    if path == "/fails":
        raise RuntimeError("failed with %r" % content)
    start_response(path[1:], [("Content-Type", "text/plain")])
    if path.endswith("cut"):
        return cut()
    return [content]

def cut():
    yield b"begun"
    raise RuntimeError("cut")
"#;

/// A request whose folder for records is in a folder of its own.
fn recording(records: &Path) -> Cgi {
    Cgi::source(APP).option("--record").option(records)
}

/// The files in a folder, in order of their names.
fn files(records: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(records) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

#[track_caller]
fn the_file(records: &Path) -> (PathBuf, String) {
    let [file] = &files(records)[..] else {
        panic!("{:?}", files(records));
    };
    (file.clone(), fs::read_to_string(file).expect("text"))
}

#[test]
fn a_failed_request_is_kept_and_answered_again() {
    let folder = folder();
    let records = folder.path().join("records");
    let answer = recording(&records)
        .path("/fails")
        .variable("QUERY_STRING", "a=1")
        .variable("HTTP_X_ODD", "\u{e9}\\\n")
        .post("content")
        .exits(1)
        .logs("failed with b'content'")
        .logs("wsgi-cgi request --replay ")
        .run();
    let (file, text) = the_file(&records);
    // One id for the page, the log and the file.
    let name = file
        .file_name()
        .and_then(|name| name.to_str())
        .expect("UTF-8");
    assert!(
        name.ends_with(&format!("-{}.request", answer.error_id())),
        "{name}"
    );
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&records), 0o700);
    assert!(text.starts_with("# wsgi-cgi request 1\n"), "{text}");
    assert!(text.contains("\nREQUEST_METHOD=POST\n"), "{text}");
    assert!(
        text.contains("\nHTTP_X_ODD=\\xc3\\xa9\\x5c\\x0a\n"),
        "{text}"
    );
    assert!(text.ends_with("\n\ncontent"), "{text}");

    let again = ByHand::request(APP)
        .variable("HOME", "/home/me")
        .with(&["--replay", file.to_str().expect("UTF-8")])
        .exits(1)
        .logs(": POST /app/fails: ")
        .logs("failed with b'content'")
        .run();
    assert!(again.stdout.ends_with(b"</html>\n"));
    let environ = ByHand::request(APP)
        .variable("HOME", "/home/me")
        .with(&["--env", "--replay", file.to_str().expect("UTF-8")])
        .prints();
    assert!(environ.contains("\nQUERY_STRING='a=1'\n"), "{environ}");
    assert!(environ.contains("\nHTTP_X_ODD='Ã©\\\\\\n'\n"), "{environ}");
    assert!(
        environ.contains("\nSERVER_SOFTWARE='strict/1'\n"),
        "{environ}"
    );
    assert!(!environ.contains("HOME="), "{environ}");
}

#[test]
fn what_the_application_answers_itself_counts_too() {
    let folder = folder();
    for (path, kept) in [
        ("/200 OK", 0),
        ("/404 Not Found", 0),
        ("/499 x", 0),
        ("/500", 1),
        ("/503", 2),
    ] {
        let request = recording(folder.path()).path(path);
        let request = if kept > 0 {
            request.logs("the request is recorded")
        } else {
            request
        };
        request.run();
        assert_eq!(files(folder.path()).len(), kept, "{path}");
    }
}

#[test]
fn a_response_that_was_cut_counts_too() {
    let folder = folder();
    recording(folder.path())
        .path("/200 cut")
        .exits(1)
        .logs("the request is recorded")
        .run();
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn content_that_nobody_read_is_kept() {
    let folder = folder();
    recording(folder.path())
        .path("/unread")
        .post("content")
        .exits(1)
        .logs("the request is recorded")
        .run();
    assert!(the_file(folder.path()).1.ends_with("\n\ncontent"));
}

#[test]
fn a_request_that_never_reached_the_application_is_kept() {
    let folder = folder();
    Cgi::source("import nosuch")
        .option("--record")
        .option(folder.path())
        .post("content")
        .exits(1)
        .logs("the request is recorded")
        .run();
    assert!(the_file(folder.path()).1.ends_with("\n\ncontent"));
    recording(folder.path())
        .option("--venv")
        .option("/no/such/venv")
        .exits(1)
        .logs("the request is recorded")
        .run();
    assert_eq!(files(folder.path()).len(), 2);
}

#[test]
fn secrets_are_left_out_unless_asked_for() {
    let folder = folder();
    let secret = |cgi: Cgi| {
        cgi.path("/fails")
            .variable("HTTP_AUTHORIZATION", "Basic c2VjcmV0")
            .variable("HTTP_PROXY_AUTHORIZATION", "c2VjcmV0")
            .variable("REDIRECT_HTTP_AUTHORIZATION", "Basic c2VjcmV0")
            .variable("HTTP_COOKIE", "sid=c2VjcmV0")
            .variable("HTTP_X_API_KEY", "c2VjcmV0")
            .variable("DATABASE_URL", "postgres://me:c2VjcmV0@db/x")
            .exits(1)
            .logs("the request is recorded")
            .run()
    };
    secret(recording(folder.path()));
    let (file, text) = the_file(folder.path());
    assert!(!text.contains("c2VjcmV0"), "{text}");
    assert!(
        text.contains(
            "\n# left out: DATABASE_URL, HTTP_AUTHORIZATION, HTTP_COOKIE, \
             HTTP_PROXY_AUTHORIZATION, HTTP_X_API_KEY, REDIRECT_HTTP_AUTHORIZATION\n"
        ),
        "{text}"
    );
    ByHand::request(APP)
        .with(&["--replay", file.to_str().expect("UTF-8")])
        .exits(1)
        .logs("left out: DATABASE_URL, HTTP_AUTHORIZATION, ")
        .run();
    fs::remove_file(file).expect("removed");
    secret(recording(folder.path()).option("--record-secrets"));
    let text = the_file(folder.path()).1;
    assert_eq!(text.matches("c2VjcmV0").count(), 6, "{text}");
}

#[test]
fn the_newest_files_are_kept() {
    let folder = folder();
    let other = folder.path().join("notes.txt");
    fs::write(&other, "").expect("written");
    let mut last = PathBuf::new();
    for _ in 0..4 {
        recording(folder.path())
            .option("--record-files")
            .option("2")
            .path("/503")
            .logs("the request is recorded")
            .run();
        let now = files(folder.path());
        assert!(now.contains(&other) && now.len() <= 3, "{now:?}");
        assert!(!now[now.len() - 2].eq(&last), "{now:?}");
        last.clone_from(&now[now.len() - 2]);
    }
    assert_eq!(files(folder.path()).len(), 3);
}

#[test]
fn a_file_has_no_more_bytes_than_it_may() {
    let folder = folder();
    let large = "x".repeat(100_000);
    recording(folder.path())
        .option("--record-bytes")
        .option("5000")
        .path("/fails")
        .post(large.as_str())
        .exits(1)
        .logs("the request is recorded")
        .run();
    let (file, text) = the_file(folder.path());
    assert_eq!(text.len(), 5000);
    ByHand::request(APP)
        .with(&["--replay", file.to_str().expect("UTF-8")])
        .exits(1)
        .logs(" of the 100000 bytes of content\n")
        .run();
    recording(folder.path())
        .option("--record-bytes")
        .option("10")
        .path("/503")
        .logs(": the request is not recorded: its variables and headers alone are ")
        .run();
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn the_environment_and_the_script_can_ask_for_it_too() {
    let folder = folder();
    let records = folder.path().join("a");
    Cgi::source(APP)
        .variable("REDIRECT_WSGI_CGI_RECORD", &records)
        .path("/503")
        .logs("the request is recorded")
        .run();
    assert_eq!(files(&records).len(), 1);
    let metadata = "# /// script\n# [tool.wsgi-cgi]\n# record = \"kept\"\n# ///\n";
    let answer = Cgi::source(&format!("{metadata}{APP}"))
        .path("/503")
        .logs("the request is recorded")
        .run();
    let own = answer.folder.expect("the script's folder");
    assert_eq!(files(&own.path().join("kept")).len(), 1);
}

#[test]
fn a_folder_that_the_server_might_hand_out_is_refused() {
    let folder = folder();
    let records = folder.path().join("records");
    recording(&records)
        .variable("DOCUMENT_ROOT", folder.path())
        .path("/503")
        .logs(": the request is not recorded: ")
        .logs("is below the document root")
        .run();
    assert_eq!(files(&records).len(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_changes_no_answer() {
    let answer = recording(Path::new("/proc/no/such"))
        .path("/503")
        .logs(": the request is not recorded: the folder `/proc/no/such` cannot be created: ")
        .run();
    assert_eq!(answer.status, "503 Service Unavailable");
}

#[test]
fn a_file_that_is_no_record_is_refused() {
    for (content, word) in [
        ("GET / HTTP/1.1\n\n", "this is not a recorded request"),
        ("# wsgi-cgi request 1\nA=1\n\n", "has no REQUEST_METHOD"),
        (
            "# wsgi-cgi request 1\nREQUEST_METHOD=GET\n",
            "or it is incomplete",
        ),
    ] {
        ByHand::request(APP)
            .file("file", content)
            .with(&["--replay", "file"])
            .exits(2)
            .logs(word)
            .run();
    }
    ByHand::request(APP)
        .with(&["--replay", "x", "/url"])
        .exits(2)
        .logs("cannot be used with")
        .run();
}
