//! What this machine's suEXEC would run, by its own values: those of the real one, and of one that was built
//! with others.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

use super::Site;
use crate::harness::instead::{self, Instead};
use crate::harness::{program, skip};

const SUEXEC: &str = "/usr/lib/apache2/suexec";

/// A site of a user, as root sees it with something else in the place of this machine's; `None` without suEXEC.
fn site() -> Option<Site> {
    if !instead::is_possible() {
        return None;
    }
    if fs::metadata(SUEXEC).is_err() {
        skip(&format!("{SUEXEC} is not installed"));
        return None;
    }
    let site = Site::new();
    let given = Command::new("chown")
        .args(["-R", "12345:12345"])
        .arg(site.root.path())
        .status();
    assert!(given.expect("chown").success());
    Some(site)
}

/// The line about suEXEC.
fn said(seen: &Instead, script: &str) -> String {
    let words = seen.words();
    let done = Command::new(&words[0])
        .args(&words[1..])
        .arg(program())
        .args(["doctor", script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .output()
        .expect("started");
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let mut lines = text.lines().skip_while(|line| !line.contains(" suexec "));
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("nothing of suEXEC: {text}"));
    let remedy = lines
        .next()
        .map(str::trim)
        .filter(|line| line.starts_with("-> "));
    let words: Vec<&str> = line.split_whitespace().chain(remedy).collect();
    words.join(" ")
}

#[test]
fn its_document_root_decides() {
    let Some(site) = site() else { return };
    let script = site.script().display().to_string();
    let seen = Instead::default();
    let outside = said(&seen, &script);
    let expected = format!(
        "note suexec this machine's suEXEC (`{SUEXEC}`) runs only scripts in `/var/www` or `~USER/public_html`, where \
         `{script}` is not -> under suEXEC, move the script's folder there"
    );
    assert_eq!(outside, expected);
    let seen = Instead::default().of("/var/www", site.root.path());
    let inside = said(&seen, "/var/www/site/app.cgi");
    assert!(inside.starts_with("good suexec "), "{inside}");
}

#[test]
fn the_folder_in_a_home_counts() {
    let Some(site) = site() else { return };
    let passwd = site.root.path().join("passwd");
    let home = site.root.path().join("home");
    fs::create_dir(&home).expect("made");
    fs::rename(site.root.path().join("site"), home.join("public_html")).expect("moved");
    fs::write(
        &passwd,
        format!("ada:x:12345:12345::{}:/bin/sh\n", home.display()),
    )
    .expect("written");
    let script = home.join("public_html/app.cgi").display().to_string();
    let said = said(&Instead::default().of("/etc/passwd", &passwd), &script);
    assert!(said.starts_with("good suexec "), "{said}");
}

#[test]
fn the_least_numbers_decide() {
    let Some(site) = site() else { return };
    let script = site.script().display().to_string();
    let other = site.root.path().join("suexec");
    let seen = Instead::default().of(SUEXEC, &other);
    let prints = |least: u32| {
        let text = format!(
            "#!/bin/sh\nprintf ' -D AP_DOC_ROOT=\"/\"\\n -D AP_UID_MIN={least}\\n -D AP_GID_MIN=100\\n' >&2\n"
        );
        fs::write(&other, text).expect("written");
        fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).expect("set");
    };
    prints(20000);
    let small = said(&seen, &script);
    assert!(
        small.contains("runs nothing for a UID below 20000, and `"),
        "{small}"
    );
    assert!(small.contains(" has UID 12345 -> chown USER "), "{small}");
    prints(500);
    assert!(said(&seen, &script).starts_with("good suexec "));
    chown(site.script(), None, Some(7)).expect("given");
    let small = said(&seen, &script);
    assert!(
        small.contains("runs nothing for a GID below 100, and `"),
        "{small}"
    );
}
