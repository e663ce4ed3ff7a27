//! A host that runs each user's scripts as that user (suEXEC), and a user without root: a Flask and a
//! Django project, whose script and `.htaccess` are all made by `install`, are served at the first try, and
//! then from an image.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::Machine;
use crate::harness::http_client::Request;
use crate::harness::instead::{self, Instead};
use crate::harness::server::{Kind, Server, Site, available};
use crate::harness::{packages, skip};

const FLASK: &str = "
import os
from flask import Flask, request, url_for

loaded_by = os.getpid()
app = Flask(__name__)

@app.get('/')
def index():
    return f'of user {os.getuid()}, see {url_for(\"greet\")}'

@app.post('/greet')
def greet():
    return 'Hello, ' + request.form['name'] + '!'

@app.after_request
def mark(response):
    response.headers['X-Way'] = 'restored' if loaded_by != os.getpid() else 'cold'
    return response
";

const CONFIGURATION: &str = r#"
LoadModule suexec_module MODULES/mod_suexec.so
LoadModule userdir_module MODULES/mod_userdir.so
LoadModule rewrite_module MODULES/mod_rewrite.so
LoadModule dir_module MODULES/mod_dir.so
LoadModule mime_module MODULES/mod_mime.so
TypesConfig /etc/mime.types
UserDir public_html
<Directory "/home/shopkeeper/public_html">
    Require all granted
    Options MultiViews Indexes SymLinksIfOwnerMatch IncludesNoExec
    AllowOverride AuthConfig FileInfo Options
</Directory>
"#;

/// No machine has a user of that number. Others get no further than their own homes.
const SET_UP: &str = "
    mkdir -p seen/shopkeeper/public_html/shop log
    mv site seen/shopkeeper/
    chmod 755 . seen
    chmod 711 seen/shopkeeper
    chown -R 21345:21345 seen/shopkeeper
    chown 33 log 2>/dev/null || :
    { cat /etc/passwd; echo 'shopkeeper:x:21345:21345::/home/shopkeeper:/bin/sh'; } >passwd
    { cat /etc/group; echo 'shopkeeper:x:21345:'; } >group
    printf '/var/www\\npublic_html\\n' >suexec.conf
";

/// A machine with that user, as the server and the user see it.
fn machine(venv: &Path) -> (Machine, Instead) {
    let machine = Machine::new();
    machine.write("site/flask_shop.py", FLASK);
    symlink(venv, machine.at("site/.venv")).expect("a link");
    let made = Command::new(venv.join("bin/python3"))
        .args(["-m", "django", "startproject", "mysite", "."])
        .current_dir(machine.at("site"))
        .output()
        .expect("the environment's python");
    assert!(made.status.success(), "{made:?}");
    let done = Command::new("sh")
        .args(["-euc", SET_UP])
        .current_dir(machine.0.path())
        .status();
    assert!(done.expect("sh").success());
    let mut seen = Instead::default()
        .of("/home", machine.at("seen"))
        .of("/var/log/apache2", machine.at("log"))
        .of("/etc/passwd", machine.at("passwd"))
        .of("/etc/group", machine.at("group"));
    // The other package reads there what this one has built in.
    let custom = "/etc/apache2/suexec/www-data";
    if Path::new(custom).exists() {
        seen = seen.of(custom, machine.at("suexec.conf"));
    }
    (machine, seen)
}

/// Runs a command as that user, at home, under a umask that lets a group write.
#[track_caller]
fn as_the_user(machine: &Machine, seen: &Instead, words: &[&str]) -> String {
    let program = machine.at("wsgi-cgi");
    let user = [
        "setpriv",
        "--reuid=21345",
        "--regid=21345",
        "--clear-groups",
        "env",
        "-i",
    ];
    let there = ["HOME=/home/shopkeeper", "PATH=/usr/bin:/bin", "sh", "-c"];
    let shell = ["umask 002; cd; exec \"$@\"", "sh"];
    let all = seen.words();
    let output = Command::new(&all[0])
        .args(&all[1..])
        .args(user)
        .args(there)
        .args(shell)
        .arg(&program)
        .args(words)
        .output()
        .expect("unshare");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && log.is_empty(),
        "{words:?}: {log}"
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn a_user_without_root_serves_flask_and_django_at_the_first_try() {
    let kind = Kind::ApacheCgid;
    if let Err(reason) = available(kind) {
        return skip(&reason);
    }
    let parts = ["suexec", "modules/mod_suexec.so"];
    if !parts
        .iter()
        .all(|part| Path::new("/usr/lib/apache2").join(part).exists())
    {
        return skip("apache2-suexec-pristine is not installed");
    }
    let Some(venv) = packages::venv() else { return };
    if !instead::is_possible() {
        return;
    }
    let (machine, seen) = machine(&venv);
    let flask = [
        "install",
        "host",
        "site/flask_shop.py",
        "--root",
        "--to",
        "public_html/shop",
    ];
    let done = as_the_user(&machine, &seen, &flask);
    assert!(
        done.contains("Written: /home/shopkeeper/public_html/shop/index.cgi\n"),
        "{done}"
    );
    let done = as_the_user(&machine, &seen, &["install", "host", "site"]);
    assert!(
        done.contains("Written: /home/shopkeeper/public_html/mysite.cgi\n"),
        "{done}"
    );

    let site = Site::new().seeing(seen.clone()).configured(CONFIGURATION);
    let server = Server::start(kind, &site);
    let page = Request::get("/~shopkeeper/shop/").send(server.address);
    assert_eq!(page.status, 200, "{}", server.whole_log());
    assert_eq!(page.text(), "of user 21345, see /~shopkeeper/shop/greet");
    let form = Request::post("/~shopkeeper/shop/greet", b"name=Ada")
        .header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(form.send(server.address).text(), "Hello, Ada!");
    let page = Request::get("/~shopkeeper/mysite.cgi/").send(server.address);
    assert_eq!(page.status, 200, "{}", server.whole_log());
    assert!(page.text().contains("The install worked successfully!"));
    let page = Request::get("/~shopkeeper/mysite.cgi/admin/").send(server.address);
    assert_eq!(page.status, 302, "{}", server.whole_log());
    let location = page.header("Location").concat();
    assert_eq!(
        location,
        "/~shopkeeper/mysite.cgi/admin/login/?next=/~shopkeeper/mysite.cgi/admin/"
    );

    // Images, of which nobody has said anything.
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let page = Request::get("/~shopkeeper/shop/").send(server.address);
        if page.header("X-Way") == ["restored"] {
            break;
        }
        assert!(Instant::now() < end, "{}", server.whole_log());
    }
    // And away again, as if nothing had been.
    as_the_user(&machine, &seen, &[&flask[..], &["--remove"]].concat());
    as_the_user(&machine, &seen, &["install", "host", "site", "--remove"]);
    let left = fs::read_dir(machine.at("seen/shopkeeper/public_html")).expect("a folder");
    let left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, [OsStr::new("shop")]);
    let page = Request::get("/~shopkeeper/shop/").send(server.address);
    assert_ne!(page.status, 200);
}
