//! `wsgi-cgi serve --scgi`, asked as a web server asks. What real web servers make of it is in `servers`.

mod cut;
mod ending;
mod lasting;
mod logs;
mod machines;
mod places;
mod refusals;
mod reloading;
mod requests;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use crate::harness::by_hand::ByHand;
use crate::harness::server::eventually;
use crate::harness::serving::{Serve, Serving};

/// Long enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shows what it was asked.
const ECHO: &str = r#"
def application(environ, start_response):
    content = environ["wsgi.input"].read()
    text = "%s [%s] [%s] %s %d\n" % (
        environ["REQUEST_METHOD"], environ["SCRIPT_NAME"], environ["PATH_INFO"],
        environ.get("CONTENT_LENGTH", "-"), len(content))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text.encode("latin-1")]
"#;

/// Each way in which a request can be answered.
const WAYS: [&[&str]; 3] = [&[], &["--preload"], &["--image"]];

/// A listener at `./socket` that answers with an application of that text.
#[track_caller]
fn serve(text: &str, with: &[&str]) -> Serving {
    serve_it(text, with).start()
}

fn serve_it(text: &str, with: &[&str]) -> Serve {
    serve_at("./socket", text, with)
}

fn serve_at(place: &str, text: &str, with: &[&str]) -> Serve {
    let arguments = [&["serve", "--scgi", place], with, &["app.py"]].concat();
    let command = ByHand::command(&arguments);
    let folder = command.working_directory().join("images");
    std::fs::create_dir(&folder).expect("a folder");
    private(&folder);
    let command = command.variable("WSGI_CGI_CACHE_DIR", &folder);
    Serve(command).file("app.py", text)
}

fn private(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).expect("permissions");
}

fn socket(serving: &Serving) -> PathBuf {
    serving.folder().join("socket")
}

/// A netstring of these names and values.
fn head(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut inside = String::new();
    for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
        inside.push_str(part);
        inside.push('\0');
    }
    format!("{}:{inside},", inside.len()).into_bytes()
}

/// A request for that path, as nginx makes it.
fn request(method: &str, path: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_string();
    let mut bytes = head(&[
        ("CONTENT_LENGTH", &length),
        ("SCGI", "1"),
        ("REQUEST_METHOD", method),
        ("REQUEST_URI", path),
        ("DOCUMENT_URI", path.split('?').next().unwrap_or_default()),
        (
            "QUERY_STRING",
            path.split_once('?').map_or("", |(_, query)| query),
        ),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "localhost"),
        ("SERVER_PORT", "80"),
        ("REMOTE_ADDR", "192.0.2.7"),
    ]);
    bytes.extend_from_slice(content);
    bytes
}

fn connect(serving: &Serving) -> UnixStream {
    let stream = UnixStream::connect(socket(serving)).expect("a listener");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Sends those bytes on a connection of their own, and reads until its end.
#[track_caller]
fn raw(serving: &Serving, bytes: &[u8]) -> String {
    let mut stream = connect(serving);
    stream.write_all(bytes).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("a proper end");
    String::from_utf8(answer).expect("UTF-8")
}

/// The same from a peer that says no more after that.
#[track_caller]
fn raw_to_the_end(serving: &Serving, bytes: &[u8]) -> String {
    let mut stream = connect(serving);
    stream.write_all(bytes).expect("sent");
    stream.shutdown(Shutdown::Write).expect("half closed");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("a proper end");
    String::from_utf8(answer).expect("UTF-8")
}

/// What follows the head of the answer to a GET.
#[track_caller]
fn get(serving: &Serving, path: &str) -> String {
    let answer = raw(serving, &request("GET", path, b""));
    let (head, content) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{answer}"));
    assert!(head.starts_with("Status: 200 OK"), "{answer}");
    content.to_owned()
}

/// Where images answer, waits for the one that the first request had made.
#[track_caller]
fn wait_for_image(serving: &Serving, way: &[&str]) {
    if !way.contains(&"--image") {
        return;
    }
    let folder = serving.folder().join("images");
    let made = || {
        let entries = std::fs::read_dir(&folder).expect("a folder");
        let mut names = entries.map(|entry| entry.expect("an entry").file_name());
        names.any(|name| name.to_string_lossy().ends_with(".image"))
    };
    if !eventually(PATIENCE, made) {
        // The process that made it may have been ended for its time under load: the next request has another made.
        get(serving, "/");
        assert!(eventually(PATIENCE, made), "{}", serving.log());
    }
}
