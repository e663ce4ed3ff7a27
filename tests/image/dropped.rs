//! Images are dropped and made while requests are answered.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{HELLO, Site};

/// A site is answering in several threads while another does something to it.
fn meanwhile(site: &Site, action: impl Fn()) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let answer = site.request().logs_anything().run();
                    let text = answer.text();
                    assert!(
                        ["cold", "restored"].contains(&text),
                        "{text}: {}",
                        answer.log
                    );
                    let is_cold = answer.log.contains("answered without an image");
                    assert_eq!(is_cold, text == "cold", "{}", answer.log);
                }
            });
        }
        action();
        is_over.store(true, Ordering::Relaxed);
    });
    site.settles_on(&["cold", "restored"]);
    site.image();
    assert!(site.kept("bad").is_empty());
}

#[test]
fn by_hand() {
    let site = Site::new(HELLO);
    site.make();
    meanwhile(&site, || {
        for _ in 0..10 {
            assert!(site.command(&["drop", "app.cgi"]).status.success());
            assert!(site.command(&["make", "app.cgi"]).status.success());
            assert!(site.command(&["drop"]).status.success());
        }
    });
}

#[test]
fn drop_leaves_no_file_and_says_when_there_is_no_image() {
    let site = Site::new(HELLO);
    let said = |arguments: &[&str]| {
        let done = site.command(arguments);
        assert!(done.status.success());
        String::from_utf8(done.stdout).expect("text")
    };
    for arguments in [&["drop", "app.cgi"][..], &["drop"]] {
        site.make();
        assert!(!site.kept("lock").is_empty());
        assert_eq!(said(arguments), "");
        let left: Vec<_> = std::fs::read_dir(site.cache()).expect("a folder").collect();
        assert!(left.is_empty(), "{left:?}");
        let folder = site.cache();
        let script = site.file("app.cgi");
        let of = match arguments {
            [_] => String::new(),
            _ => format!(" of `{}`", script.display()),
        };
        let expected = format!("There is no image{of} in `{}`.\n", folder.display());
        assert_eq!(said(arguments), expected);
    }
}

#[test]
fn with_their_folder() {
    let site = Site::new(HELLO);
    site.make();
    meanwhile(&site, || {
        for _ in 0..10 {
            // Somebody may make one in it meanwhile.
            _ = std::fs::remove_dir_all(site.cache());
            site.command(&["make", "app.cgi"]);
        }
    });
}

#[test]
fn replaced_by_other_files() {
    let site = Site::new(HELLO);
    site.make();
    meanwhile(&site, || {
        for _ in 0..10 {
            assert!(site.command(&["make", "app.cgi"]).status.success());
        }
    });
}
