//! How long an image is kept, where, and what is told of it.

use std::os::unix::fs::MetadataExt;

use super::{HELLO, Site, eventually};

#[test]
fn an_image_answers_max_restores_requests() {
    let site = Site::with_options("--max-restores 2", HELLO);
    site.make();
    assert_eq!(site.restored(), "restored");
    assert_eq!(site.restored(), "restored");
    assert_eq!(site.cold("the image has answered 2 requests"), "cold");
    eventually("another image", || {
        let answer = site.request().logs_anything().run();
        answer.log.is_empty()
    });
}

#[test]
fn an_image_expires_after_max_age() {
    let site = Site::with_options("--max-age 0", HELLO);
    site.make();
    eventually("a clock that goes on", || {
        let answer = site.request().logs_anything().run();
        answer
            .log
            .contains("the image is older than 0 s (--max-age): it was made ")
    });
}

#[test]
fn a_folder_of_ones_own_choice() {
    let folder = crate::harness::folder();
    let place = folder.path().join("images");
    let site = Site::with_options(&format!("--cache-dir {}", place.display()), HELLO);
    let request = || site.request().without("WSGI_CGI_CACHE_DIR");
    let answer = request().logs("there is no image yet").run();
    assert_eq!(answer.text(), "cold");
    eventually("an image", || {
        request().logs_anything().run().text() == "restored"
    });
    assert!(site.kept("image").is_empty());
    let status = |arguments: &[&str]| {
        let done = site.command(arguments);
        assert!(done.status.success());
        String::from_utf8(done.stdout).expect("text")
    };
    let named = place.to_str().expect("text");
    let listed = status(&["status", "--cache-dir", named]);
    assert!(listed.contains("/app.cgi  "), "{listed}");
    // One of the requests before may still have one made.
    eventually("none", || {
        status(&["drop", "app.cgi"]);
        status(&["status", "--cache-dir", named]).contains("There is no image")
    });
}

#[test]
fn the_status_counts_requests_and_names_what_cannot_be_watched() {
    let site = Site::new(&format!(
        "import sqlite3\nsqlite3.connect('data.db').close()\n{HELLO}"
    ));
    site.make();
    site.restored();
    site.restored();
    let status = site.command(&["status"]);
    let status = String::from_utf8(status.stdout).expect("text");
    assert!(status.contains("  2 requests  "), "{status}");
    assert!(
        status.contains("while loading, the application used the database 'data.db'"),
        "{status}"
    );
}

#[test]
fn images_of_scripts_that_are_gone_are_swept_away() {
    let site = Site::new(HELLO);
    site.make();
    let other = Site::new(HELLO);
    let moved = site.image();
    std::fs::create_dir(other.cache()).expect("a folder");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(other.cache(), mode).expect("a mode");
    let name = moved.file_name().expect("a name");
    std::fs::copy(&moved, other.cache().join(name)).expect("copied");
    drop(site);
    other.make();
    other.image();
}

#[test]
fn a_refusal_lasts_until_a_file_that_it_depends_on_changes() {
    let site = Site::new(&format!("import helper\n{HELLO}"));
    let helper = site.file("helper.py");
    std::fs::write(&helper, "kept = open('data', 'w')\n").expect("written");
    assert!(!site.command(&["make", "app.cgi"]).status.success());
    let reason = format!("{}: no image: ", site.script().display());
    assert_eq!(site.cold(&reason), "cold");
    std::fs::write(&helper, "kept = None  # mended\n").expect("written");
    assert_eq!(site.cold("there is no image yet"), "cold");
    eventually("an image", || !site.kept("image").is_empty());
    assert!(site.kept("refused").is_empty());
    assert_eq!(site.restored(), "restored");
}

#[test]
fn the_pages_that_a_request_writes_to_are_kept_for_the_next() {
    let site = Site::new(HELLO);
    site.make();
    assert!(site.kept("pages").is_empty());
    assert_eq!(site.restored(), "restored");
    let [path] = &site.kept("pages")[..] else {
        panic!("one list of pages")
    };
    let first = std::fs::read(path).expect("a list");
    let file = |path| std::fs::metadata(path).expect("a file").ino();
    let before = file(path);
    assert_eq!(site.restored(), "restored");
    // It is taken as it is, and not made again.
    assert_eq!(file(path), before);
    // What is damaged, or of another image, is made anew; nobody waits for what is no file.
    for damaged in [&b""[..], b"wcsnapg1", &first[..first.len() - 1]] {
        std::fs::write(path, damaged).expect("written");
        assert_eq!(site.restored(), "restored");
        assert_eq!(std::fs::read(path).expect("a list").len(), first.len());
    }
    site.make();
    assert!(site.kept("pages").is_empty());
}
