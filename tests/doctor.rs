//! `wsgi-cgi doctor`: nothing is wrong where nothing is, each planted mistake is found, alone and among
//! others, and the page says nothing to who does not know the token.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::cgi::Cgi;
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

/// A mistake: what it is found as, and how it is made.
type Mistake = (&'static str, fn(&Site));

const MISTAKES: [Mistake; 20] = [
    ("mode `.*` may not be run", |site| {
        site.set_mode("site/app.cgi", 0o644);
    }),
    ("mode others than its owner may write", |site| {
        let mode = fs::metadata(site.script())
            .expect("there")
            .permissions()
            .mode();
        site.set_mode("site/app.cgi", mode & 0o777 | 0o020);
    }),
    ("folder others than its owner may write", |site| {
        site.set_mode("site", 0o777);
    }),
    ("CRLF", |site| {
        site.write(|text| text.replacen('\n', "\r\n", 1));
    }),
    ("BOM", |site| site.write(|text| format!("\u{feff}{text}"))),
    ("settings.*unknown key `colour`", |site| {
        site.write(|text| text.replace("# image", "# colour = \"red\"\n# image"));
    }),
    ("settings.*--colour", |site| {
        site.write(|text| text.replacen("wsgi-cgi", "wsgi-cgi --colour", 1));
    }),
    ("settings.*(python-path) is not there", |site| {
        fs::remove_dir_all(site.root.path().join("site/modules")).expect("removed");
        site.write(|text| text.replace(", own", ""));
    }),
    ("log", |site| {
        fs::remove_dir(site.root.path().join("site/logs")).expect("removed");
    }),
    ("images", |site| site.set_mode("site/cache", 0o755)),
    ("packages `.*` imports `nowhere`, which", |site| {
        site.write(|text| text.replace("import json", "import nowhere.inside, json"));
    }),
    ("python.*leads nowhere", |site| {
        let venv = site.root.path().join("site/.venv");
        fs::create_dir_all(venv.join("bin")).expect("made");
        fs::write(venv.join("pyvenv.cfg"), "home = /gone\n").expect("written");
        std::os::unix::fs::symlink("/gone/python3", venv.join("bin/python3")).expect("linked");
    }),
    ("line.*no `#!`", |site| {
        site.write(|text| text.replacen("#!", "# ", 1));
    }),
    ("line.*No such file", |site| {
        site.write(|text| text.replacen("#!/", "#!/gone/", 1));
    }),
    ("line.*no whole path", |site| {
        site.write(|text| text.replacen("#!/", "#!", 1));
    }),
    ("syntax line 9", |site| {
        site.write(|text| text.replace("import json", "import json +"));
    }),
    ("answer.*500.*appliance", |site| {
        site.write(|text| text.replace("def application", "def appliance"));
    }),
    ("mode.*set-user-ID", |site| {
        site.set_mode("site/app.cgi", 0o4755);
    }),
    ("answer.*gives no answer", |site| {
        site.write(|text| text.replacen(&program().display().to_string(), "/bin/cat", 1));
    }),
    ("owner", |site| {
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(site.root.path().join("site"), Some(12345), None)
                .expect("given");
        }
    }),
];

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
fn nothing_is_wrong_where_nothing_is() {
    let site = Site::new();
    let said = site.doctor(&[]);
    let text = String::from_utf8_lossy(&said.stdout);
    assert_eq!(site.wrong(), Vec::<String>::new());
    assert!(text.contains("answers GET / with 200"), "{text}");
    assert!(text.contains("Nothing is wrong."), "{text}");
}

#[test]
fn each_mistake_is_found_alone() {
    for (pattern, make) in MISTAKES {
        if pattern == "owner" && !rustix::process::geteuid().is_root() {
            continue; // only root can make it
        }
        let site = Site::new();
        make(&site);
        is_found(&site.wrong(), pattern);
    }
}

#[test]
fn the_first_twelve_are_found_together() {
    let site = Site::new();
    for (_, make) in &MISTAKES[..12] {
        make(&site);
    }
    let wrong = site.wrong();
    for (pattern, _) in &MISTAKES[..12] {
        is_found(&wrong, pattern);
    }
}

#[test]
fn each_remedy_mends_what_it_is_for() {
    for (pattern, make) in &MISTAKES[..5] {
        let site = Site::new();
        make(&site);
        let said = site.doctor(&[]);
        let text = String::from_utf8_lossy(&said.stdout);
        for remedy in text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("-> "))
        {
            let is_one_for_a_shell = ["chmod ", "sed "]
                .iter()
                .any(|word| remedy.starts_with(word));
            if is_one_for_a_shell {
                let done = Command::new("sh")
                    .args(["-c", remedy])
                    .status()
                    .expect("started");
                assert!(done.success(), "{remedy}");
            }
        }
        assert_eq!(
            site.wrong(),
            Vec::<String>::new(),
            "after what mends {pattern}"
        );
    }
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
fn nothing_is_wrong_with_what_answers() {
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
            Some("answer.*200, and fails then"),
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
fn nothing_is_left_of_having_looked() {
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
fn root_runs_nothing_of_a_users_as_root() {
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

#[test]
fn a_script_that_is_not_there_is_said() {
    let site = Site::new();
    fs::remove_file(site.script()).expect("removed");
    is_found(&site.wrong(), "script.*No such file");
}

/// The page beside a site's script.
fn page(site: &Site) -> Cgi {
    let script = site.script().with_file_name("doctor.cgi");
    fs::write(&script, format!("#!{}\n", program().display())).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("set");
    Cgi::file(&script)
}

/// Of 16 letters, the fewest that are enough.
const WORD: &str = "ninety-nine-days";

/// The file that turns the page on.
fn token(site: &Site, word: &str) -> PathBuf {
    let name = format!(".htdoctor-{word}");
    let file = site.script().with_file_name(name);
    fs::write(&file, "").expect("written");
    file
}

#[test]
fn the_page_needs_a_token_that_lies_beside_it() {
    let site = Site::new();
    let token_of = format!("token={WORD}");
    let asked = |query: &str| {
        page(&site)
            .variable("QUERY_STRING", query)
            .logs_anything()
            .run()
    };
    let says_nothing = |query: &str, why: &str| {
        let answer = asked(query);
        assert!(
            answer.status.starts_with("404"),
            "{query}: {}",
            answer.status
        );
        assert_eq!(answer.text(), "Not found\n");
        assert!(answer.log.contains(why), "{}", answer.log);
    };
    says_nothing("", "turns it on");
    says_nothing(&token_of, "no file has the token");
    let file = token(&site, WORD);
    token(&site, &WORD[..15]);
    says_nothing(&format!("token={}", &WORD[..15]), "at least 16");
    says_nothing("token=../../../../etc/passwd", "turns it on");
    says_nothing("token=ninety-nine-dayz", "no file has the token");
    says_nothing(&format!("mytoken={WORD}"), "turns it on");
    let answer = asked(&token_of);
    assert!(answer.status.starts_with("200"), "{}", answer.status);
    assert!(
        answer.text().contains("Nothing is wrong"),
        "{}",
        answer.text()
    );
    assert!(
        answer.text().contains("app.cgi` answers GET / with 200"),
        "{}",
        answer.text()
    );
    let day = std::time::Duration::from_secs(86_400);
    let now = std::time::SystemTime::now();
    for other in [now - 2 * day, now + 2 * day] {
        let opened = fs::File::options().write(true).open(&file).expect("opened");
        opened.set_modified(other).expect("set");
        says_nothing(&token_of, "older than a day, or from the future");
    }
    fs::remove_file(&file).expect("removed");
    std::os::unix::fs::symlink("app.cgi", &file).expect("linked");
    says_nothing(&token_of, "no file of the script's owner");
}

#[test]
fn the_page_shows_no_secret() {
    let site = Site::new();
    token(&site, WORD);
    site.write(|text| {
        let text = text.replacen("wsgi-cgi\n", "wsgi-cgi --timeout=${DATABASE_PASSWORD}\n", 1);
        text.replace("return [", "raise ValueError('hunter2')\n    return [")
    });
    let answer = page(&site)
        .variable("QUERY_STRING", format!("token={WORD}"))
        .variable("DATABASE_PASSWORD", "hunter2")
        .variable("HTTP_COOKIE", "session=hunter2")
        .logs_anything()
        .run();
    assert!(
        answer.text().contains("answers GET / with 500"),
        "{}",
        answer.text()
    );
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    assert!(!answer.text().contains(WORD), "{}", answer.text());
}

#[test]
fn an_application_of_that_name_is_an_application() {
    let root = folder();
    let script = root.path().join("doctor.cgi");
    let text = "def application(environ, start_response):\n    start_response('200 OK', [])\n    \
                return [b'Dr. Who']\n";
    fs::write(&script, format!("#!{}\n{text}", program().display())).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("set");
    assert_eq!(Cgi::file(Path::new(&script)).run().text(), "Dr. Who");
}

#[test]
fn the_page_says_what_the_server_does_and_does_not() {
    let site = Site::new();
    token(&site, WORD);
    let asked = || page(&site).variable("QUERY_STRING", format!("format=json&token={WORD}"));
    let said = asked().run();
    assert_eq!(said.header("Content-Type"), ["application/json"]);
    assert!(
        said.text().contains("\"good\", \"about\": \"https\""),
        "{}",
        said.text()
    );
    let root = site.root.path().display().to_string();
    let said = asked()
        .variable("SERVER_SOFTWARE", "Apache/2.4")
        .variable("DOCUMENT_ROOT", root)
        .variable("HTTP_X_FORWARDED_PROTO", "https")
        .run();
    for expected in [
        "\"wrong\", \"about\": \"https\"",
        "\"note\", \"about\": \"root\"",
        "\"note\", \"about\": \"login\"",
        "CGIPassAuth On",
    ] {
        assert!(said.text().contains(expected), "{}", said.text());
    }
    let said = asked().variable("SERVER_SOFTWARE", "busybox httpd").run();
    assert!(
        said.text().contains("\"about\": \"uploads\""),
        "{}",
        said.text()
    );
    let said = asked()
        .variable("QUERY_STRING", format!("token={WORD}&script=../app.cgi"))
        .run();
    assert!(
        said.text().contains("without its folder"),
        "{}",
        said.text()
    );
}

/// The program itself may be the script, and is an application's where one is named.
#[test]
fn the_program_may_be_the_page() {
    let site = Site::new();
    token(&site, WORD);
    let copy = site.script().with_file_name("doctor.cgi");
    crate::harness::copy_programs(copy.parent().expect("a folder"));
    fs::rename(copy.with_file_name("wsgi-cgi"), &copy).expect("renamed");
    let asked = || {
        Cgi::bare()
            .program(&copy)
            .variable("SCRIPT_FILENAME", &copy)
            .variable("QUERY_STRING", format!("token={WORD}&script=app.cgi"))
            .logs_anything()
    };
    let page = asked().run();
    assert!(
        page.text().contains("app.cgi` answers GET / with 200"),
        "{page:?}"
    );
    let named = asked().variable("WSGI_CGI_APP", site.script()).run();
    assert_eq!(named.text(), "hello");
}
