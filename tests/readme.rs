//! Tests everything that the README and the manual (`docs/manual`) show: their commands are run here, in the order of
//! [`texts`], and the tests with real servers use their configurations ([`block`]).

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::cgi::Cgi;
use crate::harness::http_client::Request;
use crate::harness::serving::Serve;
use crate::harness::{executor, folder, program, python};
use crate::in_python;
use crate::log_entries::has_time;

const README: &str = include_str!("../README.md");

macro_rules! manual {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../docs/manual/", $name, ".md")))),*]
    };
}

/// The pages of the manual in reading order: later commands use files of earlier ones.
const MANUAL: [(&str, &str); 13] = manual!["installing" "figures" "request" "serve" "servers" "naming"
    "options" "images" "doctor" "check" "errors" "logs" "shell"];

/// The README and the pages of the manual.
fn texts() -> impl Iterator<Item = &'static str> {
    [README].into_iter().chain(MANUAL.map(|(_, text)| text))
}

/// The blocks of a language, in order. The languages: `console` is run, and prints what follows
/// each command (`...` stands for anything); `serving` is a server that is run and asked; `sh` is
/// run; `pytest` is a test of `cart.py`; `text` is for a shell's start file, which `completions`
/// tests; `python` is a script that answers "Hello, world!"; the others are named after servers,
/// configurations first, then commands.
const LANGUAGES: [&str; 11] = [
    "apache",
    "busybox",
    "console",
    "lighttpd",
    "mini_httpd",
    "nginx",
    "pytest",
    "python",
    "serving",
    "sh",
    "text",
];

/// The block number `index`, from 0, of that language, as it is in the manual: the test of a
/// server replaces the paths `/usr/local/bin`, `/usr/lib/cgi-bin` and `/var/www/html`, the sockets
/// and the ports in it.
pub(crate) fn block(language: &str, index: usize) -> &'static str {
    let found = blocks(language).into_iter().nth(index);
    found.unwrap_or_else(|| panic!("the manual has no block {index} in {language}"))
}

fn blocks(language: &str) -> Vec<&'static str> {
    all_blocks()
        .filter(|(name, _)| *name == language)
        .map(|(_, text)| text)
        .collect()
}

/// Language and text of each block.
fn all_blocks() -> impl Iterator<Item = (&'static str, &'static str)> {
    texts().flat_map(blocks_of)
}

fn blocks_of(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    // Before, inside, after, inside, ...
    text.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').expect("a line"))
}

#[test]
fn every_block_is_of_a_kind_that_is_tried() {
    let languages: BTreeSet<&str> = all_blocks().map(|(language, _)| language).collect();
    assert_eq!(languages, BTreeSet::from(LANGUAGES));
}

/// The README is short, and links to every page of the manual.
#[test]
fn the_readme_is_short_and_leads_to_each_page() {
    assert!(README.lines().count() < 300);
    let pages = fs::read_dir(repository().join("docs/manual")).expect("pages");
    let pages: BTreeSet<String> = pages
        .map(|page| page.expect("a page").file_name().into_string())
        .map(|name| name.expect("UTF-8"))
        .collect();
    let known: BTreeSet<String> = MANUAL
        .iter()
        .map(|(name, _)| format!("{name}.md"))
        .collect();
    assert_eq!(pages, known);
    for page in pages {
        assert!(README.contains(&format!("(docs/manual/{page})")), "{page}");
    }
}

/// The README's commands for shared hosting are in `docs/shared-hosting.md`, whose commands `docs` runs.
#[test]
fn the_commands_for_shared_hosting_are_those_of_its_page() {
    let recipe = include_str!("../docs/shared-hosting.md");
    let known: Vec<&str> = recipe
        .lines()
        .map(|line| line.strip_prefix("$ ").unwrap_or(line))
        .collect();
    let (_, block) = blocks_of(README)
        .find(|(language, _)| *language == "sh")
        .expect("a block");
    assert_eq!(block.lines().count(), 7);
    for line in block.lines() {
        assert!(known.contains(&line), "{line}");
    }
}

/// Each link leads to an existing file, and to an existing heading in it.
#[test]
fn every_link_leads_somewhere() {
    let pages = MANUAL.map(|(name, text)| (format!("docs/manual/{name}.md"), text));
    for (page, text) in pages.into_iter().chain([("README.md".to_owned(), README)]) {
        let folder = repository().join(&page);
        let folder = folder.parent().expect("a folder");
        let links = text.split("](").skip(1);
        for link in links.filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = if file.is_empty() {
                repository().join(&page)
            } else {
                folder.join(file)
            };
            assert!(file.exists(), "{page}: {link}");
            let has_heading = || {
                let text = fs::read_to_string(&file).expect("text");
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                headings.any(|line| anchor_of(line) == anchor)
            };
            assert!(anchor.is_empty() || has_heading(), "{page}: {link}");
        }
    }
}

/// The anchor of a heading in links.
fn anchor_of(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        letter if letter.is_alphanumeric() || letter == '-' => Some(letter),
        _ => None,
    });
    kept.collect()
}

/// Root's folders and a copy of this repository, in a folder of their own.
struct Machine {
    root: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { root: folder() };
        // Written by another process: no script is still open for writing when it is executed.
        let output = Command::new("sh")
            .args(["-euc", SET_UP])
            .args(["sh".as_ref(), machine.root.path(), program(), &repository()])
            .arg(executor())
            .output()
            .expect("sh");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        machine
    }

    /// Runs a command as a user would who may use sudo, and gives all that it prints. That goes
    /// to one file, as to one terminal.
    fn run(&self, command: &str) -> String {
        let printed = self.root.path().join("printed");
        let file = || {
            let options = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&printed);
            options.expect("a file")
        };
        let path = format!(
            "{}:/usr/sbin:/usr/bin:/sbin:/bin",
            self.place("/usr/local/bin").display()
        );
        Command::new("bash")
            .arg("-c")
            .arg(self.here(command))
            .current_dir(self.place("/repository"))
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.root.path())
            .stdin(std::process::Stdio::null())
            .stdout(file())
            .stderr(file())
            .status()
            .expect("bash");
        let text = fs::read_to_string(&printed).expect("what was printed");
        fs::remove_file(&printed).expect("removed");
        let text = text.replace(&self.root.path().display().to_string(), "");
        without_stamps(&text.replace("\r\n", "\n"))
    }

    /// The text with the folders of this machine in the place of the real ones.
    fn here(&self, text: &str) -> String {
        // For what it makes in /var/cache and in /usr/local there is a test of its own.
        let install = format!(
            "scripts/install --no-store --prefix {}",
            self.place("/usr/local").display()
        );
        let text = text.replace("sudo scripts/install", &install);
        let text = text.replace("sudo ", "");
        [
            "/usr/local/bin",
            "/usr/lib/cgi-bin",
            "/srv/www",
            "/var/cache",
        ]
        .iter()
        .fold(text, |text, folder| {
            text.replace(folder, &self.place(folder).display().to_string())
        })
    }

    fn place(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }
}

/// Arguments: the machine's root, the program, the repository.
const SET_UP: &str = "
    mkdir -p $1/usr/local/bin $1/usr/lib/cgi-bin $1/srv/www $1/repository/examples
    mkdir -p $1/repository/target/release
    cp $2 $1/repository/target/release/wsgi-cgi
    cp $4 $1/repository/target/release/lib_wsgi_cgi.so
    cp -r $3/scripts $1/repository/
    printf '#!/bin/sh\n[ \"$1\" != --version ] || echo cargo 1.88.0\n' >$1/usr/local/bin/cargo
    chmod 755 $1/usr/local/bin/cargo
    for file in $3/examples/*.py; do
        sed 1s,/usr/local/bin,$1/usr/local/bin, $file >$1/repository/examples/${file##*/}
    done
";

fn repository() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// The text without the times that entries of the log have in a file, and on a terminal have not.
fn without_stamps(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    let bare = lines.map(|line| match line.split_once("] wsgi-cgi: ") {
        Some((_, entry)) if has_time(line) => format!("wsgi-cgi: {entry}"),
        _ => line.to_owned(),
    });
    bare.collect()
}

/// Commands, each after `$ `, and what they print.
fn commands(console: &str) -> Vec<(&str, &str)> {
    let mut commands = Vec::new();
    let console = console.strip_prefix("$ ").expect("begins with a command");
    for part in console.split("\n$ ") {
        commands.push(part.split_once('\n').unwrap_or((part, "")));
    }
    commands
}

/// Whether the text is as expected, where `...` stands for anything and a time for any other.
pub(crate) fn is_like(text: &str, expected: &str) -> bool {
    let (text, expected) = (without_times(text), without_times(expected));
    let (text, expected) = (text.as_str(), expected.as_str());
    let Some((before_last, last)) = expected.rsplit_once("...") else {
        return text == expected;
    };
    let mut parts = before_last.split("...");
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    for part in parts {
        let Some(place) = rest.find(part) else {
            return false;
        };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(last)
}

/// Lines that begin or go on with a time such as `12.3`, or `+0.4`, are what `-v` and `--timing`
/// print: times, and the stars and bars that go with them, are another day's.
fn without_times(text: &str) -> String {
    let is_time = |word: &str| {
        let digits = word.strip_prefix('+').unwrap_or(word);
        digits
            .split_once('.')
            .is_some_and(|(_, tenths)| tenths.len() == 1 && digits.parse::<f64>().is_ok())
    };
    let is_mark = |word: &str| word.bytes().all(|byte| b"*#".contains(&byte));
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !words.iter().copied().any(is_time) {
            return line.to_owned();
        }
        let mut kept = words;
        kept.retain(|word| !is_time(word) && !is_mark(word));
        kept.join(" ")
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_time_stands_for_any_other() {
    assert!(is_like("   1.2  +0.3  *   done\n", "  14.0 +10.0  done\n"));
    assert!(is_like("call   1.2 ###\n", "call 0.3 #\n"));
    assert!(!is_like("   1.2  +0.3  done\n", "  14.0 +10.0  undone\n"));
    assert!(!is_like("Python 3.11 *\n", "Python 3.12 *\n"));
}

#[test]
fn dots_stand_for_anything() {
    assert!(is_like("a big cat\n", "a ... cat\n"));
    assert!(is_like("all\n", "all\n") && is_like("a\nb\n", "..."));
    assert!(is_like("a\nb\nc\n", "a\n...\n") && !is_like("a\nb\n", "a\n...c\n"));
    assert!(!is_like("a cat\n", "a ... cat\n") && !is_like("all\nof it\n", "all\n"));
}

#[test]
fn what_is_typed_prints_what_is_shown() {
    let machine = Machine::new();
    for block in blocks("console") {
        for (command, expected) in commands(block) {
            if command == "scripts/quickstart" {
                continue; // below
            }
            let printed = machine.run(command).trim_end().to_owned() + "\n";
            let expected = expected.split("Created: ").next().unwrap_or_default();
            let expected = expected.trim_end().to_owned() + "\n";
            assert!(
                is_like(&printed, &expected),
                "$ {command}\n{printed}\nexpected:\n{expected}"
            );
        }
    }
}

/// A server that is started as shown, but at any free port, and asked what its log shows.
#[test]
fn what_is_served_is_logged_as_shown() {
    let shown = block("serving", 0);
    let (command, expected) = commands(shown)[0];
    let app = command.strip_prefix("$ ").unwrap_or(command);
    let app = app.strip_prefix("wsgi-cgi serve ").expect("a server");
    let app = repository().join(app);
    let serving = Serve::app(&app.display().to_string()).start();
    let (banner, log) = expected.split_once("stop.\n").expect("a banner");
    for line in log.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[1], "GET");
        let response = Request::get(words[2]).send(serving.address());
        assert_eq!(response.status.to_string(), words[0]);
        _ = response.text();
    }
    let address = serving.address().to_string();
    let (printed, _) = serving.end_logging();
    let printed = printed.replace(&address, "127.0.0.1:8000");
    // The time that it took is another day's.
    let steady = |text: &str| -> String {
        let lines = text.lines().map(|line| match line.strip_suffix(" ms") {
            Some(timed) => timed.rsplit_once(' ').expect("a number").0,
            None => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    assert!(is_like(&printed, &format!("{banner}...")), "{printed}");
    let (_, logged) = printed.split_once("stop.\n").expect("a banner");
    assert_eq!(steady(logged), steady(log));
}

#[test]
fn each_python_block_is_an_application() {
    let package = in_python::package();
    for script in blocks("python") {
        if script.starts_with("#!/usr/bin/python3\n") {
            for program in [python().into(), program().to_owned()] {
                let asked = Cgi::source_named("hello.py", script).program(program);
                let asked = asked.variable("PYTHONPATH", package.path());
                assert_eq!(asked.run().text(), "Hello, world!\n");
            }
            continue;
        }
        assert!(
            script.starts_with("#!/usr/local/bin/wsgi-cgi\n"),
            "{script}"
        );
        if !script.contains("flask") {
            assert_eq!(
                Cgi::source_named("hello.py", script).run().text(),
                "Hello, world!\n"
            );
        }
    }
}

/// The table of times and the picture are of the same run.
#[test]
fn the_times_are_the_pictures() {
    const PICTURE: &str = include_str!("../scripts/bench.d/comparison.svg");
    let mut rows = README
        .lines()
        .skip_while(|line| !line.starts_with("| ms |"))
        .take_while(|line| line.starts_with('|'))
        .map(|row| {
            row.trim_matches(['|', ' '])
                .split(" | ")
                .collect::<Vec<_>>()
        });
    let ways = rows.next().expect("a table");
    let mut applications = 0;
    for row in rows.skip(1) {
        let times = ways[1..].iter().zip(&row[1..]).map(|(way, time)| {
            // A ratio may follow.
            let time = time.split(' ').next().unwrap_or_default();
            format!("{way} {time} ms")
        });
        let sentence = format!("{}: {}.", row[0], times.collect::<Vec<_>>().join(", "));
        assert!(PICTURE.contains(&sentence), "{sentence}");
        applications += 1;
    }
    assert_eq!(applications, 4);
}

/// The options, their variables and their keys, as the program itself has them.
#[test]
fn the_table_has_each_option() {
    let lines = texts().flat_map(str::lines);
    let rows = lines.filter(|line| line.starts_with("| `--"));
    let rows: Vec<Vec<&str>> = rows
        .map(|row| row.split('`').skip(1).step_by(2).collect())
        .collect();
    for row in &rows {
        let name = row[0]
            .split(' ')
            .next()
            .and_then(|option| option.strip_prefix("--"));
        let name = name.expect("an option");
        let variable = format!("WSGI_CGI_{}", name.to_uppercase().replace('-', "_"));
        assert_eq!(row[1], variable);
        assert_eq!(row.get(2).copied(), Some(name));
    }

    let help = Command::new(program())
        .arg("--help")
        .env_clear()
        .output()
        .expect("the program");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let options = help
        .lines()
        .filter_map(|line| line.strip_prefix("      --"))
        // What it is about follows after two spaces.
        .filter_map(|option| option.split("  ").next());
    let options: Vec<String> = options
        .map(|option| format!("--{}", option.replace(['<', '>'], "")))
        .collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), options);

    let unknown = Cgi::source("")
        .variable("WSGI_CGI_X", "")
        .exits(1)
        .logs("WSGI_CGI_X")
        .run();
    let known = unknown
        .log
        .split("the known ones are ")
        .nth(1)
        .expect("the variables");
    let known: BTreeSet<&str> = known.trim_end().split(", ").collect();
    // These two are described where they belong.
    let elsewhere = ["WSGI_CGI_APP", "WSGI_CGI_SCRIPTS"];
    let is_told = |name: &&str| texts().any(|text| text.contains(name));
    assert!(elsewhere.iter().all(is_told));
    let shown = rows.iter().map(|row| row[1]).chain(elsewhere);
    assert_eq!(known, shown.collect());
}

/// What takes long, or needs packages.
mod slow {
    use super::*;
    use crate::harness::{packages, skip};

    /// `scripts/quickstart` builds the program with optimisation, which takes its time.
    #[test]
    fn quickstart_prints_what_is_shown() {
        let mut command = Command::new(repository().join("scripts/quickstart"));
        command.env_clear();
        for name in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
        ] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        let output = command.current_dir("/").output().expect("the script");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let shown = block("console", 0)
            .strip_prefix("$ scripts/quickstart\n")
            .expect("first");
        assert_eq!(String::from_utf8_lossy(&output.stdout), shown);
    }

    /// It works with the virtual environment where its settings say.
    #[test]
    fn the_python_block_with_settings_is_an_application() {
        let Some(venv) = packages::venv() else { return };
        let site = folder();
        let script = site.path().join("cgi-bin/hello.py");
        fs::create_dir(site.path().join("cgi-bin")).expect("a folder");
        std::os::unix::fs::symlink(venv, site.path().join("venv")).expect("a link");
        let text = blocks("python")
            .into_iter()
            .find(|text| text.contains("flask"));
        fs::write(&script, text.expect("a block with flask")).expect("written");
        let asked = Cgi::file(&script).variable("WSGI_CGI_IMAGE", "off");
        assert_eq!(asked.run().text(), "Hello, world!\n");
    }

    /// The commands that make a virtual environment make one that is used.
    #[test]
    fn the_commands_of_packages_work() {
        let machine = Machine::new();
        // The README's `sh` block is run by `docs`, as part of `docs/shared-hosting.md`.
        let pages = MANUAL.iter().flat_map(|(_, text)| blocks_of(text));
        let printed: String = pages
            .filter(|(language, _)| *language == "sh")
            .map(|(_, block)| machine.run(block))
            .collect();
        let venv = machine.place("/srv/www/venv");
        let packages = format!(
            "lib/python{}/site-packages/flask",
            crate::harness::python_version()
        );
        if !venv.join(&packages).is_dir() {
            return skip(&format!("pip installs nothing here: {printed}"));
        }
        let script = machine.place("/srv/www/cgi-bin/app.py");
        fs::create_dir(script.parent().expect("a folder")).expect("a folder");
        fs::write(&script, "from flask import Flask\napp = Flask(__name__)\n").expect("written");
        assert_eq!(Cgi::file(&script).run().status, "404 NOT FOUND");
    }
}
