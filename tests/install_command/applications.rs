//! Whatever the application is: the script that is written for it answers with it, wherever it is put.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::{APP, Machine};
use crate::harness::{packages, python};

/// Says what it is, and proves that the module beside it is imported.
fn saying(word: &str) -> String {
    format!(
        "import beside\ndef application(environ, start_response):\n    \
             start_response('200 OK', [])\n    return [b'{word} ' + beside.WORD]\n"
    )
}

#[track_caller]
fn answers(machine: &Machine, words: &[&str], expected: &str) {
    let words = [&["host"], words, &["--name", "x", "--no-image", "--force"]].concat();
    machine.install(&words);
    assert_eq!(
        machine.answer("home/public_html/x.cgi").text(),
        expected,
        "{words:?}"
    );
}

#[test]
fn a_file_is_loaded_wherever_it_is_and_whatever_its_name() {
    let machine = Machine::new();
    machine.write("site/beside.py", "WORD = b'beside'\n");
    // Names of modules that Python has itself, of none, and with all that quotes are for.
    for name in [
        "app.py",
        "site.py",
        "os.py",
        "code.py",
        "app.wsgi",
        "my-app.py",
        "class.py",
        "1.py",
        "é.py",
        "a'b\"c\\n$x%s.py",
        "a\nb.py",
        "a b.cgi",
    ] {
        machine.write(&format!("site/{name}"), saying("file"));
        answers(&machine, &[&format!("./{name}")], "file beside");
        fs::remove_file(machine.at("site").join(name)).expect("removed");
    }
    // By the name that it has if none is given.
    machine.write(
        "site/same.wsgi",
        format!("import sys\nhere = sys.modules[__name__]\n{APP}"),
    );
    machine.install(&["host", "./same.wsgi", "--no-image"]);
    assert_eq!(machine.answer("home/public_html/same.cgi").text(), "/x|/|-");
    machine.write("site/real.py", saying("link"));
    symlink("real.py", machine.at("site/link.py")).expect("a link");
    answers(&machine, &["link.py"], "link beside");
    // A folder with odd signs, named from another one.
    let odd = machine.at("o'd \"d\\");
    fs::rename(machine.at("site"), &odd).expect("renamed");
    fs::create_dir(machine.at("site")).expect("a folder");
    answers(&machine, &["../o'd \"d\\/real.py"], "link beside");
}

#[test]
fn the_callable_is_the_one_that_is_named_or_found() {
    let machine = Machine::new();
    let define = "def run(environ, start_response):\n    start_response('200 OK', [])\n    \
                  return [b'right']\n\
                  def wrong(environ, start_response):\n    raise RuntimeError\n";
    let cases = [
        ("application = run\n", ""),
        ("app: object = run\n", ""),
        ("app = wrong\napplication = run\n", ""),
        (
            "from sys import path\nclass app:\n    def __new__(cls, *given): return run(*given)\n",
            "",
        ),
        ("def create_app():\n    app = run\n    return app\n", ""),
        ("def make_app(x=1): return run\n", ""),
        ("\"\"\"Say:\napplication = wrong\n\"\"\"\napp = run\n", ""),
        ("x = \"\"\"a\"\"\"\napp = run\n", ""),
        ("# it's '''\napp = run\n", ""),
        ("# application = wrong\napp=run\n", ""),
        ("app = wrong\nx = run\n", ":x"),
        ("class x: y = staticmethod(run)\n", ":x.y"),
        ("def make(): return run\n", ":make()"),
        (
            "class x:\n    def make(self): return run\nx = x()\n",
            ":x.make()",
        ),
        (
            "from collections import (\n    abc,\n    OrderedDict as app,  # a comment\n)\napp = run\n",
            "",
        ),
    ];
    for (number, (more, named)) in cases.iter().enumerate() {
        // Each of its own name: what Python keeps compiled tells no two of one second and size apart.
        machine.write(&format!("site/found{number}.py"), format!("{define}{more}"));
        answers(&machine, &[&format!("found{number}.py{named}")], "right");
        answers(&machine, &[&format!("found{number}{named}")], "right");
    }
    for none in [
        "    app = 1\n",
        "application == 1\napply = 2\n",
        "app.run()\n",
        "def apps(): pass\n",
    ] {
        machine.write("site/found.py", none);
        machine.is_refused(&["host", "found.py", "--name", "none"]);
    }
}

#[test]
fn a_module_is_loaded_as_the_package_that_it_is_in() {
    let machine = Machine::new();
    machine.write("site/beside.py", "WORD = b'beside'\n");
    machine.write("site/shops/__init__.py", saying("package"));
    machine.write("site/shops/inner/__init__.py", "");
    machine.write(
        "site/shops/inner/wsgi.py",
        "from ... import x\n".replace("... import x", ".. import application"),
    );
    for app in [
        "shops",
        "shops/",
        "shops.inner.wsgi",
        "shops.inner.wsgi:application",
        "shops/inner/wsgi.py",
        "shops/__init__.py",
    ] {
        answers(&machine, &[app], "package beside");
    }
    fs::rename(machine.at("site"), machine.at("lib")).expect("renamed");
    fs::create_dir(machine.at("site")).expect("a folder");
    answers(
        &machine,
        &["shops", "--python-path", "../lib"],
        "package beside",
    );
    // One of Python's own; whether it is there nobody knows before it is asked.
    let done = machine.install(&["host", "wsgiref.simple_server:demo_app"]);
    assert!(
        done.contains("no module `wsgiref.simple_server` in `"),
        "{done}"
    );
    assert!(done.contains("/simple_server.cgi\n"), "{done}");
}

#[test]
fn the_options_that_were_typed_are_in_the_script() {
    let machine = Machine::new();
    machine.install(&[
        "host",
        "shop.py",
        "--debug",
        "--timeout",
        "2.5",
        "--python-path",
        "../lib",
        "--log=log",
    ]);
    let text = machine.read("home/public_html/shop.cgi");
    let (program, place) = (machine.at("wsgi-cgi"), machine.0.path().display());
    let expected = format!(
        "#!{}\n\
         # Written by `wsgi-cgi install`; `install --remove` removes this file while it has this checksum: ...\n\
         # /// script\n\
         # [tool.wsgi-cgi]\n\
         # python-path = \"{place}/site/../lib\"\n\
         # timeout = 2.5\n\
         # debug = true\n\
         # log = \"{place}/site/log\"\n\
         # image = true  # answer from an image of the loaded application, made after a GET for `warm-up`\n\
         # warm-up = \"/\"\n\
         # ///\n\
         import sys\n\n\
         sys.path.insert(0, \"{place}/site\")\n\
         from shop import application\n",
        program.display()
    );
    let mark = text
        .lines()
        .nth(1)
        .and_then(|line| line.rsplit(' ').next())
        .expect("a sum");
    assert_eq!(text.replace(mark, "..."), expected);
    machine.install(&[
        "host",
        "shop.py",
        "--force",
        "--warm-up",
        "/a",
        "--warm-up",
        "/b",
    ]);
    let text = machine.read("home/public_html/shop.cgi");
    assert!(text.contains("\n# warm-up = [\"/a\", \"/b\"]\n"), "{text}");
    // One that was a script itself keeps what it said.
    let block =
        "# /// script\n# [tool.wsgi-cgi]\n# python-path = \"../more\"\n# image = true\n# ///\n";
    machine.write("site/own.py", format!("{block}{APP}"));
    let shown = machine.install(&["host", "own.py", "--dry-run", "--no-image"]);
    let expected = format!("[tool.wsgi-cgi]\n+# python-path = \"{place}/site/../more\"\n+# ///\n");
    assert!(shown.contains(&expected), "{shown}");
    machine.install(&["host", "shop.py", "--force", "--no-image"]);
    let text = machine.read("home/public_html/shop.cgi");
    assert!(!text.contains("///"), "{text}");
}

/// Before Linux 5.1 a first line is cut at 127 bytes, and a space ends the path anyway.
#[test]
fn a_program_that_no_first_line_can_name_is_started_by_a_shell() {
    for (name, may_have_images) in [("a b", false), (&*"long".repeat(40), true)] {
        let machine = Machine::new();
        let folder = machine.at(name);
        crate::harness::copy_programs(&folder);
        let images = machine.at("images");
        fs::create_dir(&images).expect("a folder");
        fs::set_permissions(&images, fs::Permissions::from_mode(0o700)).expect("permissions");
        let run = |words: &[&str]| {
            let output = Command::new(folder.join("wsgi-cgi"))
                .args(words)
                .arg(format!("--cache-dir={}", images.display()))
                .env_clear()
                .env("HOME", machine.at("home"))
                .current_dir(machine.at("site"))
                .output()
                .expect("the program");
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).expect("UTF-8")
        };
        let printed = run(&["install", "host", "shop.py"]);
        let text = machine.read("home/public_html/shop.cgi");
        assert!(text.starts_with("#!/bin/sh\n'''exec' \"/"), "{text}");
        assert_eq!(text.contains("image = true"), may_have_images, "{text}");
        let says = printed.contains("has a space or a colon");
        assert_eq!(says, !may_have_images, "{printed}");
        if may_have_images {
            let script = machine.at("home/public_html/shop.cgi");
            run(&["image", "make", &script.display().to_string()]);
        }
        let script = machine.at("home/public_html/shop.cgi");
        let doctor = Command::new(machine.at("wsgi-cgi"))
            .args(["doctor".as_ref(), script.as_os_str()])
            .env_clear()
            .output()
            .expect("the program");
        let found = String::from_utf8_lossy(&doctor.stdout);
        let program = folder.join("wsgi-cgi");
        let runs = format!(
            "good   line     `{}` is run by `{}`",
            script.display(),
            program.display()
        );
        assert!(found.contains(&runs), "{found}");
        // The log would say so where an image is wanted and does not answer.
        let answer = machine.answer("home/public_html/shop.cgi");
        assert_eq!(answer.text(), "/x|/|-");
        machine.install(&["host", "shop.py", "--remove"]);
    }
    let machine = Machine::new();
    let folder = machine.at("a\"b");
    crate::harness::copy_programs(&folder);
    let done = Command::new(folder.join("wsgi-cgi"))
        .args(["install", "host", "shop.py"])
        .env_clear()
        .env("HOME", machine.at("home"))
        .current_dir(machine.at("site"))
        .output()
        .expect("the program");
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(
        !done.status.success() && log.contains("install wsgi-cgi elsewhere"),
        "{log}"
    );
}

#[test]
fn the_environment_beside_the_application_is_named() {
    let machine = Machine::new();
    // Older Pythons leave `..` in it.
    let says_its_prefix = "import os, sys\ndef application(environ, start_response):\n    \
         start_response('200 OK', [])\n    return [os.path.realpath(sys.prefix).encode()]\n";
    machine.write("site/app.py", says_its_prefix);
    for place in ["site/.venv", "site/venv", ".venv", "elsewhere"] {
        let made = Command::new(python())
            .args(["-m", "venv", "--without-pip"])
            .arg(machine.at(place))
            .status();
        assert!(made.expect("venv").success());
        let expected = machine.at(place).display().to_string();
        match place {
            "elsewhere" => answers(&machine, &["app.py", "--venv", "../elsewhere"], &expected),
            _ => answers(&machine, &["app.py"], &expected),
        }
        fs::remove_dir_all(machine.at(place)).expect("removed");
    }
    let asked = Command::new(python())
        .args([
            "-c",
            "import os, sys; print(end=os.path.realpath(sys.prefix))",
        ])
        .output();
    let prefix = String::from_utf8(asked.expect("python").stdout).expect("UTF-8");
    answers(&machine, &["app.py", "--python", python()], &prefix);
}

#[test]
fn unreachable_and_published_files_are_reported() {
    let machine = Machine::new();
    let chmod = |name: &str, mode: u32| {
        fs::set_permissions(machine.at(name), fs::Permissions::from_mode(mode))
            .expect("permissions");
    };
    let place = machine.0.path().display().to_string();
    for (name, closed, open, remedy) in [
        ("site", 0o700, 0o755, "go+x"),
        ("site/shop.py", 0o600, 0o644, "go+r"),
        ("home", 0o700, 0o755, "go+x"),
        ("home/public_html", 0o710, 0o755, "go+rx"),
    ] {
        chmod(name, closed);
        let done = machine.install(&["host", "shop.py"]);
        assert!(
            done.contains(&format!("chmod {remedy} {place}/{name}\n")),
            "{done}"
        );
        chmod(name, open);
    }
    let done = machine.install(&["host", "shop.py"]);
    assert!(!done.contains("chmod"), "{done}");
    machine.write("home/public_html/mine.py", APP);
    let done = machine.install(&["host", "../home/public_html/mine.py"]);
    assert!(done.contains("show its source"), "{done}");
}

#[test]
fn a_django_project_is_its_folder() {
    let machine = Machine::new();
    machine.write("site/beside.py", "WORD = b'beside'\n");
    machine.write("site/manage.py", "");
    machine.write("site/mysite/__init__.py", "");
    machine.write("site/mysite/wsgi.py", saying("django"));
    for app in [
        "../site",
        ".",
        "manage.py",
        "mysite/wsgi.py",
        "mysite.wsgi:application",
    ] {
        answers(&machine, &[app], "django beside");
    }
    let done = machine.install(&["host", "."]);
    assert!(done.contains("/mysite.cgi\n"), "{done}");
    machine.write("site/second/wsgi.py", "");
    let log = machine.is_refused(&["host", "."]);
    assert!(
        log.contains("/mysite/wsgi.py`, `") && log.contains("name one"),
        "{log}"
    );
}

#[test]
fn a_configuration_of_pastedeploy() {
    let Some(venv) = packages::venv() else { return };
    let machine = Machine::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/applications");
    for name in ["site.ini", "greetings.py", "middleware.py"] {
        fs::copy(from.join(name), machine.at("site").join(name)).expect("copied");
    }
    let venv = format!("--venv={}", venv.display());
    machine.install(&["host", "config:site.ini#other", &venv, "--no-image"]);
    let answer = machine.answer("home/public_html/site.cgi");
    assert!(answer.text().contains("The other one"), "{}", answer.text());
}
