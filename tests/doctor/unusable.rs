//! What cannot be used on this machine: a Python too old, an executor or a program of another system or cut short, file
//! systems that are full, read-only or run nothing. The log of a request and `doctor` say the same of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Site, is_found};
use crate::harness::{copy_programs, executor, instead, program};

/// A site with a program of its own.
fn site() -> Site {
    let site = Site::new();
    let folder = bin(&site);
    fs::create_dir(&folder).expect("made");
    copy_programs(&folder);
    let own = format!("#!{}", folder.join("wsgi-cgi").display());
    site.write(|text| text.replacen(&format!("#!{}", program().display()), &own, 1));
    // Neither an image nor a log of its own.
    site.write(|text| {
        text.replace("# image = true\n", "")
            .replace("# log = \"logs/error.log\"\n", "")
    });
    site
}

fn bin(site: &Site) -> PathBuf {
    site.root.path().join("bin")
}

/// Commands in a mount namespace of its own, before a command.
fn mounted(commands: &str) -> Vec<OsString> {
    let run = format!("{commands}; exec \"$@\"");
    let words = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-ec",
        &run,
        "sh",
    ];
    words.map(OsString::from).into()
}

/// The log of a request, and what `doctor` calls wrong: by the program of the site, or the one that was built.
fn said(site: &Site, before: &[OsString], doctor: &Path) -> (String, Vec<String>) {
    let run = |words: &[&Path]| {
        let all = before
            .iter()
            .cloned()
            .chain(words.iter().map(|word| word.as_os_str().to_owned()));
        let all: Vec<OsString> = all.collect();
        let mut command = Command::new(&all[0]);
        command.args(&all[1..]).env_clear();
        command
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", site.root.path().join("home"));
        command
    };
    let script = site.script();
    let mut request = run(&[&script]);
    request.envs([
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("REQUEST_METHOD", "GET"),
        ("SCRIPT_NAME", "/app.cgi"),
    ]);
    // Where the program cannot be started, there is no log.
    let log = request.output().map(|done| done.stderr).unwrap_or_default();
    let found = run(&[doctor, Path::new("doctor"), &script])
        .output()
        .expect("started")
        .stdout;
    let found = String::from_utf8_lossy(&found).into_owned();
    let wrong = found.lines().filter_map(|line| line.strip_prefix("wrong "));
    let wrong = wrong
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    (String::from_utf8_lossy(&log).into_owned(), wrong)
}

/// The log and `doctor`, both with the site's program, have this sentence.
#[track_caller]
fn both_say(site: &Site, before: &[OsString], sentence: &str) {
    let (log, wrong) = said(site, before, &bin(site).join("wsgi-cgi"));
    assert!(log.contains(sentence), "{sentence}: {log}");
    is_found(&wrong, &format!("answer.*{sentence}"));
}

fn env() -> Vec<OsString> {
    vec!["env".into()]
}

#[test]
fn a_python_too_old() {
    let site = site();
    let old = bin(&site).join("python-old");
    let text = "#!/bin/sh\nshift 2\nexec /usr/bin/python3 -S -c 'import sys\nsys.version_info = (3, 8, 1)\n\
                sys.version = \"3.8.1 (old)\"\nexec(sys.argv.pop(1))' \"$@\"\n";
    fs::write(&old, text).expect("written");
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).expect("set");
    site.write(|text| {
        text.replace(
            "# [tool.wsgi-cgi]\n",
            &format!("# [tool.wsgi-cgi]\n# python = \"{}\"\n", old.display()),
        )
    });
    let sentence = "is Python 3.8.1 (old): CPython 3.9 or newer is needed";
    both_say(&site, &env(), sentence);
    let (_, wrong) = said(&site, &env(), program());
    is_found(
        &wrong,
        "python `.*python-old` is cpython 3.8.1: CPython 3.9 or newer is needed",
    );
    // With the executor in LD_PRELOAD, an old Python would end before it can say so.
    let made = Command::new(program())
        .args(["image", "make"])
        .arg(site.script())
        .env_clear()
        .env("HOME", site.root.path())
        .output()
        .expect("started");
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(!made.status.success() && log.contains(sentence), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}

/// As with musl, or half an upload.
#[test]
fn an_executor_that_cannot_be_loaded() {
    type Change = fn(&File);
    let changes: [(Change, &str); 3] = [
        (
            |file| file.write_all_at(&[0xfe], 7).expect("written"),
            "ELF file OS ABI invalid: install the one for this system",
        ),
        (
            |file| file.write_all_at(&[0xfe, 0xfe], 18).expect("written"),
            "is for another processor: install the one for ",
        ),
        (
            |file| file.set_len(5000).expect("cut"),
            "is incomplete (5000 of ",
        ),
    ];
    for (change, sentence) in changes {
        let site = site();
        let own = bin(&site).join("_wsgi_cgi.abi3.so");
        _ = fs::remove_file(&own);
        fs::copy(executor(), &own).expect("copied");
        change(&File::options().write(true).open(&own).expect("a file"));
        both_say(&site, &env(), sentence);
    }
}

/// The server's log has what the kernel says; `doctor`, which another program runs, says why.
#[test]
fn a_program_that_cannot_be_run() {
    type Change = fn(&File);
    let changes: [(Change, &str); 3] = [
        (
            |file| file.set_len(0).expect("cut"),
            "line `.*wsgi-cgi`, which the first line of `.*` names, is empty",
        ),
        (
            |file| file.set_len(100_000).expect("cut"),
            "line `.*wsgi-cgi`, which the first line of `.*` names, is incomplete (100000 of ",
        ),
        (
            |file| file.write_all_at(&[0xfe, 0xfe], 18).expect("written"),
            "line `.*wsgi-cgi`, which the first line of `.*` names, is for another processor",
        ),
    ];
    for (change, sentence) in changes {
        let site = site();
        let own = bin(&site).join("wsgi-cgi");
        fs::remove_file(&own).expect("removed");
        // By another process: nothing here has it open for writing when it is run.
        let copied = Command::new("cp").arg(program()).arg(&own).status();
        assert!(copied.expect("cp").success());
        change(&File::options().write(true).open(&own).expect("a file"));
        is_found(&said(&site, &env(), program()).1, sentence);
    }
    let site = site();
    fs::write(site.script(), "").expect("written");
    is_found(
        &said(&site, &env(), program()).1,
        "line.*is empty: its upload may have failed",
    );
}

#[test]
fn a_file_system_that_runs_nothing() {
    if !instead::is_possible() {
        return;
    }
    let site = site();
    let bin = bin(&site);
    let noexec = |folder: &Path| {
        mounted(&format!(
            "mount --bind {0} {0}; mount -o remount,bind,noexec {0}",
            folder.display()
        ))
    };
    // The program.
    is_found(
        &said(&site, &noexec(&bin), program()).1,
        "line `.*wsgi-cgi`, which the first line of `.*` names, is on a file system that is mounted `noexec`",
    );
    // Its executor alone.
    let elsewhere = site.root.path().join("lib");
    fs::create_dir(&elsewhere).expect("made");
    let own = elsewhere.join("_wsgi_cgi.abi3.so");
    fs::copy(executor(), &own).expect("copied");
    for name in ["_wsgi_cgi.abi3.so", "lib_wsgi_cgi.so"] {
        _ = fs::remove_file(bin.join(name));
    }
    std::os::unix::fs::symlink(&own, bin.join("_wsgi_cgi.abi3.so")).expect("linked");
    let sentence =
        "is on a file system that is mounted `noexec`: install wsgi-cgi on another file system";
    both_say(&site, &noexec(&elsewhere), sentence);
    fs::remove_file(bin.join("_wsgi_cgi.abi3.so")).expect("removed");
    fs::copy(executor(), bin.join("_wsgi_cgi.abi3.so")).expect("copied");
    // The environment's Python.
    let venv = site.root.path().join("site/.venv");
    let made = Command::new("/usr/bin/python3")
        .args(["-m", "venv", "--copies", "--without-pip"])
        .arg(&venv)
        .status();
    assert!(made.expect("Python runs").success());
    let sentence =
        "`.*/bin/python3` cannot be started: it is on a file system that is mounted `noexec`";
    let (log, wrong) = said(&site, &noexec(&venv), program());
    let last = sentence.rsplit(".*").next().expect("a part");
    assert!(log.contains(last), "{log}");
    is_found(&wrong, &format!("answer.*{last}"));
    is_found(&wrong, &format!("python {sentence}"));
}

#[test]
fn a_home_that_is_full_or_read_only() {
    if !instead::is_possible() {
        return;
    }
    let site = site();
    let home = site.root.path().join("home");
    fs::create_dir(&home).expect("made");
    site.write(|text| {
        let start = text.find("# cache-dir").expect("a line");
        let end = start + text[start..].find('\n').expect("its end");
        text.replace(&text[start..end], "# image = true")
    });
    let on = |options: &str| {
        mounted(&format!(
            "mount -t tmpfs none /var/cache; mount -t tmpfs -o mode=700,{options} none {}",
            home.display()
        ))
    };
    let (log, wrong) = said(&site, &on("ro"), program());
    assert!(
        log.contains("answered without an image: cannot make an image: `")
            && log.contains("Read-only file system"),
        "{log}"
    );
    is_found(
        &wrong,
        "images cannot write to the folder for images.*Read-only file system",
    );
    let (_, wrong) = said(&site, &on("size=64k"), program());
    is_found(&wrong, "images only 0 MB free in `");
    // A log that nobody can read, as nothing can be written to it.
    site.write(|text| {
        text.replace(
            "# image = true\n",
            &format!("# log = \"{}/error.log\"\n", home.display()),
        )
    });
    let small = on("size=4k");
    let fill = format!(
        "head -c 9000 /dev/zero >{0}/fill 2>/dev/null || :; exec \"$@\"",
        home.display()
    );
    let fill = ["sh", "-c", &fill, "sh"].map(OsString::from);
    let (_, wrong) = said(&site, &[&small[..], &fill[..]].concat(), program());
    is_found(&wrong, "log no space is left for the error log `");
    let (log, wrong) = said(&site, &on("ro"), program());
    assert!(
        log.contains("cannot open the log `") && log.contains("Read-only file system"),
        "{log}"
    );
    is_found(
        &wrong,
        "log cannot write to the error log `.*Read-only file system",
    );
    // `install` writes nothing then, and says so.
    for (options, sentence) in [
        (
            "ro",
            "Read-only file system (os error 30): run this as a user who may write there",
        ),
        ("size=4k", "No space left on device"),
    ] {
        let mut words = on(options);
        if options.starts_with("size") {
            words.extend(fill.clone());
        }
        words.push(program().into());
        let done = Command::new(&words[0])
            .args(&words[1..])
            .args(["install", "host"])
            .arg(site.script())
            .arg("--to")
            .arg(&home)
            .output()
            .expect("started");
        let log = String::from_utf8_lossy(&done.stderr);
        assert!(!done.status.success() && log.contains(sentence), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
    }
}
