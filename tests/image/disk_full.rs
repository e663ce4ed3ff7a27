//! There is no room: requests are cold then, and not broken; what is restored needs none.

use std::process::Command;

use super::{HELLO, Site, eventually, programs};
use crate::harness::skip;

/// Makes an image, in a shell that has the variables of a request.
fn make() -> String {
    let program = programs().join("wsgi-cgi");
    format!(
        "env -i WSGI_CGI_CACHE_DIR=\"$WSGI_CGI_CACHE_DIR\" '{}' image make app.cgi 2>made",
        program.display()
    )
}

/// A shell's commands with a small file system in the place of the folder for images.
fn with_small_disk(site: &Site, options: &str, commands: &str) -> Option<super::Cgi> {
    let may = Command::new("unshare")
        .args(["-m", "mount", "-t", "tmpfs", "none", "/mnt"])
        .status();
    if !may.is_ok_and(|may| may.success()) {
        skip("only who may mount can have a small disk");
        return None;
    }
    std::fs::create_dir(site.cache()).expect("a folder");
    let commands = format!(
        "mount -t tmpfs -o mode=700,{options} none cache && {{ {commands}; exec ./app.cgi; }}"
    );
    let request = site.request().program("unshare");
    Some(request.arguments(&["-m", "sh", "-c", &commands]))
}

#[test]
fn while_an_image_is_written() {
    for size in ["4k", "64k", "1m", "2m"] {
        let site = Site::new(HELLO);
        let commands = make();
        let Some(request) = with_small_disk(&site, &format!("size={size}"), &commands) else {
            return;
        };
        let answer = request.logs("answered without an image").run();
        assert_eq!(answer.text(), "cold");
        let made = std::fs::read_to_string(site.file("made")).expect("a log");
        assert!(made.contains("No space left on device"), "{size}: {made}");
    }
}

#[test]
fn not_even_an_empty_file_can_be_created() {
    let site = Site::new(HELLO);
    // The folder itself is one.
    if let Some(request) = with_small_disk(&site, "nr_inodes=1", &make()) {
        let answer = request.logs("there is no image yet").run();
        assert_eq!(answer.text(), "cold");
    }
}

#[test]
fn after_an_image_was_made() {
    let site = Site::new(HELLO);
    let commands = format!("{}; cat /dev/zero >cache/large 2>made", make());
    if let Some(request) = with_small_disk(&site, "size=100m", &commands) {
        assert_eq!(request.run().text(), "restored");
    }
}

#[test]
fn no_file_may_grow() {
    let site = Site::new(HELLO);
    // Whoever writes more gets a signal, which ends who does not know it.
    for blocks in [0, 1, 100, 2000] {
        let request = site.shell(&format!("ulimit -f {blocks} && {}; exec ./app.cgi", make()));
        let answer = request.logs("answered without an image").run();
        assert_eq!(answer.text(), "cold");
        assert!(site.kept("image").is_empty());
    }
    // Those requests have had images made too, which may still be at it.
    eventually("an image", || {
        site.command(&["make", "app.cgi"]).status.success() && !site.kept("image").is_empty()
    });
    for blocks in [0, 1] {
        let request = site.shell(&format!("ulimit -f {blocks} && exec ./app.cgi"));
        assert_eq!(request.run().text(), "restored");
    }
}

#[test]
fn the_error_log_may_not_grow() {
    let site = Site::new(HELLO);
    std::fs::write(site.file("log"), "full").expect("written");
    let request = site.shell("ulimit -f 0 && exec ./app.cgi 2>>log");
    assert_eq!(request.run().text(), "cold");
}
