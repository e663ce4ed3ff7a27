//! `git push` to dulwich: git sends in chunks what is over 64 KiB.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Host, LARGE, MIB, Upload};
use crate::harness::{folder, skip};

pub(super) fn push(host: Host) {
    if Command::new("git").arg("--version").output().is_err() {
        skip("git is not installed");
        return;
    }
    let prepare = |place: &Path| {
        git(place, &["init", "-q", "--bare", "-b", "main", "repository"]);
    };
    let Some(upload) = Upload::start(host, "dulwich_site", prepare) else {
        return;
    };
    let work = folder();
    let work = work.path();
    git(work, &["init", "-q", "-b", "main"]);
    let url = format!("http://{}{}/repository", upload.address, upload.url);
    for size in [65_536, MIB] {
        // Bytes that do not get fewer in a pack.
        fs::write(work.join("file"), &LARGE[size..2 * size]).expect("a file written");
        git(work, &["add", "file"]);
        git(work, &["commit", "-q", "-m", "sized"]);
        git(work, &["push", "-q", &url, "main"]);
        let there = upload.kept.path().join("repository");
        let [ours, theirs] = [work, &there].map(|place| git(place, &["rev-parse", "main"]));
        assert_eq!(ours, theirs, "{size}: {}", upload.log());
        git(&there, &["fsck", "--strict"]);
        let kept = git(&there, &["cat-file", "-s", "main:file"]);
        assert_eq!(kept.trim(), size.to_string());
    }
    // What git asks with before it sends chunks, and what nobody but a stranger sends.
    for body in [&b"0000"[..], b""] {
        upload.both("POST", "/repository/git-receive-pack", body, |it| {
            it.header("Content-Type", "application/x-git-receive-pack-request")
        });
    }
}

#[track_caller]
fn git(place: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
        .args(["-c", "http.postBuffer=1", "-c", "safe.directory=*"])
        .args(arguments)
        .current_dir(place)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
