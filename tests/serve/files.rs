//! `--static`: files that the application does not see.

use super::ECHO;
use crate::harness::http_client::Request;
use crate::harness::serving::{Serve, Serving};

fn serving() -> Serving {
    let serve = Serve::source(ECHO).with(&["--static", "/s=files"]);
    let files = serve.working_directory().join("files/sub");
    std::fs::create_dir_all(&files).expect("a folder");
    let serve = serve
        .file("files/a b.css", "p {}\n")
        .file("files/data.tar.gz", "not really")
        .file("files/sub/index.html", "<p>\n")
        .file("files/.hidden", "secret\n");
    serve.start()
}

#[test]
fn a_file_is_sent_as_what_it_is() {
    let serving = serving();
    for (path, status, kind, content) in [
        ("/s/a%20b.css", 200, "text/css; charset=utf-8", "p {}\n"),
        ("/s/data.tar.gz", 200, "application/gzip", "not really"),
        ("/s/sub/", 200, "text/html; charset=utf-8", "<p>\n"),
        (
            "/s/.hidden",
            404,
            "text/plain; charset=utf-8",
            "There is nothing here.\n",
        ),
        (
            "/s/..%2fapp.py",
            404,
            "text/plain; charset=utf-8",
            "There is nothing here.\n",
        ),
        ("/other", 200, "text/plain", "GET  /other - 0\n"),
    ] {
        let response = Request::get(path).send(serving.address());
        assert_eq!(response.status, status, "{path}");
        assert_eq!(response.header("content-type"), [kind], "{path}");
        assert_eq!(response.text(), content, "{path}");
    }
    serving.end();
}

#[test]
fn a_folder_has_a_slash() {
    let serving = serving();
    let response = Request::get("/s/sub?q").send(serving.address());
    assert_eq!(response.status, 301);
    assert_eq!(response.header("location"), ["/s/sub/"]);
    serving.end();
}

#[test]
fn a_file_is_asked_for_and_not_changed() {
    let serving = serving();
    let response = Request::post("/s/a%20b.css", b"x").send(serving.address());
    assert_eq!(response.status, 405);
    assert_eq!(response.header("allow"), ["GET, HEAD"]);
    let response = Request::new("HEAD", "/s/a%20b.css").send(serving.address());
    assert_eq!(response.header("content-length"), ["5"]);
    assert_eq!(response.text(), "");
    serving.end();
}

#[test]
fn a_copy_that_is_still_good_is_not_sent_again() {
    let serving = serving();
    let response = Request::get("/s/a%20b.css").send(serving.address());
    let date = response.header("last-modified")[0].to_owned();
    let response = Request::get("/s/a%20b.css")
        .header("If-Modified-Since", &date)
        .send(serving.address());
    assert_eq!(response.status, 304);
    assert_eq!(response.text(), "");
    serving.end();
}

#[test]
fn a_state_of_a_file_has_a_tag_and_parts() {
    let serving = serving();
    let file = serving.folder().join("files/a b.css");
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let opened = std::fs::File::options().write(true).open(&file);
    opened.expect("opened").set_modified(old).expect("set");
    let get = || Request::get("/s/a%20b.css");

    let whole = get().send(serving.address());
    let tag = whole.header("etag")[0].to_owned();
    assert_eq!(whole.header("accept-ranges"), ["bytes"]);
    _ = whole.text();

    let same = get().header("If-None-Match", &tag).send(serving.address());
    assert_eq!((same.status, same.header("etag")), (304, vec![&tag[..]]));
    assert_eq!(same.text(), "");

    let part = get()
        .header("Range", "bytes=1-2")
        .header("If-Range", &tag)
        .send(serving.address());
    assert_eq!(part.status, 206);
    assert_eq!(part.header("content-range"), ["bytes 1-2/5"]);
    assert_eq!(part.header("content-length"), ["2"]);
    assert_eq!(part.text(), " {");

    let none = get().header("Range", "bytes=9-").send(serving.address());
    assert_eq!(none.status, 416);
    assert_eq!(none.header("content-range"), ["bytes */5"]);
    _ = none.text();

    let other = get().header("If-Match", "\"x\"").send(serving.address());
    assert_eq!(other.status, 412);
    _ = other.text();
    serving.end();
}
