//! What is refused, each in one sentence that names it; nothing is written then.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::{APP, Machine};

#[test]
fn a_name_is_not_a_path() {
    let machine = Machine::linked();
    let endless = "x".repeat(300);
    for bad in [
        "../x",
        "/x",
        "a/b",
        "",
        ".",
        "..",
        ".x",
        ".cgi",
        "nph-x",
        "NPH-x.cgi",
        "a b",
        "a\"b",
        "a%b",
        "é",
        &endless,
    ] {
        let log = machine.is_refused(&["host", "shop.py", &format!("--name={bad}")]);
        assert!(log.contains(&format!("`{bad}`")), "{log}");
    }
    machine.write("site/nph-shop.py", APP);
    let log = machine.is_refused(&["host", "nph-shop.py"]);
    assert!(
        log.contains("`nph-shop`") && log.contains("--name"),
        "{log}"
    );
    let done = machine.install(&["host", "nph-shop.py", "--nph"]);
    assert!(done.contains("/nph-shop.cgi\n"), "{done}");
    machine.install(&["host", "--name", "nph-shop", "--remove"]);
    for (application, script) in [("mein laden.py", "mein-laden.cgi"), ("-.py", "app.cgi")] {
        machine.write(&format!("site/{application}"), APP);
        let done = machine.install(&["host", &format!("./{application}")]);
        assert!(done.contains(&format!("/{script}\n")), "{done}");
    }
}

#[test]
fn a_folder_is_named_or_found() {
    let machine = Machine::linked();
    let log = machine.is_refused(&["host", "shop.py", "--to", "../none"]);
    assert!(log.contains("--to `../none` does not exist"), "{log}");
    let log = machine.is_refused(&["host", "shop.py", "--to", "shop.py"]);
    assert!(log.contains("--to `shop.py` is not a folder"), "{log}");
    fs::create_dir(machine.at("home/htdocs")).expect("a folder");
    let log = machine.is_refused(&["host", "shop.py"]);
    assert!(
        log.contains("/public_html`, `") && log.contains("--to"),
        "{log}"
    );
    fs::remove_dir(machine.at("home/htdocs")).expect("removed");
    // As some hosts have it: one folder by two names.
    std::os::unix::fs::symlink("public_html", machine.at("home/www")).expect("a link");
    let done = machine.install(&["host", "shop.py"]);
    assert!(done.contains("/public_html/shop.cgi\n"), "{done}");
    for name in [
        "home/www",
        "home/public_html/shop.cgi",
        "home/public_html/.htaccess",
    ] {
        fs::remove_file(machine.at(name)).expect("removed");
    }
    for name in ["www", "htdocs", "httpdocs", "html", "web"] {
        let (from, to) = (
            machine.at("home/public_html"),
            machine.at(format!("home/{name}")),
        );
        fs::rename(&from, &to).expect("renamed");
        let done = machine.install(&["host", "shop.py"]);
        assert!(done.contains(&format!("/home/{name}/shop.cgi\n")), "{done}");
        machine.install(&["host", "--name", "shop", "--remove"]);
        fs::rename(&to, &from).expect("renamed");
    }
    fs::remove_dir(machine.at("home/public_html")).expect("removed");
    let log = machine.is_refused(&["host", "shop.py"]);
    assert!(
        log.contains("none of the usual folders exists") && log.contains("--to"),
        "{log}"
    );
    let log = machine.is_refused(&["mini_httpd", "shop.py", "--to", "../pages"]);
    assert!(log.contains("a folder named `cgi-bin`"), "{log}");
    let log = machine.is_refused(&[
        "busybox",
        "shop.py",
        "--to",
        "../pages/cgi-bin",
        "--config=x",
    ]);
    assert!(log.contains("no configuration is needed"), "{log}");
}

#[test]
fn an_application_that_is_missing_or_unclear_is_refused() {
    let machine = Machine::linked();
    machine.write("site/odd.py", "shop = make()\n");
    machine.write("site/empty/notes.txt", "");
    for (app, says) in [
        ("none.py", "/none.py`: No such file"),
        ("odd.py", "name the callable, as in `"),
        ("none", "no module `none` in `"),
        ("empty/", "has no manage.py"),
        ("shop.py:a b", "what follows the colon"),
        ("config:none.ini", "/none.ini`: No such file"),
        ("", "neither an existing file"),
    ] {
        let log = machine.is_refused(&["host", app]);
        assert!(log.contains(says), "{app}: {log}");
    }
    machine.write(
        "site/shop.ini",
        "[app:small]\nuse = egg:shop\n[composite:main]\n",
    );
    machine.write("site/pack/__init__.py", "import shop as own\n");
    machine.write("site/pack/sub.py", APP);
    for (app, says) in [
        (
            "shop.py:applicaton",
            "/shop.py` has no `applicaton`: did you mean `",
        ),
        (
            "shop:server.wsgi",
            "/shop.py` has no `server`: did you mean `",
        ),
        ("shop.py:make()", "/shop.py:application`?"),
        ("odd.py:shp", "/odd.py:shop`?"),
        (
            "empty.py:shop",
            "/empty.py` has no `shop`: name the callable that it has",
        ),
        ("pack:sib", "/pack/__init__.py` has no `sib`"),
        (
            "config:shop.ini#large",
            "/shop.ini` has no section for `large`",
        ),
    ] {
        machine.write("site/empty.py", "# shop\n");
        let log = machine.is_refused(&["host", app]);
        assert!(log.contains(says), "{app}: {log}");
    }
    machine.write("site/star.py", "from shop import *\n");
    for app in [
        "star.py:anything",
        "pack:own",
        "pack:sub.application",
        "config:shop.ini#small",
        "config:shop.ini#main",
    ] {
        machine.install(&["host", app, "--dry-run"]);
    }
    for (option, says) in [
        ("--venv=none", "is not a virtual environment"),
        ("--url=/x", "--url works only for"),
        ("--config=conf", "--config works only for"),
    ] {
        let log = machine.is_refused(&["host", "shop.py", option]);
        assert!(log.contains(says), "{option}: {log}");
    }
    for (url, is_good) in [
        ("/shop", true),
        ("shop", false),
        ("/", true),
        ("//", false),
        ("/a/../b", false),
        ("/a b", false),
    ] {
        let words = [
            "nginx",
            "shop.py",
            "--dry-run",
            "--to",
            "../cgi-bin",
            "--url",
            url,
        ];
        assert_eq!(machine.run(&words).status.success(), is_good, "{url}");
    }
    for (server, says) in [
        ("host", "add --root"),
        ("apache-action", "use `apache`"),
        ("busybox", "use another server"),
        ("mini_httpd", "use another server"),
    ] {
        let words = [server, "shop.py", "--url=/", "--to=../pages/cgi-bin"];
        let log = machine.is_refused(&words);
        assert!(
            log.contains("--url works only for") && log.contains(says),
            "{log}"
        );
    }
    let log = machine.is_refused(&["nginx", "shop.py", "--root", "--to", "../cgi-bin"]);
    assert!(log.contains("--root works only for `host`"), "{log}");
}

#[test]
fn a_path_that_a_configuration_cannot_hold_is_refused() {
    let machine = Machine::linked();
    let odd = |name: &[u8]| {
        let path = machine.at(OsStr::from_bytes(name));
        fs::create_dir(&path).expect("a folder");
        path
    };
    let mut words: Vec<OsString> = ["host", "shop.py", "--to"].map(OsString::from).into();
    words.push(odd(b"caf\xe9").into());
    // The folder is in no text: `.htaccess` is in it.
    assert!(machine.run(&words).status.success());
    for name in [
        &b"a\"b"[..],
        b"a$b",
        b"a\\b",
        b"a*b",
        b"a[b",
        b"a\nb",
        b"a%b",
        b"caf\xe8",
    ] {
        let folder = odd(name);
        for server in ["apache", "lighttpd", "nginx", "apache-action"] {
            let words = [
                OsStr::new(server),
                "shop.py".as_ref(),
                "--to".as_ref(),
                folder.as_ref(),
            ];
            let log = machine.is_refused(&words);
            assert!(log.contains("use another folder"), "{log}");
        }
    }
    fs::write(machine.at(OsStr::from_bytes(b"site/caf\xe9.py")), APP).expect("written");
    let log = machine.is_refused(&[OsStr::new("host"), OsStr::from_bytes(b"caf\xe9.py")]);
    assert!(log.contains("UTF-8"), "{log}");
}

#[test]
fn without_permission_it_says_so() {
    if !rustix::process::getuid().is_root() {
        return crate::harness::skip("only root can act as another user");
    }
    let machine = Machine::new();
    let before = machine.everything();
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(machine.at("wsgi-cgi"))
        .args(["install", "host", "shop.py"])
        .env_clear()
        .env("HOME", machine.at("home"))
        .current_dir(machine.at("site"))
        .output()
        .expect("setpriv");
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        log.contains("cannot write `/") && log.contains("/shop.cgi`: Permission denied"),
        "{log}"
    );
    assert!(log.contains("--to"), "{log}");
    assert_eq!(machine.everything(), before);
}
