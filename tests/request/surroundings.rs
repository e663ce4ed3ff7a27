//! What surrounds a typed request: the environment, scripts made for the standard library, CGI,
//! and the other commands.

use super::{ECHO, FAILS};
use crate::harness::by_hand::ByHand;
use crate::harness::cgi::Cgi;

const OS_ENVIRON: &str = r#"
import os
def application(environ, start_response):
    start_response("200 OK", [])
    names = ["HOME", "HTTP_X_OLD", "REMOTE_ADDR", "QUERY_STRING"]
    return [("%s %s\n" % (os.environ.get(name), environ.get(name))).encode() for name in names]
"#;

#[test]
fn the_shells_environment_is_kept_but_for_a_requests_own_names() {
    let printed = ByHand::request(OS_ENVIRON)
        .variable("HOME", "/home/me")
        .variable("HTTP_X_OLD", "old")
        .variable("QUERY_STRING", "old")
        .with(&["/?q"])
        .prints();
    assert_eq!(
        printed,
        "/home/me /home/me\nNone None\n127.0.0.1 127.0.0.1\nq q\n"
    );
}

#[test]
fn with_a_servers_environment_there_is_nothing_else() {
    for server in ["apache", "lighttpd", "fcgiwrap", "busybox", "minimal"] {
        let printed = ByHand::request(OS_ENVIRON)
            .variable("HOME", "/home/me")
            .with(&["--as", server, "/?q"]);
        // busybox answers 404 itself to what ends in a slash.
        let printed = if server == "busybox" {
            printed
                .exits(2)
                .logs("this server answers 404 itself")
                .prints()
        } else {
            printed.prints()
        };
        let wanted = "None None\nNone None\n127.0.0.1 127.0.0.1\nq q\n";
        assert_eq!(
            printed,
            if server == "busybox" { "" } else { wanted },
            "{server}"
        );
    }
}

#[test]
fn a_module_and_a_factory_are_applications_too() {
    let text = "def create_app():\n    return lambda e, s: (s('200 OK', []), [b'made'])[1]\n";
    let printed = ByHand::command(&["request", "pkg.site:create_app()"]);
    std::fs::create_dir(printed.working_directory().join("pkg")).expect("a folder");
    assert_eq!(printed.file("pkg/site.py", text).prints(), "made");
}

#[test]
fn a_script_for_the_standard_library_is_answered() {
    const SCRIPT: &str = r#"
from wsgiref.handlers import CGIHandler
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode() + b" " + environ["wsgi.input"].read()]
CGIHandler().run(application)
"#;
    let printed = ByHand::request(SCRIPT)
        .with(&["/x", "-d", "content"])
        .prints();
    assert_eq!(printed, "/x content");
    let told = ByHand::request(SCRIPT)
        .with(&["-v", "--timing"])
        .logs("exit 0\n")
        .run();
    assert!(
        told.stderr.contains("the application is called\n"),
        "{}",
        told.stderr
    );
}

#[test]
fn the_log_is_here_whatever_the_script_says() {
    let text = format!("# /// script\n# [tool.wsgi-cgi]\n# log = \"own.log\"\n# ///\n{FAILS}");
    let failed = ByHand::request(&text)
        .variable("WSGI_CGI_LOG", "/no/such/folder/log")
        .exits(1)
        .logs("LookupError")
        .run();
    assert!(!failed.folder.path().join("own.log").exists());
    let failed = ByHand::request(&text)
        .with(&["--log", "typed.log"])
        .exits(1)
        .run();
    let log = std::fs::read_to_string(failed.folder.path().join("typed.log")).expect("a log");
    assert!(log.contains("LookupError"), "{log}");
}

#[test]
fn settings_count_as_in_a_cgi_request() {
    let text = format!("# /// script\n# [tool.wsgi-cgi]\n# script-name = \"/blog\"\n# ///\n{ECHO}");
    let printed = ByHand::request(&text).prints();
    assert!(
        printed.contains("SCRIPT_NAME=/blog\nPATH_INFO=\n"),
        "{printed}"
    );
    let printed = ByHand::request(&text)
        .variable("WSGI_CGI_SCRIPT_NAME", "/other")
        .prints();
    assert!(
        printed.contains("SCRIPT_NAME=/other\nPATH_INFO=\n"),
        "{printed}"
    );
    ByHand::request(ECHO)
        .variable("WSGI_CGI_NOSUCH", "x")
        .exits(2)
        .logs("unknown variable `WSGI_CGI_NOSUCH`")
        .run();
}

#[test]
fn in_a_cgi_request_there_are_no_commands() {
    let answer = Cgi::bare()
        .arguments(&["request", "--env", "/etc/passwd"])
        .exits(1)
        .logs("wrong option in the server's interpreter setting: ")
        .run();
    assert_eq!(answer.status, "500 Internal Server Error");
    for command in ["help", "completions", "request"] {
        // A script or nothing.
        Cgi::bare()
            .arguments(&[command])
            .exits(1)
            .logs(&format!("`{command}` cannot be loaded"))
            .run();
    }
}

#[test]
fn an_application_without_a_request_is_told_what_to_do() {
    ByHand::command(&["app.py"])
        .exits(2)
        .logs("there is no request: ")
        .logs("To see what `app.py` answers, run `wsgi-cgi request app.py`")
        .run();
    ByHand::command(&[])
        .exits(2)
        .logs("`wsgi-cgi request APP`")
        .run();
}

#[test]
fn help_is_there_for_the_program_and_each_command() {
    let program = ByHand::command(&["help"]).prints();
    assert!(program.contains("\n  request "), "{program}");
    assert_eq!(ByHand::command(&["--help"]).prints(), program);
    let request = ByHand::command(&["help", "request"]).prints();
    assert!(request.contains("--replay <FILE>"), "{request}");
    assert_eq!(ByHand::command(&["request", "--help"]).prints(), request);
    for text in [&program, &request] {
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
    ByHand::command(&["help", "nosuch"])
        .exits(2)
        .logs("invalid value 'nosuch' for '[COMMAND]'")
        .run();
}

#[test]
fn a_misspelt_word_gets_a_suggestion() {
    for (arguments, meant) in [
        (
            &["reqest"][..],
            "`reqest` is not a command: did you mean `request`?",
        ),
        (&["reqest", "app.py", "/"], "did you mean `request`?"),
        (
            &["imgae", "make", "--warm-up", "/"],
            "did you mean `image`?",
        ),
        (&["image", "mak"], "a similar subcommand exists: 'make'"),
        (
            &["serve", "--prelaod", "x"],
            "a similar argument exists: '--preload'",
        ),
        (
            &["request", "--as", "apach", "x"],
            "a similar value exists: 'apache'",
        ),
        (&["help", "sevre"], "a similar value exists: 'serve'"),
    ] {
        ByHand::command(arguments).exits(2).logs(meant).run();
    }
    // If a file has that name, it is the application.
    ByHand::command(&["reqest"])
        .file("reqest", "")
        .exits(2)
        .logs("there is no request: ")
        .run();
    // For a script's block and a server's variables the suggestion is in the log.
    for (line, meant) in [
        (
            "warmup = \"/\"",
            "unknown key `warmup`: did you mean `warm-up`?",
        ),
        ("colour = 3", "unknown key `colour`: the known ones are "),
    ] {
        Cgi::source(&format!(
            "# /// script\n# [tool.wsgi-cgi]\n# {line}\n# ///\n"
        ))
        .exits(1)
        .logs(meant)
        .run();
    }
    Cgi::source("# /// script\n# [tool.wsgi_cgi]\n# timeout = 3\n# ///\n")
        .exits(1)
        .logs("[tool.wsgi_cgi] has no effect: write [tool.wsgi-cgi]")
        .run();
    Cgi::source("")
        .variable("WSGI_CGI_TIMEOT", "3")
        .exits(1)
        .logs("unknown variable `WSGI_CGI_TIMEOT`: did you mean `WSGI_CGI_TIMEOUT`?")
        .run();
}
