//! `image status`: all images, the images of a path, and JSON.

use std::process::Command;

use super::{HELLO, Site};
use crate::harness::python;

/// A script with an image, and one in a subfolder without one.
fn site() -> Site {
    let site = Site::new(HELLO);
    site.make();
    site.restored();
    let made = Command::new("sh")
        .args([
            "-ec",
            "mkdir sub; sed '2s/$/kept = open(\"data\", \"w\")/' app.cgi >sub/other.cgi; chmod 755 sub/other.cgi",
        ])
        .current_dir(site.folder())
        .status();
    assert!(made.expect("sh").success());
    assert!(!site.command(&["make", "sub/other.cgi"]).status.success());
    site
}

fn status(site: &Site, arguments: &[&str]) -> String {
    let done = site.command(&[&["status"], arguments].concat());
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    String::from_utf8(done.stdout).expect("text")
}

#[test]
fn the_total_counts_all_images_and_a_path_selects_some() {
    let site = site();
    let all = status(&site, &[]);
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 3, "{all}");
    let total = lines[2];
    let place = format!(" kB of at most 2097152 kB in `{}`", site.cache().display());
    assert!(total.starts_with("1 image, "), "{total}");
    assert!(total.ends_with(&place), "{total}");
    let of_script = status(&site, &["app.cgi"]);
    assert!(of_script.contains("/app.cgi  "), "{of_script}");
    assert_eq!(of_script.lines().count(), 1);
    let of_folder = status(&site, &["sub"]);
    assert!(
        of_folder.contains("/sub/other.cgi: no image: "),
        "{of_folder}"
    );
    let last = of_folder.lines().last().expect("a total");
    assert!(last.starts_with("0 images, "), "{of_folder}");
    assert!(last.ends_with(" kB, of scripts below `sub`"), "{of_folder}");
    let all = status(&site, &["."]);
    assert!(
        all.contains("1 image, ") && all.lines().count() == 3,
        "{all}"
    );
    std::fs::create_dir(site.file("su")).expect("a folder");
    let none = status(&site, &["su"]);
    let said = format!("There is no image of `{}` in ", site.file("su").display());
    assert!(none.starts_with(&said), "{none}");
}

/// A script that is gone may still have an image; one that never was is a mistake.
#[test]
fn a_path_that_does_not_exist_is_an_error() {
    let site = site();
    std::fs::remove_file(site.script()).expect("removed");
    assert!(status(&site, &["app.cgi"]).contains("/app.cgi  "));
    assert!(site.command(&["drop", "app.cgi"]).status.success());
    for arguments in [
        &["status", "app.cgi"][..],
        &["status", "--json", "nosuch.cgi"],
        &["drop", "nosuch.cgi"],
    ] {
        let done = site.command(arguments);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        assert!(said.contains(".cgi`: No such file or directory"), "{said}");
        assert!(done.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn json_has_the_state_of_each_script() {
    const READ: &str = r#"
import json, sys
d = json.loads(sys.argv[1])
print(sorted(d))
print(d["images"], d["limit"], d["bytes"] == sum(s["bytes"] for s in d["scripts"]))
for s in d["scripts"]:
    print(s["script"].rsplit("/", 1)[1], s["state"], s.get("requests"), s.get("age_seconds", -1) >= (0 if s["state"] == "image" else -1), "steps" in s and len(s["steps"]) > 0,
          "other.cgi: no image" in s.get("reason", ""))
"#;
    let read = |text: &str| {
        let read = Command::new(python()).args(["-c", READ, text]).output();
        let read = read.expect("Python runs");
        assert!(read.status.success(), "{text}");
        String::from_utf8(read.stdout).expect("text")
    };
    let site = site();
    let keys = "['bytes', 'folder', 'images', 'limit', 'scripts']\n";
    let app = |steps| format!("app.cgi image 1 True {steps} False\n");
    let all = read(&status(&site, &["--json"]));
    let other = "other.cgi refused None True False True\n";
    assert_eq!(
        all,
        format!("{keys}1 2147483648 True\n{}{other}", app("False"))
    );
    let one = read(&status(&site, &["--json", "--explain", "app.cgi"]));
    assert_eq!(one, format!("{keys}1 2147483648 True\n{}", app("True")));
    std::fs::write(site.file("no.cgi"), "").expect("written");
    let none = read(&status(&site, &["--json", "no.cgi"]));
    assert_eq!(none, format!("{keys}0 2147483648 True\n"));
}
