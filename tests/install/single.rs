//! The program that carries its executor in one file: laid into the user's folder once, found there by every
//! other request, and never taken from where somebody else could have put it.

mod carrying;
mod places;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use carrying::Single;

#[test]
fn the_first_request_unpacks_it_and_later_ones_find_it() {
    let single = Single::new();
    assert_eq!(single.request().run().text(), "hello");
    let laid = single.laid();
    let [file] = laid.as_slice() else {
        panic!("not one file: {laid:?}");
    };
    let about = fs::symlink_metadata(file).expect("a file");
    assert_eq!(about.mode() & 0o7777, 0o600);
    let folder = fs::symlink_metadata(single.store()).expect("a folder");
    assert_eq!(folder.mode() & 0o7777, 0o700);
    assert_eq!(single.request().run().text(), "hello");
    let again = fs::symlink_metadata(file).expect("a file");
    assert_eq!(
        (about.ino(), about.ctime_nsec()),
        (again.ino(), again.ctime_nsec())
    );
    assert_eq!(single.laid(), laid);
}

#[test]
fn all_of_the_first_requests_are_answered() {
    let single = Single::new();
    let started: Vec<_> = (0..8).map(|_| single.request().spawn().0).collect();
    for child in started {
        let output = child.wait_with_output().expect("an answer");
        assert!(output.stdout.ends_with(b"hello"), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
    assert_eq!(single.laid().len(), 1);
}

#[test]
fn what_others_could_have_written_is_not_used() {
    let single = Single::new();
    single.request().run();
    let file = single.laid().remove(0);
    let content = fs::read(&file).expect("read");
    let is_laid_anew = |what: &str| {
        assert_eq!(single.request().run().text(), "hello", "{what}");
        let about = fs::symlink_metadata(&file).expect("a file");
        assert!(about.is_file() && about.mode() & 0o7777 == 0o600, "{what}");
        assert!(fs::read(&file).expect("read") == content, "{what}");
    };
    fs::set_permissions(&file, Permissions::from_mode(0o666)).expect("a mode");
    is_laid_anew("open to others");
    let other = single.at("other.so");
    fs::rename(&file, &other).expect("moved");
    symlink(&other, &file).expect("a link");
    is_laid_anew("a link");
    let cut = File::options().write(true).open(&file).expect("a file");
    cut.set_len(10_000).expect("cut");
    is_laid_anew("cut");
}

#[test]
fn an_executor_beside_the_program_wins() {
    let single = Single::new();
    single.put_executor_beside();
    assert_eq!(single.request().run().text(), "hello");
    assert!(!single.store().exists());
}

#[test]
fn executors_of_other_versions_are_removed_and_foreign_files_stay() {
    let single = Single::new();
    single.request().run();
    let file = single.laid().remove(0);
    let name = |name: &str| single.store().join(name);
    let (old, new) = (
        name("executor-0.0.1-0.abi3.so"),
        name("executor-0.0.2-0.abi3.so"),
    );
    let half = name("executor-0.0.1-0.abi3.so.7-7");
    let (text, open) = (
        name("executor-of-mine.abi3.so"),
        name("executor-open.abi3.so"),
    );
    for copy in [&old, &new, &open] {
        fs::copy(&file, copy).expect("copied");
    }
    fs::write(&half, "").expect("written");
    fs::write(&text, "notes").expect("written");
    for mine in [&half, &text] {
        fs::set_permissions(mine, Permissions::from_mode(0o600)).expect("a mode");
    }
    fs::set_permissions(&open, Permissions::from_mode(0o644)).expect("a mode");
    let before = SystemTime::now() - Duration::from_secs(7200);
    for aged in [&old, &half, &text, &open] {
        let touched = File::options().write(true).open(aged);
        touched
            .and_then(|it| it.set_modified(before))
            .expect("a time");
    }
    // Only who lays one looks for others.
    single.request().run();
    assert!(old.exists());
    fs::remove_file(&file).expect("removed");
    single.request().run();
    let mut left = [file, new, text, open];
    left.sort();
    assert_eq!(single.laid(), left);
}

#[test]
fn removing_images_leaves_it() {
    let single = Single::new();
    let request = || single.request().variable("WSGI_CGI_IMAGE", "1");
    crate::image::eventually("an image", || {
        let answer = request().logs_anything().run();
        assert_eq!(answer.text(), "hello");
        answer.log.is_empty()
    });
    let executors = || {
        let mut all = single.laid();
        all.retain(|file| file.to_string_lossy().contains("/executor-"));
        all
    };
    assert_eq!(executors().len(), 1);
    let dropped = single.command(&["image", "drop"]);
    assert!(dropped.status.success(), "{dropped:?}");
    assert_eq!(single.laid().len(), 1, "nothing but the executor is left");
    assert_eq!(executors().len(), 1);
    assert_eq!(single.request().run().text(), "hello");
}

#[test]
fn doctor_says_where_it_is() {
    let single = Single::new();
    let script = single.at("app.py").display().to_string();
    let found = single.command(&["doctor", &script]);
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    let [file] = &single.laid()[..] else {
        panic!("{said}");
    };
    let executor = format!("with the executor `{}`", file.display());
    assert!(said.contains(&executor), "{said}");
    // The script may name another folder.
    let other = single.at("other").display().to_string();
    let text = format!("# /// script\n# [tool.wsgi-cgi]\n# cache-dir = \"{other}\"\n# ///\n");
    fs::write(single.at("app.py"), text).expect("written");
    let found = single.command(&["doctor", &script]);
    let said = String::from_utf8_lossy(&found.stdout);
    assert!(
        said.contains(&format!("with the executor `{other}/executor-")),
        "{said}"
    );
}
