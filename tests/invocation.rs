//! Who wrote which argument: the four ways in which a server starts the program, and the client
//! that cannot (RFC 3875, section 4.4).

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::cgi::{Cgi, exit_code};
use crate::harness::folder;
use crate::harness::launcher::program;

/// Answers with its arguments and its place.
const SHOWING: &str = "
import sys
def application(environ, start_response):
    start_response('200 OK', [])
    shown = [environ['SCRIPT_NAME'], environ['PATH_INFO'], str(len(sys.argv)),
             environ.get('PATH_TRANSLATED', '-')]
    return [' '.join(shown).encode()]
";

/// An executable script with that first line.
fn script(first_line: &str) -> (TempDir, PathBuf) {
    let folder = folder();
    let script = folder.path().join("app.cgi");
    std::fs::write(&script, format!("{first_line}\n{SHOWING}")).expect("a script");
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("executable");
    (folder, script)
}

/// What clients have tried, as a query and as the words that a server makes of it.
const ATTACKS: [(&str, &[&str]); 6] = [
    ("--version", &["--version"]),
    ("--debug", &["--debug"]),
    ("-c+%2Fetc%2Fpasswd", &["-c", "/etc/passwd"]),
    ("--log=/tmp/x", &[]),
    ("%2Fetc%2Fpasswd", &["/etc/passwd"]),
    (
        "--venv+%2Ftmp+%2Fetc%2Fhostname",
        &["--venv", "/tmp", "/etc/hostname"],
    ),
];

#[track_caller]
fn answers(cgi: Cgi) {
    assert_eq!(cgi.run().text(), "/app / 1 -");
}

#[test]
fn through_the_hash_bang_line() {
    let (_folder, script) = script(&format!("#!{}", program().display()));
    answers(Cgi::bare().program(&script));
    for (query, words) in ATTACKS {
        answers(
            Cgi::bare()
                .program(&script)
                .arguments(words)
                .variable("QUERY_STRING", query),
        );
    }
}

#[test]
fn options_in_the_hash_bang_line_are_split() {
    let line = format!(
        "#!{} --script-name '/my shop' --timeout 99 # mine",
        program().display()
    );
    let (_folder, script) = script(&line);
    for (query, words) in ATTACKS {
        let cgi = Cgi::bare()
            .program(&script)
            .arguments(words)
            .variable("QUERY_STRING", query);
        assert_eq!(cgi.run().text(), "/my shop / 1 -");
    }
}

#[test]
fn a_wrong_option_in_the_hash_bang_line_gets_a_suggestion() {
    for (words, meant) in [
        (
            "--vnev /v",
            "unexpected argument '--vnev' found: did you mean `--venv`?",
        ),
        ("--prelaod", "unexpected argument '--prelaod' found"),
        (
            "-image",
            "unexpected argument '-i' found: did you mean `--image`?",
        ),
        ("debug", "`debug` in the `#!` line of"),
        ("imgae", "is not an option: did you mean `--image`?"),
    ] {
        let (_folder, script) = script(&format!("#!{} {words}", program().display()));
        Cgi::bare().program(&script).exits(1).logs(meant).run();
    }
}

#[test]
fn through_env() {
    let path = format!(
        "{}:/usr/bin:/bin",
        program().parent().expect("a folder").display()
    );
    let name = program().file_name().expect("a name").display();
    for line in [
        format!("#!/usr/bin/env {name}"),
        format!("#!/usr/bin/env -S {name} --timeout 99"),
    ] {
        let (_folder, script) = script(&line);
        for (query, words) in ATTACKS {
            let cgi = Cgi::bare()
                .program(&script)
                .arguments(words)
                .variable("PATH", &path);
            answers(
                cgi.variable("SCRIPT_FILENAME", &script)
                    .variable("QUERY_STRING", query),
            );
            // mini_httpd does not say which script it is.
            let cgi = Cgi::bare()
                .program(&script)
                .arguments(words)
                .variable("PATH", &path);
            answers(cgi.variable("QUERY_STRING", query));
        }
    }
}

#[test]
fn through_an_interpreter_setting() {
    for (query, words) in ATTACKS {
        let mut cgi = Cgi::source(SHOWING).option("--timeout").option("99");
        for word in words {
            cgi = cgi.argument(word);
        }
        answers(cgi.variable("QUERY_STRING", query));
    }
}

#[test]
fn what_follows_the_script_is_never_an_option_whoever_wrote_it() {
    // No server is known that makes these words of a query; one may come.
    for words in [&["--debug"][..], &["--venv", "/tmp"], &["--log=/tmp/x"]] {
        let mut cgi = Cgi::source(SHOWING).without("SCRIPT_FILENAME");
        for word in words {
            cgi = cgi.argument(word);
        }
        let answer = cgi.exits(1).logs("stands after the script").run();
        answer.error_id();
        assert_eq!(answer.status, "500 Internal Server Error");
    }
}

#[test]
fn by_itself_with_the_application_in_the_environment() {
    let (_folder, script) = script("");
    for (query, words) in ATTACKS {
        for name in ["WSGI_CGI_APP", "REDIRECT_WSGI_CGI_APP"] {
            let cgi = Cgi::bare().arguments(words).variable(name, &script);
            answers(
                cgi.variable("SCRIPT_FILENAME", program())
                    .variable("QUERY_STRING", query),
            );
            let cgi = Cgi::bare().arguments(words).variable(name, &script);
            answers(cgi.variable("QUERY_STRING", query));
        }
    }
}

/// The variables that Apache gives for an `Action`.
fn action(folder: &Path, path: &str) -> Cgi {
    Cgi::bare()
        .variable("SCRIPT_NAME", "/cgi-bin/wsgi-cgi")
        .variable("SCRIPT_FILENAME", program())
        .variable("PATH_INFO", path)
        .variable("PATH_TRANSLATED", format!("{}{path}", folder.display()))
        .variable("DOCUMENT_ROOT", folder)
        .variable("REDIRECT_STATUS", "200")
        .variable("REDIRECT_HANDLER", "wsgi-script")
        .variable("REDIRECT_URL", path)
}

/// A script for an `Action`, which needs no first line.
fn wsgi_script(name: &str, text: &str) -> TempDir {
    let folder = folder();
    std::fs::write(folder.path().join(name), text).expect("a script");
    folder
}

#[test]
fn through_an_action() {
    let folder = wsgi_script("app.wsgi", SHOWING);
    let at = folder.path().display();
    for (query, words) in ATTACKS {
        let cgi = action(folder.path(), "/app.wsgi/a/b");
        let answer = cgi.arguments(words).variable("QUERY_STRING", query).run();
        assert_eq!(answer.text(), format!("/app.wsgi /a/b 1 {at}/a/b"));
    }
    let answer = action(folder.path(), "/app.wsgi").run();
    assert_eq!(answer.text(), "/app.wsgi  1 -");
}

#[test]
fn through_an_action_a_script_for_the_standard_library_finds_its_own_path() {
    let text = "from wsgiref.handlers import CGIHandler
def app(environ, start_response):
    start_response('200 OK', [])
    return [(environ['SCRIPT_NAME'] + ' ' + environ['PATH_INFO']).encode()]
CGIHandler().run(app)
";
    let folder = wsgi_script("app.wsgi", text);
    let answer = action(folder.path(), "/app.wsgi/a/b").run();
    assert_eq!(answer.text(), "/app.wsgi /a/b");
}

#[test]
fn through_an_action_the_program_is_what_the_server_takes_for_nph_or_not() {
    let folder = wsgi_script("nph-app.wsgi", SHOWING);
    let answer = action(folder.path(), "/nph-app.wsgi/a").run();
    assert!(answer.raw.starts_with(b"Status: 200 OK\r\n"));
}

/// REDIRECT_STATUS comes with every rewrite and ErrorDocument, and with lighttpd and nginx always.
#[test]
fn a_request_that_only_looks_like_an_action_is_refused() {
    let folder = wsgi_script("app.wsgi", SHOWING);
    let none = [
        action(folder.path(), "/app.wsgi").without("REDIRECT_HANDLER"),
        action(folder.path(), "/app.wsgi").without("REDIRECT_URL"),
        action(folder.path(), "/app.wsgi").variable("REDIRECT_URL", "/cgi-bin/wsgi-cgi/app.wsgi"),
        action(folder.path(), "/app.wsgi").variable("REDIRECT_URL", "/cgi-bin/wsgi-cgi"),
    ];
    for cgi in none {
        let cgi = cgi.exits(1).logs("only Apache's `Action` may choose");
        cgi.run().error_id();
    }
    let cgi = action(folder.path(), "/not-there.wsgi");
    cgi.exits(1)
        .logs("no part of PATH_TRANSLATED")
        .run()
        .error_id();
}

/// An upload is not run, whatever it is called.
#[test]
fn an_action_runs_what_has_the_name_of_a_script() {
    for name in [
        "photo.wsgi.jpg",
        "photo.jpg.wsgi.bak",
        "photo.jpg",
        ".wsgi",
        "app.cgi",
    ] {
        let folder = wsgi_script(name, SHOWING);
        for rest in ["", "/x.wsgi"] {
            let cgi = action(folder.path(), &format!("/{name}{rest}"));
            let answer = cgi.exits(1).logs("does not match WSGI_CGI_SCRIPTS").run();
            answer.error_id();
        }
    }
    for (pattern, name, runs) in [
        ("*.cgi", "app.cgi", true),
        ("*.cgi", "app.wsgi", false),
        ("index.fcgi:*.app", "shop.app", true),
        ("index.fcgi:*.app", "index.fcgi.app.txt", false),
    ] {
        let folder = wsgi_script(name, SHOWING);
        for variable in ["WSGI_CGI_SCRIPTS", "REDIRECT_WSGI_CGI_SCRIPTS"] {
            let cgi = action(folder.path(), &format!("/{name}")).variable(variable, pattern);
            let cgi = if runs {
                cgi
            } else {
                cgi.exits(1).logs("does not match")
            };
            let status = if runs {
                "200 OK"
            } else {
                "500 Internal Server Error"
            };
            assert_eq!(cgi.run().status, status, "{pattern} {name}");
        }
    }
}

#[test]
fn without_any_script_it_says_how_to_name_one() {
    Cgi::bare()
        .exits(1)
        .logs("the server named no script")
        .run()
        .error_id();
    let direct = Cgi::bare()
        .arguments(&["/etc/hostname"])
        .variable("SCRIPT_FILENAME", program());
    direct
        .exits(1)
        .logs("the server named no script")
        .run()
        .error_id();
}

#[test]
fn there_are_no_subcommands_in_a_request() {
    let answer = Cgi::bare()
        .arguments(&["--help"])
        .exits(1)
        .logs("cannot be used in a CGI request")
        .run();
    answer.error_id();
}

fn outside(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(program())
        .args(arguments)
        .env_clear()
        .output()
        .expect("started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (
        exit_code(output.status),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn outside_cgi_it_says_what_it_is_for() {
    for arguments in [&[][..], &["app.py"]] {
        let (exit, stdout, stderr) = outside(arguments);
        assert_eq!((exit, stdout.as_str()), (2, ""));
        assert!(
            stderr.starts_with("wsgi-cgi: there is no request: "),
            "{stderr}"
        );
    }
}

#[test]
fn help_and_version_are_for_people() {
    let (exit, stdout, stderr) = outside(&["--help"]);
    assert_eq!((exit, stderr.as_str()), (0, ""));
    assert!(stdout.contains("--python-path <DIR>"), "{stdout}");
    assert!(stdout.lines().all(|line| line.len() <= 80), "{stdout}");
    let (exit, stdout, _) = outside(&["--version"]);
    assert_eq!((exit, stdout.as_str()), (0, "wsgi-cgi 0.1.0\n"));
    let (exit, _, stderr) = outside(&["--nonsense"]);
    assert_eq!(exit, 2);
    assert!(stderr.contains("--nonsense"), "{stderr}");
}
