//! What goes wrong only because a web server runs its scripts as another user.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::harness::cgi::Cgi;
use crate::harness::{folder, program, skip};

/// A virtual environment beside the script, made under a strict umask.
#[test]
fn a_virtual_environment_that_may_not_be_read_is_not_passed_over() {
    if !rustix::process::getuid().is_root() {
        return skip("only root can act as another user");
    }
    let folder = folder();
    let (script, venv, copy) = (
        folder.path().join("app.py"),
        folder.path().join("venv"),
        folder.path().join("program"),
    );
    fs::write(&script, "import somewhere_else").expect("a script");
    fs::create_dir(&venv).expect("a folder");
    fs::write(venv.join("pyvenv.cfg"), "home = /usr/bin\n").expect("a file");
    fs::set_permissions(&venv, Permissions::from_mode(0o700)).expect("permissions");
    // The user need not be able to reach the program where it was built.
    let copied = Command::new("install")
        .args(["-m", "755"])
        .arg(program())
        .arg(&copy)
        .status();
    assert!(copied.expect("install").success());

    let answer = Cgi::bare()
        .program("setpriv")
        .arguments(&["--reuid=65534", "--regid=65534", "--clear-groups"])
        .argument(copy)
        .argument(script)
        .exits(1)
        .logs("user 65534 may not read the virtual environment")
        .logs("chmod -R go+rX")
        .run();
    answer.error_id();
}
