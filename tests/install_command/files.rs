//! The files: what is shown, written, left alone, and taken away again.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use super::Machine;
use crate::harness::terminal::Terminal;

/// Every way to write something, with what there may be before.
const WAYS: [&[&str]; 5] = [
    &["host", "shop.py"],
    &["host", "shop.py", "--root"],
    &[
        "apache",
        "shop.py",
        "--to",
        "../cgi-bin",
        "--config",
        "../conf",
    ],
    &["busybox", "shop.py", "--to", "../pages/cgi-bin"],
    &["apache-action", "shop.py", "--to", "../pages"],
];

/// What may be in a file before, for which nothing is to be lost.
const BEFORE: [Option<&str>; 4] = [
    None,
    Some(""),
    Some("Options -Indexes\n"),
    Some("# no line end, \u{e9}"),
];

fn with(words: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    [words, more].concat()
}

/// Without its folder no log can be written.
#[test]
fn a_missing_folder_for_a_log_is_named_with_the_command_that_makes_it() {
    let machine = Machine::linked();
    let words = [
        "host",
        "shop.py",
        "--force",
        "--log=../logs of shop/error.log",
        "--access-log=../access/log",
    ];
    let done = machine.install(&words);
    let commands: Vec<&str> = done
        .lines()
        .filter(|line| line.starts_with("Warning: the folder of the "))
        .filter_map(|line| Some(line.split_once(", does not exist: ")?.1))
        .collect();
    assert_eq!(commands.len(), 2, "{done}");
    for command in commands {
        let made = Command::new("sh").args(["-c", command]).status();
        assert!(made.expect("sh").success(), "{command}");
    }
    assert!(machine.at("logs of shop").is_dir() && machine.at("access").is_dir());
    let done = machine.install(&words);
    assert!(!done.contains("does not exist"), "{done}");
}

#[test]
fn remove_restores_the_state_before() {
    for words in WAYS {
        for before in BEFORE {
            let machine = Machine::linked();
            for name in ["home/public_html/.htaccess", "conf"] {
                if let Some(text) = before {
                    machine.write(name, text);
                }
            }
            let untouched = machine.everything();
            let done = machine.install(words);
            assert!(done.starts_with("Written: /"), "{done}");
            assert_ne!(machine.everything(), untouched);
            machine.install(&with(words, &["--remove"]));
            assert_eq!(machine.everything(), untouched, "{words:?} {before:?}");
            // What is not there cannot be removed.
            let log = machine.is_refused(&with(words, &["--remove"]));
            assert!(log.contains("` does not exist: nothing removed"), "{log}");
        }
    }
}

#[test]
fn installing_twice_changes_nothing() {
    for words in WAYS {
        let machine = Machine::linked();
        machine.install(words);
        let installed = machine.everything();
        let again = machine.install(words);
        assert!(again.starts_with("Unchanged: /"), "{again}");
        assert!(!again.contains("Written"), "{again}");
        assert_eq!(machine.everything(), installed);
    }
}

#[test]
fn two_scripts_come_and_go_in_any_order() {
    let (one, other): (&[_], &[_]) = (&["host", "shop.py"], &["host", "shop.py", "--name", "two"]);
    for before in BEFORE {
        for (first, second) in [(one, other), (other, one)] {
            let machine = Machine::linked();
            if let Some(text) = before {
                machine.write("home/public_html/.htaccess", text);
            }
            let untouched = machine.everything();
            machine.install(one);
            let with_one = machine.everything();
            machine.install(other);
            machine.install(&with(first, &["--remove"]));
            if first == other {
                assert_eq!(machine.everything(), with_one);
            }
            machine.install(&with(second, &["--remove"]));
            assert_eq!(machine.everything(), untouched, "{before:?}");
        }
    }
}

#[test]
fn a_dry_run_shows_what_patch_would_do_and_writes_nothing() {
    for words in WAYS {
        for before in BEFORE {
            let machine = Machine::linked();
            for name in ["home/public_html/.htaccess", "conf"] {
                if let Some(text) = before {
                    machine.write(name, text);
                }
            }
            for more in [&[][..], &["--remove"]] {
                let untouched = machine.everything();
                let shown = machine.install(&with(&with(words, more), &["--dry-run"]));
                assert!(shown.starts_with("--- "), "{shown}");
                let notes = dry_notes(&shown);
                assert_eq!(machine.everything(), untouched);
                let patched = Machine::linked();
                copy(machine.0.path(), patched.0.path());
                let done = machine.install(&with(words, more));
                // What only the administrator can do is shown too.
                assert!(done.ends_with(&notes), "{notes}");
                assert!(notes.contains("Try it") || more == ["--remove"], "{notes}");
                if !patch(&shown, &machine, &patched) {
                    return crate::harness::skip("patch is not installed");
                }
                // It takes an empty file away, and knows of no modes.
                let texts = |machine: &Machine| {
                    let all = machine.everything().into_iter();
                    let all = all
                        .filter(|(_, _, text)| !text.is_empty())
                        .map(|(path, _, text)| {
                            let path = path.strip_prefix(machine.0.path()).expect("below");
                            (path.to_owned(), text)
                        });
                    all.collect::<Vec<_>>()
                };
                assert_eq!(texts(&patched), texts(&machine), "{shown}");
            }
        }
    }
}

/// What follows the changes.
fn dry_notes(shown: &str) -> String {
    let is_of_a_change = |line: &&str| {
        line.is_empty()
            || ["--- ", "+++ ", "@@ ", "+", "-", " ", "\\"]
                .iter()
                .any(|start| line.starts_with(start))
    };
    let notes = shown.split_inclusive('\n').skip_while(is_of_a_change);
    notes.collect()
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-aT").arg(from).arg(to).status();
    assert!(copied.expect("cp").success());
}

/// Applies what was shown for one machine to another.
fn patch(shown: &str, of: &Machine, to: &Machine) -> bool {
    let (of, to) = (of.0.path().display().to_string(), to.0.path());
    let shown = shown
        .replace(&format!("--- {of}/"), "--- ")
        .replace(&format!("+++ {of}/"), "+++ ");
    let child = Command::new("patch")
        .args(["--quiet", "-p0"])
        .current_dir(to)
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else { return false };
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(shown.as_bytes()).expect("sent");
    drop(stdin);
    assert!(child.wait().expect("patch").success(), "{shown}");
    true
}

#[test]
fn nothing_is_overwritten_unasked() {
    let machine = Machine::linked();
    let words = ["host", "shop.py"];
    machine.write("home/public_html/shop.cgi", "#!/bin/sh\necho mine\n");
    let log = machine.is_refused(&words);
    assert!(
        log.contains("/shop.cgi` exists already") && log.contains("--force"),
        "{log}"
    );
    let shown = machine.install(&with(&words, &["--force", "--dry-run"]));
    assert!(
        shown.contains("\n-echo mine\n") && shown.contains("\n+# /// script\n"),
        "{shown}"
    );
    let log = machine.is_refused(&with(&words, &["--remove"]));
    assert!(log.contains("or `install` did not write it"), "{log}");
    let done = machine.install(&with(&words, &["--force", "--no-image"]));
    assert!(done.starts_with("Replaced: /"), "{done}");
    assert_eq!(machine.answer("home/public_html/shop.cgi").text(), "/x|/|-");
    // Nor what it wrote itself with other options, in either file.
    machine.is_refused(&with(&words, &["--debug", "--no-image"]));
    let script = machine.read("home/public_html/shop.cgi");
    let log = machine.is_refused(&["host", "shop.py", "--name", "shop", "--url", "/x"]);
    assert!(log.contains("--url works only for"), "{log}");
    machine.install(&with(&words, &["--force", "--no-image"]));
    assert_eq!(machine.read("home/public_html/shop.cgi"), script);
    // A link is not followed.
    fs::remove_file(machine.at("home/public_html/shop.cgi")).expect("removed");
    std::os::unix::fs::symlink("../../conf", machine.at("home/public_html/shop.cgi"))
        .expect("a link");
    let log = machine.is_refused(&with(&words, &["--force"]));
    assert!(log.contains("not a regular file"), "{log}");
}

#[test]
fn a_file_that_was_changed_since_is_kept_and_named() {
    for (file, text) in [
        ("shop.cgi", "\nimport os\n"),
        (".htaccess", "\n    Require ip 192.0.2.1\n</Files>"),
    ] {
        let machine = Machine::linked();
        let words = ["host", "shop.py"];
        machine.install(&words);
        let name = format!("home/public_html/{file}");
        let changed = machine.read(&name);
        let changed = match file {
            "shop.cgi" => changed.replacen("\nimport sys\n", text, 1),
            _ => changed.replacen("\n</Files>", text, 1),
        };
        machine.write(&name, &changed);
        // Neither, as what is left of one without the other would show its source.
        let log = machine.is_refused(&with(&words, &["--remove"]));
        assert!(
            log.contains(&format!("/{file}`")) && log.contains("by hand"),
            "{log}"
        );
        let log = machine.is_refused(&words);
        assert!(log.contains("--force"), "{log}");
        machine.install(&with(&words, &["--force"]));
        machine.install(&with(&words, &["--remove"]));
        assert!(!machine.at(&name).exists());
    }
    // What others write around it is theirs.
    let machine = Machine::linked();
    let words = ["host", "shop.py"];
    machine.install(&words);
    let text = machine.read("home/public_html/.htaccess");
    machine.write(
        "home/public_html/.htaccess",
        format!("# before\n{text}# after\n"),
    );
    machine.install(&with(&words, &["--remove"]));
    assert_eq!(
        machine.read("home/public_html/.htaccess"),
        "# before\n# after\n"
    );
}

#[test]
fn the_modes_are_those_that_servers_and_suexec_ask_for() {
    let machine = Machine::linked();
    let done = Command::new("sh")
        .args(["-c", "umask \"$1\"; shift; exec \"$@\"", "sh", "077"])
        .arg(machine.at("wsgi-cgi"))
        .args(["install", "host", "shop.py"])
        .env_clear()
        .env("HOME", machine.at("home"))
        .current_dir(machine.at("site"))
        .output()
        .expect("sh");
    assert!(done.status.success(), "{done:?}");
    let mode = |name: &str| {
        let about = fs::metadata(machine.at(name)).expect("a file");
        about.permissions().mode() & 0o7777
    };
    assert_eq!(mode("home/public_html/shop.cgi"), 0o755);
    assert_eq!(mode("home/public_html/.htaccess"), 0o644);
    // A file that was there keeps its own.
    machine.install(&["host", "shop.py", "--remove"]);
    machine.write("home/public_html/.htaccess", "# mine\n");
    let private = fs::Permissions::from_mode(0o604);
    fs::set_permissions(machine.at("home/public_html/.htaccess"), private).expect("permissions");
    let open = fs::Permissions::from_mode(0o775);
    fs::set_permissions(machine.at("home/public_html"), open).expect("permissions");
    let done = machine.install(&["host", "shop.py"]);
    assert_eq!(mode("home/public_html/.htaccess"), 0o604);
    assert!(
        done.contains("suEXEC runs nothing in such a folder: chmod go-w /"),
        "{done}"
    );
    machine.install(&["apache-action", "shop.py", "--to", "../pages"]);
    assert_eq!(mode("pages/shop.wsgi"), 0o644);
}

#[test]
fn a_failed_installation_is_undone() {
    let machine = Machine::linked();
    let words = [
        "apache",
        "shop.py",
        "--to",
        "../cgi-bin",
        "--config",
        "/proc/self/none/conf",
    ];
    let log = machine.is_refused(&words);
    assert!(log.contains("cannot write `/proc/self/none/conf`"), "{log}");
}

/// As a user who owns the folder, and not the `.htaccess` in it.
#[test]
fn all_or_nothing_is_done_where_one_file_may_not_be_written() {
    if !rustix::process::getuid().is_root() {
        return crate::harness::skip("only root can act as another user");
    }
    let machine = Machine::new();
    let user = |words: &[&str]| {
        Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(machine.at("wsgi-cgi"))
            .args(["install", "host", "shop.py"])
            .args(words)
            .env_clear()
            .env("HOME", machine.at("home"))
            .current_dir(machine.at("site"))
            .output()
            .expect("setpriv")
    };
    machine.write("home/public_html/.htaccess", "# the administrator's\n");
    chown(machine.at("home/public_html"), Some(65534), Some(65534)).expect("given away");
    let untouched = machine.everything();
    let done = user(&[]);
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(
        log.contains("cannot write `/") && log.contains("/.htaccess`: Permission denied"),
        "{log}"
    );
    assert_eq!(machine.everything(), untouched);
    // What root installs there is the folder's owner's.
    machine.install(&["host", "shop.py"]);
    let script = fs::metadata(machine.at("home/public_html/shop.cgi")).expect("a script");
    assert_eq!(script.uid(), 65534);
    let installed = machine.everything();
    let done = user(&["--remove"]);
    assert!(!done.status.success(), "{done:?}");
    assert_eq!(machine.everything(), installed);
}

/// At a terminal a slow step is shown: here the application comes from a FIFO that another process writes.
#[test]
fn a_slow_step_is_shown_at_a_terminal() {
    let machine = Machine::linked();
    let fifo = machine.at("site/slow.py");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, 0o600.into()).expect("a FIFO");
    let command = machine.command(&["apache", "./slow.py", "--to", "../cgi-bin"]);
    let mut terminal = Terminal::start(command);
    terminal.wait_for("wsgi-cgi: reading the application and the existing files ...");
    let mut giver = fs::File::options()
        .write(true)
        .open(&fifo)
        .expect("a reader");
    // The FIFO is replaced by a regular file, as the application is read once more.
    machine.write("site/next.py", super::APP);
    fs::rename(machine.at("site/next.py"), &fifo).expect("renamed");
    giver.write_all(super::APP.as_bytes()).expect("given");
    drop(giver);
    terminal.wait_for("Written: ");
    assert_eq!(terminal.end().1, 0);
    assert!(machine.at("cgi-bin/slow.cgi").exists());
}
