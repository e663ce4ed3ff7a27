//! `wsgi-cgi doctor`: nothing is wrong where nothing is, each planted mistake is found, alone and among
//! others, and the page says nothing to who does not know the token.

mod django;
mod mistakes;
mod page;
mod requires_python;
mod suexec;
mod unusable;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::instead::{self, Instead};
use crate::harness::{folder, program};

/// A site that nothing is wrong with.
struct Site {
    root: TempDir,
}

const BLOCK: &str = "# /// script\n# [tool.wsgi-cgi]\n# image = true\n# python-path = [\"modules\"]\n\
                     # log = \"logs/error.log\"\n# cache-dir = \"CACHE\"\n# ///\n";

impl Site {
    fn new() -> Self {
        let root = folder();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("opened");
        let site = Self { root };
        for folder in ["site", "site/modules", "site/logs", "site/cache"] {
            fs::create_dir(site.root.path().join(folder)).expect("made");
            site.set_mode(folder, 0o755);
        }
        site.set_mode("site/cache", 0o700);
        fs::write(site.root.path().join("site/modules/own.py"), "").expect("written");
        site.write(str::to_owned);
        site.set_mode("site/app.cgi", 0o755);
        site
    }

    fn script(&self) -> PathBuf {
        self.root.path().join("site/app.cgi")
    }

    fn set_mode(&self, name: &str, mode: u32) {
        let path = self.root.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    }

    /// Writes the script, changed so.
    fn write(&self, change: impl FnOnce(&str) -> String) {
        let text = format!(
            "#!{}\n{BLOCK}import json, own\ndef application(environ, start_response):\n    \
             start_response('200 OK', [])\n    return [b'hello']\n",
            program().display()
        );
        let cache = self.root.path().join("site/cache");
        let text = text
            .replace(" --venv=", "")
            .replace("CACHE", &cache.display().to_string());
        let before = fs::read_to_string(self.script()).unwrap_or(text);
        fs::write(self.script(), change(&before)).expect("written");
    }

    fn doctor(&self, arguments: &[&str]) -> Output {
        Command::new(program())
            .arg("doctor")
            .args(arguments)
            .arg(self.script())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .expect("started")
    }

    /// What is wrong, as `ABOUT SAID` each.
    fn wrong(&self) -> Vec<String> {
        let said = self.doctor(&[]);
        let text = String::from_utf8(said.stdout).expect("text");
        let wrong: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("wrong "))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            said.status.code(),
            Some(i32::from(!wrong.is_empty())),
            "{text}"
        );
        wrong
    }
}

/// Whether it has the parts between `.*` in this order, the first one at its beginning.
fn matches(said: &str, pattern: &str) -> bool {
    let mut parts = pattern.split(".*");
    let first = parts.next().unwrap_or_default();
    let rest = said.strip_prefix(first);
    let find =
        |rest: &str, part: &str| rest.find(part).map(|at| rest[at + part.len()..].to_owned());
    let rest = rest.map(str::to_owned);
    parts.fold(rest, |rest, part| find(&rest?, part)).is_some()
}

#[track_caller]
fn is_found(wrong: &[String], pattern: &str) {
    let is_found = wrong.iter().any(|said| matches(said, pattern));
    assert!(is_found, "no `{pattern}` in {wrong:#?}");
}

#[test]
fn a_correct_site_has_nothing_wrong() {
    let site = Site::new();
    let said = site.doctor(&[]);
    let text = String::from_utf8_lossy(&said.stdout);
    assert_eq!(site.wrong(), Vec::<String>::new());
    assert!(text.contains("answers GET / with 200"), "{text}");
    assert!(text.contains("Nothing is wrong."), "{text}");
}

#[test]
fn json_has_the_same() {
    let site = Site::new();
    site.set_mode("site/app.cgi", 0o644);
    let said = site.doctor(&["--json"]);
    let done = Command::new("/usr/bin/python3")
        .args([
            "-c",
            "import json, sys\nfor f in json.loads(sys.argv[1]):\n    \
                      print(f['verdict'], f['about'], f['remedy'])",
        ])
        .arg(String::from_utf8(said.stdout).expect("text"))
        .output()
        .expect("started");
    let text = String::from_utf8_lossy(&done.stdout);
    let mends = format!("wrong mode chmod 755 {}", site.script().display());
    assert!(text.lines().any(|line| line == mends), "{text}");
}

/// What works is not called wrong, whatever way it is made.
#[test]
fn a_script_that_answers_is_not_called_wrong() {
    let ways: [fn(&Site); 8] = [
        |site| site.write(|text| text.replacen("wsgi-cgi\n", "wsgi-cgi --image\n", 1)),
        |site| site.write(|text| text.replacen("#!", "#!/usr/bin/env -S ", 1)),
        |site| site.write(|text| text.replacen("#!", "#!/usr/bin/env -S LANG=C ", 1)),
        |site| {
            let later = "import sys; sys.path.insert(0, 'elsewhere')\nimport other\n";
            let folder = site.root.path().join("site/elsewhere");
            fs::create_dir(&folder).expect("made");
            fs::write(folder.join("other.py"), "").expect("written");
            site.write(|text| text.replace("import json", &format!("{later}import json")));
        },
        |site| {
            let standard =
                "from wsgiref.handlers import CGIHandler\nCGIHandler().run(application)\n";
            site.write(|text| format!("{text}{standard}").replace(", own", ""));
            site.write(|text| {
                let end = text.find('\n').expect("a line");
                format!("#!/usr/bin/python3{}", &text[end..])
            });
        },
        |site| {
            let optional = "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None\n";
            site.write(|text| text.replace("import json", &format!("{optional}import json")));
        },
        |site| {
            site.write(|text| {
                text.replace(
                    "import json",
                    "from __future__ import annotations\nimport json",
                )
            });
        },
        |site| {
            let script = site.script();
            let real = site.root.path().join("site/modules/real.cgi");
            fs::rename(&script, &real).expect("moved");
            fs::write(site.root.path().join("site/modules/own.py"), "").expect("written");
            std::os::unix::fs::symlink(&real, &script).expect("linked");
        },
    ];
    for (number, make) in ways.iter().enumerate() {
        let site = Site::new();
        make(&site);
        assert_eq!(site.wrong(), Vec::<String>::new(), "way {number}");
    }
}

/// An answer without an end, and one that fails after its head.
#[test]
fn an_answer_is_read_no_further_than_its_head() {
    for (body, wrong) in [
        ("while True: yield b'x' * 65536", None),
        (
            "yield b'x'; raise ValueError('late')",
            Some("answer.*200, then fails"),
        ),
    ] {
        let site = Site::new();
        site.write(|text| text.replace("return [b'hello']", body));
        match wrong {
            Some(wrong) => is_found(&site.wrong(), wrong),
            None => assert_eq!(site.wrong(), Vec::<String>::new()),
        }
    }
}

/// Neither an image nor an entry in the log: who looks changes nothing.
#[test]
fn doctor_leaves_no_traces() {
    let site = Site::new();
    let log = site.root.path().join("site/logs/error.log");
    site.write(|text| {
        let options = format!("wsgi-cgi --image --log={}\n", log.display());
        text.replacen("wsgi-cgi\n", &options, 1)
            .replace("return [", "raise ValueError('no')\n    return [")
    });
    is_found(&site.wrong(), "answer.*ValueError: no");
    assert!(!log.exists());
    let left: Vec<_> = fs::read_dir(site.root.path().join("site/cache"))
        .expect("listed")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Root looks at a user's script as that user, at its Python too.
#[test]
fn root_runs_a_users_script_as_that_user() {
    if !rustix::process::geteuid().is_root() {
        return crate::harness::skip("doctor as root: this is another user");
    }
    let site = Site::new();
    let seen = site.root.path().join("seen");
    fs::write(&seen, "").expect("written");
    fs::set_permissions(&seen, fs::Permissions::from_mode(0o666)).expect("set");
    let bin = site.root.path().join("site/.venv/bin");
    fs::create_dir_all(&bin).expect("made");
    fs::write(
        site.root.path().join("site/.venv/pyvenv.cfg"),
        "home = /usr/bin\n",
    )
    .expect("written");
    let spy = format!(
        "#!/bin/sh\nid -u >>{}\nexec /usr/bin/python3 \"$@\"\n",
        seen.display()
    );
    fs::write(bin.join("python3"), spy).expect("written");
    fs::set_permissions(bin.join("python3"), fs::Permissions::from_mode(0o755)).expect("set");
    let given = Command::new("chown")
        .args(["-R", "65534:65534"])
        .arg(site.root.path())
        .status();
    assert!(given.expect("started").success());
    site.doctor(&[]);
    let users = fs::read_to_string(&seen).expect("read");
    assert!(
        !users.is_empty() && users.lines().all(|user| user == "65534"),
        "{users}"
    );
}

/// A server's user reads `.htaccess` as its owner, or by its own group or another one that it is a member of.
#[test]
fn an_htaccess_that_the_servers_user_may_read_is_not_noted() {
    if !instead::is_possible() {
        return;
    }
    let site = Site::new();
    let at = |name: &str| site.root.path().join(name);
    let users = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:7033:7034:www-data:/:/bin/sh\nnginx\n\
                 ada:x:7000:7000::/:/bin/sh\n";
    let groups = "root:x:0:\npages:x:7100:ada,www-data\nothers:x:7000:ada,www\nshort\n";
    fs::write(at("passwd"), users).expect("written");
    fs::write(at("group"), groups).expect("written");
    fs::write(at("site/.htaccess"), "").expect("written");
    let words = Instead::default()
        .of("/etc/passwd", at("passwd"))
        .of("/etc/group", at("group"))
        .words();
    for (user, group, mode, is_noted) in [
        (0, 0, 0o640, true),
        (0, 7034, 0o640, false),
        (0, 7034, 0o600, true),
        (0, 7100, 0o640, false),
        (0, 7000, 0o640, true),
        (7033, 0, 0o600, false),
        (7033, 7034, 0o040, true),
        (0, 0, 0o644, false),
    ] {
        std::os::unix::fs::chown(at("site/.htaccess"), Some(user), Some(group))
            .expect("given away");
        site.set_mode("site/.htaccess", mode);
        let output = Command::new(&words[0])
            .args(&words[1..])
            .arg(program())
            .args([OsStr::new("doctor"), site.script().as_os_str()])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .expect("started");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(
            said.contains("good "),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let found = said.contains("note   htaccess");
        assert_eq!(found, is_noted, "{user} {group} {mode:o}: {said}");
    }
}

#[test]
fn a_missing_script_is_reported() {
    let site = Site::new();
    fs::remove_file(site.script()).expect("removed");
    is_found(&site.wrong(), "script.*No such file");
}
