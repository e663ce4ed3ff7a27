//! Which image is a script's: by its name as it was given, the working directory, the machine and
//! the groups of the user.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::{HELLO, Site, eventually, programs};
use crate::harness::cgi::Cgi;
use crate::harness::skip;

/// Answers with the names that it sees, and whether it was restored.
const NAMES: &str = r#"
import os, sys
loaded_by = os.getpid()
names = __file__, sys.argv[0], sys.path[0]
def application(environ, start_response):
    start_response("200 OK", [])
    way = "restored" if loaded_by != os.getpid() else "cold"
    return [("%s %s" % (way, " ".join(names))).encode()]
"#;

fn names(way: &str, file: &Path) -> String {
    let folder = file.parent().expect("a folder");
    let (file, folder) = (file.display(), folder.display());
    format!("{way} {file} {file} {folder}")
}

/// The script by another name, until an image answers.
#[track_caller]
fn settles_as(request: impl Fn() -> Cgi, cold: &str, restored: &str) {
    eventually("an image", || {
        let answer = request().logs_anything().run();
        assert!([cold, restored].contains(&answer.text()), "{answer:?}");
        answer.text() == restored && answer.log.is_empty()
    });
}

#[test]
fn two_links_to_one_script_are_two_applications() {
    let site = Site::new(NAMES);
    symlink("app.cgi", site.file("other.cgi")).expect("a link");
    for _ in 0..2 {
        for name in ["app.cgi", "other.cgi"] {
            let file = site.file(name);
            let request = || site.request().program(&file);
            settles_as(request, &names("cold", &file), &names("restored", &file));
        }
    }
    assert_eq!(site.kept("image").len(), 2);
}

#[test]
fn two_folders_that_are_linked_to_one_are_two_tenants() {
    let site = Site::new(NAMES);
    std::fs::create_dir(site.file("real")).expect("a folder");
    std::fs::rename(site.script(), site.file("real/app.cgi")).expect("moved");
    for tenant in ["one", "two"] {
        symlink("real", site.file(tenant)).expect("a link");
    }
    for tenant in ["one", "two", "one"] {
        let request = || {
            let folder = site.file(tenant);
            site.request()
                .program(folder.join("app.cgi"))
                .in_folder(folder)
        };
        let file = site.file(tenant).join("app.cgi");
        settles_as(request, &names("cold", &file), &names("restored", &file));
    }
}

#[test]
fn an_image_made_through_a_link_belongs_to_the_link() {
    let site = Site::new(NAMES);
    std::fs::create_dir(site.file("bin")).expect("a folder");
    symlink("../app.cgi", site.file("bin/link.cgi")).expect("a link");
    assert!(site.command(&["make", "bin/link.cgi"]).status.success());
    let request = site
        .request()
        .program(site.file("bin/link.cgi"))
        .in_folder(site.file("bin"));
    let answer = request.run();
    assert_eq!(answer.text(), names("restored", &site.file("bin/link.cgi")));
    // By either name it is dropped.
    assert!(site.command(&["drop", "bin/link.cgi"]).status.success());
    assert!(site.kept("image").is_empty());
    site.make();
    assert!(site.command(&["drop", "bin/link.cgi"]).status.success());
    assert!(site.kept("image").is_empty());
}

#[test]
fn a_relative_script_with_another_working_directory_is_found_fresh() {
    let site = Site::with_options("--chdir /", HELLO);
    let request = || site.request().program("./app.cgi");
    settles_as(request, "cold", "restored");
    assert_eq!(request().run().text(), "restored");
}

#[test]
fn groups_that_share_a_home_have_an_image_each() {
    if !rustix::process::geteuid().is_root() {
        skip("only root can act with other groups");
        return;
    }
    let site = Site::new(HELLO);
    let request = |groups: &str| {
        site.request()
            .program("setpriv")
            .arguments(&[groups])
            .argument(site.script())
    };
    for _ in 0..3 {
        for groups in ["--groups=1", "--groups=1,2", "--clear-groups"] {
            settles_as(|| request(groups), "cold", "restored");
        }
    }
    assert_eq!(site.kept("image").len(), 3);
}

#[test]
fn machines_that_share_a_home_have_an_image_each() {
    let site = Site::new(HELLO);
    let request = |name: &str| {
        let command = format!("hostname {name} && exec ./app.cgi");
        site.request()
            .program("unshare")
            .arguments(&["-u", "sh", "-c", &command])
    };
    if !std::process::Command::new("unshare")
        .args(["-u", "hostname", "one"])
        .status()
        .is_ok_and(|status| status.success())
    {
        skip("only who may name a machine can be two");
        return;
    }
    for _ in 0..3 {
        for machine in ["one", "two"] {
            settles_as(|| request(machine), "cold", "restored");
        }
    }
    assert_eq!(site.kept("image").len(), 2);
}

#[test]
fn a_cold_request_names_its_script() {
    let site = Site::new(HELLO);
    let entry = "GET /app/: answered without an image: there is no image yet";
    let entry = format!("wsgi-cgi: {}: {entry}", site.script().display());
    assert_eq!(site.request().logs(&entry).run().text(), "cold");
    let program = programs().join("wsgi-cgi");
    let gone = site.file("gone.cgi");
    let request = site.request().program(program).argument("--image");
    let request = request.argument(&gone).exits(1);
    let reason = format!(
        "answered without an image: `{}`: No such file",
        gone.display()
    );
    let answer = request.logs(&reason).run();
    assert_eq!(answer.status, "500 Internal Server Error");
}
