//! What goes wrong only because a web server runs its scripts as another user.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::cgi::Cgi;
use crate::harness::{copy_programs, folder, python, skip};

/// A virtual environment beside the script, made under a strict umask.
#[test]
fn a_virtual_environment_that_may_not_be_read_is_not_passed_over() {
    if !rustix::process::getuid().is_root() {
        return skip("only root can act as another user");
    }
    let folder = folder();
    let (script, venv) = (folder.path().join("app.py"), folder.path().join("venv"));
    fs::write(&script, "import somewhere_else").expect("a script");
    fs::create_dir(&venv).expect("a folder");
    fs::write(venv.join("pyvenv.cfg"), "home = /usr/bin\n").expect("a file");
    fs::set_permissions(&venv, Permissions::from_mode(0o700)).expect("permissions");
    let answer = as_nobody(&folder)
        .argument(script)
        .exits(1)
        .logs("user 65534 (nobody) may not read the virtual environment")
        .logs("chmod -R go+rX")
        .run();
    answer.error_id();
}

/// As another user, with a copy of the program.
fn as_nobody(folder: &TempDir) -> Cgi {
    // The user need not be able to reach the program where it was built.
    copy_programs(folder.path());
    let copy = folder.path().join("wsgi-cgi");
    Cgi::bare()
        .program("setpriv")
        .arguments(&["--reuid=65534", "--regid=65534", "--clear-groups"])
        .argument(copy)
}

/// Whatever part of it is closed: that is the reason, and not what cannot be found then.
#[test]
fn the_part_of_a_virtual_environment_that_may_not_be_read_is_named() {
    if !rustix::process::getuid().is_root() {
        return skip("only root can act as another user");
    }
    for (closed, is_named) in [
        ("", true),
        ("", false),
        ("pyvenv.cfg", true),
        ("pyvenv.cfg", false),
        ("bin", true),
        ("lib", true),
        ("lib", false),
        ("lib/*", false),
        ("lib/*/site-packages", true),
        ("lib/*/site-packages", false),
        ("../python", false),
    ] {
        let folder = folder();
        let (script, venv) = (folder.path().join("app.py"), folder.path().join("venv"));
        fs::write(&script, "import somewhere_else").expect("a script");
        let made = Command::new(python())
            .args(["-m", "venv", "--without-pip"])
            .arg(&venv)
            .status();
        assert!(made.expect("venv").success());
        let done = Command::new("sh")
            .arg("-ec")
            .arg(
                "chmod -R go+rX ..; mkdir ../python; ln -s \"$2\" ../python/python3
                 case $1 in ../python) ln -sf \"$PWD/../python/python3\" bin/python3
                     ln -sf python3 bin/python ;; esac
                 chmod go-rwx ./$1",
            )
            .args(["sh", closed])
            .arg(python())
            .current_dir(&venv)
            .status();
        assert!(done.expect("sh").success(), "{closed}");
        let mut cgi = as_nobody(&folder);
        if is_named {
            cgi = cgi.argument("--venv").argument(&venv);
        }
        let answer = cgi
            .argument(script)
            .exits(1)
            .logs("user 65534 (nobody) may not read the virtual environment")
            .run();
        let part = closed
            .trim_end_matches("/*")
            .rsplit('/')
            .next()
            .unwrap_or_default();
        let entry = answer.log.lines().next().expect("an entry");
        let named = entry.rsplit("chmod -R go+rX ").next().expect("a remedy");
        assert!(named.contains(part), "{closed}: {entry}");
        assert!(!answer.log.contains("pip install"), "{}", answer.log);
    }
}
