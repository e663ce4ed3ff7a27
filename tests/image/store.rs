//! The folder for images: what is not ours stays, what is no file hangs nobody, and nothing in it is
//! for anybody to download.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::{HELLO, Site, eventually};

fn age(path: &Path, seconds: u64) {
    let file = std::fs::File::options().append(true).open(path);
    let past = SystemTime::now() - Duration::from_secs(seconds);
    let set = file.and_then(|file| file.set_modified(past));
    set.expect("a time set");
}

fn fifo(path: &Path) {
    let made = Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(path)
        .status();
    assert!(made.expect("mkfifo").success());
}

#[test]
fn other_peoples_files_stay() {
    let site = Site::new(HELLO);
    site.make();
    let name = "0123456789abcdef0123456789abcdef";
    let theirs = [
        "holiday.image".to_owned(),
        "holiday.bad".to_owned(),
        "list.refused".to_owned(),
        "a.used".to_owned(),
        "b.new".to_owned(),
        "c.lock".to_owned(),
        format!("{name}.image"),
        format!("{name}.new"),
        format!("{name}.tries"),
        format!("{name}.txt"),
        format!("{}.image", name.to_uppercase()),
    ];
    for name in &theirs {
        std::fs::write(site.cache().join(name), "theirs").expect("written");
        age(&site.cache().join(name), 10 * 86_400);
    }
    site.make();
    assert!(site.command(&["drop", "app.cgi"]).status.success());
    assert!(site.command(&["drop"]).status.success());
    for name in &theirs {
        let text = std::fs::read_to_string(site.cache().join(name));
        assert_eq!(text.expect(name), "theirs");
    }
    let status = site.command(&["status"]);
    assert!(String::from_utf8_lossy(&status.stdout).starts_with("There is no image"));
}

#[test]
fn what_makers_left_behind_is_swept_away() {
    let site = Site::new(HELLO);
    site.make();
    let image = std::fs::read(site.image()).expect("an image");
    let left = |name: &str, ending: &str, text: &[u8], seconds| {
        let path = site.cache().join(format!("{}.{ending}", name.repeat(32)));
        std::fs::write(&path, text).expect("written");
        age(&path, seconds);
        path
    };
    let old = [
        left("1", "new", &image, 4000),
        left("1", "lock", b"", 4000),
        left("2", "new", b"", 4000),
        left("3", "lock", b"", 4000),
        left("4", "used", b"...", 3 * 86_400),
        left("5", "tries", b".", 3 * 86_400),
        left("6", "firsts", b".", 3 * 86_400),
    ];
    let young = [
        left("7", "new", &image, 60),
        left("8", "lock", b"", 60),
        left("9", "tries", b".", 4000),
    ];
    // Somebody is still at this one.
    let held = left("a", "lock", b"", 4000);
    let lock = std::fs::File::open(&held).expect("a lock");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    let new = left("a", "new", &image, 4000);
    site.make();
    for path in &old {
        assert!(!path.exists(), "{}", path.display());
    }
    for path in young.iter().chain([&held, &new]) {
        assert!(path.exists(), "{}", path.display());
    }
}

#[test]
fn a_fifo_blocks_no_request() {
    let site = Site::new(HELLO);
    site.make();
    let image = site.image();
    for ending in ["image", "bad", "refused", "used", "new", "lock", "tries"] {
        assert!(site.command(&["drop"]).status.success());
        let path = image.with_extension(ending);
        _ = std::fs::remove_file(&path);
        fifo(&path);
        fifo(&site.cache().join(format!("{}.{ending}", "b".repeat(32))));
        assert!(site.command(&["status"]).status.success(), "{ending}");
        let answer = site.request().logs_anything().run();
        assert!(["cold", "restored"].contains(&answer.text()), "{ending}");
        // It ends, with an image or a reason.
        let made = site.command(&["make", "app.cgi"]);
        assert_eq!(made.status.success(), made.stderr.is_empty(), "{ending}");
        _ = std::fs::remove_file(&path);
    }
}

#[test]
fn no_image_is_kept_below_the_document_root() {
    let site = Site::new(HELLO);
    let remedy = "name another folder with --cache-dir or WSGI_CGI_CACHE_DIR";
    std::os::unix::fs::symlink(site.folder.path(), site.file("link")).expect("a link");
    for variable in ["DOCUMENT_ROOT", "CONTEXT_DOCUMENT_ROOT"] {
        for root in [site.folder.path(), &site.file("link")] {
            let request = site.request().variable(variable, root);
            assert_eq!(request.logs(remedy).run().text(), "cold");
            assert!(!site.cache().exists());
        }
    }
    // Nor is one used that was made by hand.
    site.make();
    let request = site.request().variable("DOCUMENT_ROOT", site.folder.path());
    assert_eq!(request.logs(remedy).run().text(), "cold");
    let request = site
        .request()
        .variable("DOCUMENT_ROOT", site.file("htdocs"));
    assert_eq!(request.run().text(), "restored");
}

#[test]
fn control_characters_in_names_are_escaped() {
    let site = Site::new(HELLO);
    let name = "\u{1b}[2Japp\n\u{9b}x.cgi";
    std::fs::rename(site.script(), site.file(name)).expect("moved");
    let request = || site.request().program(site.file(name));
    let answer = request().logs("there is no image yet").run();
    let lines: Vec<&str> = answer.log.lines().collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(!lines[0].chars().any(char::is_control), "{lines:?}");
    eventually("an image", || !site.kept("image").is_empty());
    assert!(site.command(&["make", name]).status.success());
    let status = site.command(&["status"]);
    let status = String::from_utf8(status.stdout).expect("text");
    let is_clean = |text: &str| {
        !text
            .chars()
            .any(|letter| letter.is_control() && letter != '\n')
    };
    assert!(is_clean(&status) && status.contains("app\\n"), "{status:?}");
    std::fs::write(site.file("bad\u{1b}.cgi"), "raise ValueError('\u{1b}[2J')").expect("written");
    let made = site.command(&["make", "bad\u{1b}.cgi"]);
    let log = String::from_utf8(made.stderr).expect("text");
    assert!(!made.status.success() && is_clean(&log), "{log:?}");
}
