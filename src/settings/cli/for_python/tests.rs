//! Commands and their words: what is passed on arrives as it was.

use super::*;
use crate::cli::{Command, Placement, Program};
use crate::options::Values;
use clap::Parser;
use std::os::unix::ffi::OsStrExt;

fn passed(line: &[&str]) -> ForPython {
    let typed = Program::try_parse_from([&["wsgi-cgi"], line].concat()).expect("understood");
    match typed.command {
        Some(Command::Request(typed)) => {
            ForPython::Request(typed, line.iter().map(OsString::from).collect())
        }
        Some(Command::Check(typed)) => ForPython::Check(typed),
        Some(Command::Serve(typed)) => ForPython::Serve(typed),
        Some(Command::Precompile(typed)) => ForPython::Precompile(typed),
        _ => panic!("{line:?}"),
    }
}

/// What is typed here differs from the default in each field.
const LINES: [&[&str]; 9] = [
    &[
        "request",
        "a.py",
        "/x",
        "-XPUT",
        "-HA: b",
        "-dx=1",
        "-G",
        "--url-query=q",
        "-ume:p",
        "-bc=1",
        "-c-",
        "-j",
        "-AB",
        "-eR",
        "-r0-9",
        "--compressed",
        "-I",
        "-g",
        "--path-as-is",
        "-0",
        "-m2.5",
        "--set=A=b",
        "--as=busybox",
        "-i",
        "-oF",
        "-DH",
        "-L",
        "--max-redirs=-1",
        "-f",
        "-w%{x}",
        "-v",
        "--timing",
        "--pdb",
        "--validate",
        "--env-file=E",
        "--venv=/v",
        "--debug",
        "-k",
    ],
    &[
        "request",
        "a.py",
        "--url=/y",
        "-T-",
        "--oauth2-bearer=t",
        "-O",
        "--fail-with-body",
        "--profile=p.svg",
    ],
    &["request", "a.py", "--replay=f", "--env"],
    &[
        "request",
        "a.py",
        "-Fa=b",
        "--form-string=c=d",
        "--as=minimal",
    ],
    &[
        "request",
        "a.py",
        "--json={}",
        "--data-raw=a",
        "--data-binary=b",
        "--data-urlencode=c",
    ],
    &[
        "check",
        "a.py",
        "/x",
        "/y",
        "--openapi=o",
        "--replay=r",
        "--safe",
        "--ignore=i",
        "--json",
        "--rules",
    ],
    &[
        "serve",
        "a.py",
        "--bind=::1",
        "-p7",
        "--public",
        "--open",
        "--preload",
        "--jobs=3",
        "--max-body=2K",
        "--static=/s=./d",
        "--no-debug-page",
        "--log-format=json",
        "--nursery=9",
        "--env-file=E",
    ],
    &[
        "serve",
        "a.py",
        "--scgi=127.0.0.1:90",
        "--public",
        "--group=g",
        "--allow=10.0.0.0/8",
        "--variable=V",
        "--health=/h",
    ],
    &["precompile", "a.py", "--venv=/v"],
];

#[test]
fn commands_survive_encoding() {
    for line in LINES {
        let sent = passed(line);
        let arrived = ForPython::from_words(sent.words()).expect("understood");
        // As it is shown: no field has anything that could be told apart otherwise.
        assert_eq!(format!("{arrived:?}"), format!("{sent:?}"));
    }
    for place in ["systemd", "/run/s", "--inetd", "--unix=/u"] {
        let place = match place {
            "--inetd" | "--unix=/u" => place.to_owned(),
            place => format!("--scgi={place}"),
        };
        let sent = passed(&["serve", &place]);
        let arrived = ForPython::from_words(sent.words()).expect("understood");
        assert_eq!(format!("{arrived:?}"), format!("{sent:?}"));
    }
}

#[test]
fn any_word_survives_encoding() {
    let odd = OsStr::from_bytes(b"\xff\n -");
    let line = ["request", "a.py", "/", "-A", "", "-b"].map(OsStr::new);
    let line = line.into_iter().chain([odd]);
    let typed = Program::try_parse_from([OsStr::new("wsgi-cgi")].into_iter().chain(line));
    let Some(Command::Request(typed)) = typed.expect("understood").command else {
        panic!("another command");
    };
    let words = ForPython::Request(typed, vec![odd.into(), "".into()]).words();
    let Ok(ForPython::Request(typed, command_line)) = ForPython::from_words(words) else {
        panic!("not understood");
    };
    assert_eq!(command_line, [odd, OsStr::new("")]);
    assert_eq!(typed.asked.user_agent, Some("".into()));
    assert_eq!(typed.asked.cookie, [odd]);
}

#[test]
fn how_to_load_survives_encoding() {
    let mut loading = Loading {
        script: "-odd.cgi".into(),
        started_with: vec!["--venv".into(), "/a b".into(), "".into()],
        flags: Values::from_words(&["venv=/a b".into()]).expect("an option"),
        folder: "/c".into(),
        warm_up: vec!["/?a".into()],
        unwarmed: true,
        observer: 7,
        attempt: 3,
        by_hand: true,
        placement: Placement::Learns,
    };
    for placement in [Placement::Learns, Placement::Learned("/l=1".into())] {
        loading.placement = placement;
        let words = ForPython::Load(loading.clone().into()).words();
        match ForPython::from_words(words).expect("understood") {
            ForPython::Load(arrived) => assert_eq!(*arrived, loading),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn words_of_another_version_are_refused() {
    let whole = passed(LINES[0]).words();
    for length in 0..whole.len() {
        let cut = ForPython::from_words(whole[..length].to_vec());
        assert!(cut.is_err(), "{length} of {} words", whole.len());
    }
    let more = [&whole[..], &["more".into()]].concat();
    assert!(ForPython::from_words(more).is_err());
    let mut words = whole;
    words[0] = "doctor".into();
    let error = ForPython::from_words(words).expect_err("not for Python");
    assert!(error.to_string().contains("`doctor`"), "{error}");
}
