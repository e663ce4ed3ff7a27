//! Where the executor cannot be laid, or cannot be loaded from, the log says so in one line, with the remedy.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::carrying::Single;
use crate::harness::cgi::Cgi;
use crate::harness::instead;

#[track_caller]
fn fails(request: Cgi, cause: &str, remedy: &str) {
    let answer = request.exits(1).logs(cause).logs(remedy).run();
    answer.error_id();
    assert!(
        answer.log.contains("that is built into `"),
        "{}",
        answer.log
    );
    assert_eq!(answer.log.lines().count(), 1, "{}", answer.log);
}

const REMEDY: &str =
    "name another folder with --cache-dir or WSGI_CGI_CACHE_DIR, or install from the archive";

/// The words of a command whose home is a file system with these options, and whose machine has no store
/// for those without a home.
fn with_home(single: &Single, options: &str) -> Vec<OsString> {
    const MOUNT: &str = "mount -t tmpfs none /var/cache; mount -t tmpfs -o \"$1\" none \"$2\"; shift 2; \
                         exec \"$@\"";
    let words = ["unshare", "--mount", "--propagation", "private"];
    let words = words.into_iter().chain(["sh", "-ec", MOUNT, "sh", options]);
    let home = [single.at("home").into()];
    words.map(OsString::from).chain(home).collect()
}

#[test]
fn a_full_disk_is_reported() {
    if !instead::is_possible() {
        return;
    }
    let single = Single::new();
    for (options, cause) in [
        ("mode=700,size=64k", "No space left on device"),
        ("mode=700,ro", "Read-only file system"),
        ("mode=700,noexec", "mounted `noexec`"),
    ] {
        let words = with_home(&single, options);
        fails(single.request_by(&words), cause, REMEDY);
        // Another folder helps, as the line says.
        let other = single.at("other");
        let helped = single
            .request_by(&words)
            .variable("WSGI_CGI_CACHE_DIR", &other);
        assert_eq!(helped.run().text(), "hello", "{options}");
        fs::remove_dir_all(other).expect("removed");
    }
}

#[test]
fn a_user_without_a_home_is_told_of_the_store() {
    if !instead::is_possible() {
        return;
    }
    let single = Single::new();
    let mut words = with_home(&single, "mode=700");
    let user = [
        "setpriv",
        "--reuid=54321",
        "--regid=54321",
        "--clear-groups",
    ];
    words.extend(user.map(OsString::from));
    let request = || single.request_by(&words).without("HOME");
    fails(request(), "this user has no home", REMEDY);
    fails(
        request(),
        "sudo install -d -m 1733 /var/cache/wsgi-cgi",
        REMEDY,
    );
}

#[test]
fn a_limit_on_file_size_is_reported() {
    let single = Single::new();
    let words = ["sh", "-c", "ulimit -f 100; exec \"$@\"", "sh"].map(OsString::from);
    fails(
        single.request_by(&words),
        "RLIMIT_FSIZE",
        "raise this limit with `ulimit -f`",
    );
}

#[test]
fn nothing_is_unpacked_below_the_document_root() {
    let single = Single::new();
    let store = single.at("store");
    let named = || single.request().variable("WSGI_CGI_CACHE_DIR", &store);
    let published = named().variable("DOCUMENT_ROOT", single.at(""));
    fails(
        published,
        "where the server may send them to anybody",
        "--cache-dir",
    );
    assert!(!store.exists());
    assert_eq!(named().run().text(), "hello");
    assert!(store.exists());
}

#[test]
fn an_incomplete_program_is_reported() {
    let single = Single::new();
    let file = File::options()
        .write(true)
        .open(single.at("wsgi-cgi"))
        .expect("a file");
    let length = file.metadata().expect("a length").len();
    // The last bytes of the executor are others.
    file.write_all_at(b"oh", length - 2).expect("written");
    let again = "upload the program again, to the same place (with FTP: in binary mode)";
    drop(file);
    fails(single.request(), "` is damaged", again);
    let file = File::options()
        .write(true)
        .open(single.at("wsgi-cgi"))
        .expect("a file");
    file.set_len(length - 2).expect("cut");
    drop(file);
    let answer = single.request().exits(1).logs(again).run();
    answer.error_id();
    let said = format!("is incomplete ({} of {length} bytes)", length - 2);
    assert!(answer.log.contains(&said), "{}", answer.log);
    assert!(single.laid().is_empty(), "nothing was laid");
}
