//! The recipes in `docs/` are followed as written: commands are run, files are written where the text says,
//! and the scripts are asked for what the text promises.

mod applications;
mod hosting;
mod machine;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::cgi::{Answer, Cgi};
use crate::harness::instead::{self, Instead};
use crate::harness::server::{Kind, Server, Site, available, eventually};
use crate::harness::{copy_programs, executor, folder, packages, program, python, python_version};
use crate::harness::{http_client, skip};
use machine::{Machine, PATIENCE};

/// The languages of the blocks. Before a block that is a file stands its path in a line that ends in a colon,
/// with its mode. What else is `sh` is run, `console` is run and prints what follows each command, `python` is
/// a script that answers "Hello, world!". `text` without a path is for another machine.
const LANGUAGES: [&str; 8] = [
    "apache", "console", "ini", "lighttpd", "nginx", "python", "sh", "text",
];

/// A recipe's block.
struct Block {
    language: String,
    text: String,
    /// Path and mode.
    file: Option<(String, String)>,
    /// The title above it.
    title: String,
}

fn recipes() -> Vec<String> {
    let folder = fs::read_dir(repository().join("docs")).expect("recipes");
    let files = folder
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_file());
    let names = files.map(|entry| entry.file_name());
    let mut names: Vec<String> = names
        .map(|name| name.into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

fn repository() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

fn text(name: &str) -> String {
    fs::read_to_string(repository().join("docs").join(name)).expect("a recipe")
}

fn blocks(name: &str) -> Vec<Block> {
    let text = text(name);
    let mut found = Vec::new();
    let (mut title, mut before) = ("", "");
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let words = before.split('`').skip(1).step_by(2);
            let mut paths = words.filter(|word| word.starts_with("~/") || word.starts_with('/'));
            let mode = before.split("mode ").nth(1).and_then(|rest| rest.get(..3));
            let path = paths.next().filter(|_| before.ends_with(':'));
            found.push(Block {
                language: language.to_owned(),
                text: inside.join("\n") + "\n",
                file: path.map(|path| (path.to_owned(), mode.unwrap_or("644").to_owned())),
                title: title.to_owned(),
            });
        }
        if let Some(words) = line.strip_prefix('#') {
            title = words.trim_start_matches(['#', ' ']);
        }
        if !line.trim().is_empty() {
            before = line;
        }
    }
    found
}

#[test]
fn every_block_is_of_a_kind_that_is_tried() {
    let blocks = recipes().into_iter().flat_map(|name| blocks(&name));
    let languages: BTreeSet<String> = blocks.map(|block| block.language).collect();
    assert_eq!(languages, LANGUAGES.map(str::to_owned).into());
}

/// The index has each recipe, and no link of a recipe leads nowhere.
#[test]
fn every_link_leads_somewhere() {
    let index = text("README.md");
    for name in recipes() {
        assert!(
            name == "README.md" || index.contains(&format!("({name})")),
            "{name}"
        );
        for link in text(&name)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().expect("a path");
            assert!(
                repository().join("docs").join(file).is_file(),
                "{name}: {link}"
            );
        }
    }
}

/// `ada:the password`
const ADAS: &str = "Basic YWRhOnRoZSBwYXNzd29yZA==";

/// A visitor who says so.
fn as_ada(request: Cgi) -> Cgi {
    request.variable("HTTP_AUTHORIZATION", ADAS)
}

#[track_caller]
fn says(answer: &Answer, text: &str) {
    assert!(answer.status.starts_with("200"), "{answer:?}");
    assert!(answer.text().contains(text), "{}", answer.text());
}

#[test]
fn cpanel_and_cloudlinux() {
    let Some(machine) = Machine::with_venv() else {
        return;
    };
    machine.follow_all("cpanel-cloudlinux.md");
}

#[test]
fn a_raspberry_pi() {
    let Some(machine) = Machine::new() else {
        return;
    };
    copy_programs(&machine.place("/usr/local/bin"));
    machine.follow_all("raspberry-pi.md");
    let answer = machine.ask_for("/usr/lib/cgi-bin/hello.cgi").run();
    says(&answer, "Hello, world!\n");
}

/// What Apache needs besides what the recipe says: its modules, and what Debian's own files say.
const DEBIANS: &str = r"
LoadModule suexec_module MODULES/mod_suexec.so
LoadModule userdir_module MODULES/mod_userdir.so
LoadModule mime_module MODULES/mod_mime.so
LoadModule auth_basic_module MODULES/mod_auth_basic.so
LoadModule authn_core_module MODULES/mod_authn_core.so
LoadModule authn_file_module MODULES/mod_authn_file.so
LoadModule authz_user_module MODULES/mod_authz_user.so
TypesConfig /etc/mime.types
UserDir public_html
UserDir disabled root
<Directory /home/*/public_html>
    AllowOverride FileInfo AuthConfig Limit Indexes
    Options Indexes SymLinksIfOwnerMatch IncludesNoExec
    Require method GET POST OPTIONS
</Directory>
";

/// Everything below the home is ada's, and no machine has a user of that number.
const USERS: &str = "
    chmod 755 . home
    chmod -R go-w home/ada
    chown -R 21346:21346 home/ada
    mkdir log
    chown 33 log 2>/dev/null || :
    { cat /etc/passwd; echo 'ada:x:21346:21346::/home/ada:/bin/sh'; } >passwd
    { cat /etc/group; echo 'ada:x:21346:'; } >group
    printf '/var/www\\npublic_html\\n' >suexec.conf
";

#[test]
fn debians_userdir() {
    let kind = Kind::ApacheCgid;
    if let Err(reason) = available(kind) {
        return skip(&reason);
    }
    if !Path::new("/usr/lib/apache2/suexec").exists() {
        return skip("apache2-suexec-pristine is not installed");
    }
    if !instead::is_possible() {
        return;
    }
    let Some(mut machine) = Machine::with_package("mercurial") else {
        return;
    };
    // The server sees the home where the recipe has it.
    machine.is_moved = false;
    for name in [
        "debian-userdir.md",
        "trac.md",
        "mercurial.md",
        "radicale.md",
    ] {
        machine.follow_all(name);
    }
    let done = Command::new("sh")
        .args(["-euc", USERS])
        .current_dir(machine.root.path())
        .status();
    assert!(done.expect("sh").success());
    let mut seen = Instead::default()
        .of("/home", machine.place("/home"))
        .of("/var/log/apache2", machine.place("/log"))
        .of("/etc/passwd", machine.place("/passwd"))
        .of("/etc/group", machine.place("/group"));
    let custom = "/etc/apache2/suexec/www-data";
    if Path::new(custom).exists() {
        seen = seen.of(custom, machine.place("/suexec.conf"));
    }
    let apaches = |name: &str| {
        let block = blocks(name)
            .into_iter()
            .find(|block| block.language == "apache");
        block.expect("one").text
    };
    // What Trac has in the same folder's `.htaccess`.
    let configuration = format!(
        "{DEBIANS}{}<Directory /home/ada/public_html/cgi-bin>\n{}</Directory>\n",
        apaches("debian-userdir.md"),
        apaches("trac.md")
    );
    let site = Site::new().seeing(seen).configured(&configuration);
    let server = Server::start(kind, &site);
    for _ in 0..2 {
        let hello = http_client::Request::get("/~ada/cgi-bin/hello.cgi").send(server.address);
        assert_eq!(hello.status, 200, "{}", server.whole_log());
        assert_eq!(
            hello.text(),
            "Hello from 21346 at /~ada/cgi-bin/hello.cgi\n"
        );
    }
    let images = machine.place("~/.cache/wsgi-cgi");
    assert!(eventually(PATIENCE, || images.is_dir()));
    let ask = |method: &str, url: &str, authorization: &str| {
        let request = http_client::Request::new(method, &format!("/~ada/cgi-bin/{url}"));
        let request = request.header("Authorization", authorization);
        let response = request.send(server.address);
        (response.status, response.text())
    };
    for (method, url, status) in [
        ("PROPFIND", "dav.cgi/ada/", 207),
        ("GET", "trac.cgi/wiki", 200),
    ] {
        let refused = ask(method, url, "Basic YWRhOmd1ZXNzZWQ=");
        assert_eq!(refused.0, 401, "{}", server.whole_log());
        let answer = ask(method, url, ADAS);
        assert_eq!(answer.0, status, "{}", server.whole_log());
    }
    assert!(ask("GET", "trac.cgi/wiki", ADAS).1.contains("logged in as"));
    // A copy of a repository, as Mercurial itself asks for it.
    let url = format!("http://{}/~ada/cgi-bin/hg.cgi/first", server.address);
    machine.run(&format!(
        "~/venv/bin/hg clone {url} copy && test -d copy/.hg"
    ));
}
