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
