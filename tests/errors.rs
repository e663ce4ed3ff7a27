//! Errors for people: one line in the log that says what is wrong and what to do, a whole page with
//! an id for the client, and nothing else.

use crate::harness::cgi::{Answer, Cgi};
use crate::harness::python_version;

/// Runs a request that fails before its head; the page gives nothing away.
#[track_caller]
fn fails(cgi: Cgi, said: &str) -> Answer {
    let answer = cgi.exits(1).logs(said).run();
    assert_eq!(answer.status, "500 Internal Server Error");
    answer.error_id();
    for inside in ["Traceback", ".py", "/tmp", python_version(), "rror:"] {
        assert!(
            !answer.text().contains(inside),
            "{inside} in {}",
            answer.text()
        );
    }
    answer
}

#[test]
fn a_missing_file() {
    let answer = fails(
        Cgi::file("/nowhere/app.py".as_ref()),
        "there is no file `/nowhere/app.py`",
    );
    assert!(answer.log.contains("working directory"), "{}", answer.log);
}

#[test]
fn a_folder_in_the_place_of_a_file() {
    fails(Cgi::file("/usr/".as_ref()), "is a folder");
}

#[test]
fn a_syntax_error() {
    let answer = fails(Cgi::source("def application(:\n"), "SyntaxError");
    assert!(answer.log.contains("app.py\", line 1"), "{}", answer.log);
}

#[test]
fn a_missing_module_names_where_it_was_looked_for() {
    let answer = fails(
        Cgi::source("import not_there.at_all\n"),
        "No module named 'not_there'",
    );
    assert!(
        answer.log.contains("there is no virtual environment at"),
        "{}",
        answer.log
    );
    assert!(answer.log.contains("--venv"), "{}", answer.log);
}

#[test]
fn no_callable_says_what_was_found() {
    let source = "import os\ndef my_app(environ, start_response): pass\nclass Shop: pass\n";
    let answer = fails(Cgi::source(source), "has no application");
    assert!(answer.log.contains("my_app, Shop"), "{}", answer.log);
}

#[test]
fn an_application_that_cannot_be_called() {
    fails(
        Cgi::source("application = 'text'\n"),
        "is 'text', which is not callable",
    );
}

#[test]
fn an_application_with_the_wrong_arguments() {
    fails(Cgi::source("def application(): pass\n"), "TypeError");
}

#[test]
fn two_factories_are_one_too_many() {
    fails(
        Cgi::source("def create_app(): pass\ndef make_app(): pass\n"),
        "two factories",
    );
}

#[test]
fn an_unknown_key_of_the_script_or_the_environment_is_named() {
    let script = "# /// script\n# [tool.wsgi-cgi]\n# vnev = \"x\"\n# ///\n";
    fails(Cgi::source(script), "`vnev`");
    fails(
        Cgi::app("hello.py").variable("WSGI_CGI_VNEV", "x"),
        "`WSGI_CGI_VNEV`",
    );
    fails(
        Cgi::app("hello.py").variable("WSGI_CGI_TIMEOUT", "soon"),
        "WSGI_CGI_TIMEOUT=`soon`",
    );
    fails(Cgi::app("hello.py").option("--vnev"), "--vnev");
}

#[test]
fn a_hash_bang_line_that_ends_in_cr_lf() {
    // The kernel hands the carriage return on as part of the one argument.
    let cgi = Cgi::app("hello.py");
    let folder = crate::harness::folder();
    let script = folder.path().join("app.cgi");
    let program = crate::harness::program().display();
    std::fs::write(
        &script,
        format!("#!{program} --debug\r\napplication = None\r\n"),
    )
    .expect("a file");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("executable");
    fails(cgi.program(&script).arguments(&[]), "ends in CR LF");
}

#[test]
fn every_way_to_leave_before_the_head() {
    let crash = "import ctypes; ctypes.string_at(0)";
    let exit = "import ctypes; ctypes.CDLL(None).exit(0)";
    for (statement, exits, said) in [
        ("raise SystemExit(3)", 1, "SystemExit: 3"),
        (
            "import sys; sys.exit()",
            1,
            "instead of returning an answer",
        ),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt"),
        ("raise BaseException('odd')", 1, "BaseException: odd"),
        ("import os; os.abort()", 134, "SIGABRT"),
        (crash, 139, "SIGSEGV"),
        (exit, 0, ""),
    ] {
        for source in [
            format!("{statement}\n"),
            format!("def application(environ, start_response):\n    {statement}\n"),
            format!(
                "def application(environ, start_response):
    start_response('200 OK', [])
    yield b''
    {statement}
"
            ),
        ] {
            let at_import = !source.starts_with("def");
            // At import the reason is in another sentence.
            let said = if at_import && said.starts_with("instead") {
                "SystemExit"
            } else {
                said
            };
            let answer = Cgi::source(&source).exits(exits).logs(said).run();
            assert_eq!(answer.status, "500 Internal Server Error", "{source}");
            assert!(answer.text().ends_with("</html>\n"), "{source}");
            if exits != 0 {
                answer.error_id();
            }
        }
    }
}

#[test]
fn a_crash_shows_where_python_was() {
    let answer = Cgi::source(
        "import ctypes
def application(environ, start_response):
    ctypes.string_at(0)
",
    )
    .exits(139)
    .logs("in application")
    .run();
    answer.error_id();
}

#[test]
fn an_error_after_the_head_cuts_the_response_and_is_logged() {
    let answer = Cgi::source(
        "def application(environ, start_response):
    start_response('200 OK', [])
    yield b'begun'
    raise ValueError('in the middle')
",
    )
    .exits(1)
    .logs("ValueError: in the middle")
    .logs("cut short")
    .run();
    assert_eq!(answer.body, b"begun");
}

#[test]
fn head_gets_the_head_of_the_page() {
    let answer = Cgi::source("raise ValueError\n")
        .method("HEAD")
        .exits(1)
        .logs("ValueError")
        .run();
    assert_eq!(answer.status, "500 Internal Server Error");
    assert!(answer.body.is_empty());
    let answer = Cgi::source("import os; os.abort()\n")
        .method("HEAD")
        .exits(134)
        .logs("SIG")
        .run();
    assert!(answer.body.is_empty());
}

#[test]
fn a_log_entry_names_the_request() {
    let cgi = Cgi::source("raise ValueError\n")
        .path("/a b\n")
        .method("PUT");
    fails(cgi, r"PUT /app/a b\n: ");
}

/// What an application did not open is not its own to close; the server gets a whole answer.
#[test]
fn descriptors_that_are_closed_or_replaced_end_in_a_whole_500() {
    let null = "null = os.open('/dev/null', os.O_RDWR)";
    let over_all = |all: &str| {
        format!("{null}; [os.dup2(null, number) for number in range({all}) if number != null]")
    };
    let takes = [
        "os.closerange(0, 21)".to_owned(),
        "os.closerange(3, 1024)".to_owned(),
        "os.closerange(0, 21); open('app.py'); open('app.py')".to_owned(),
        over_all("64"),
        over_all("os.sysconf('SC_OPEN_MAX')"),
    ];
    let then = [
        (
            "start_response('200 OK', [])\n    return [b'content']",
            "had not opened",
        ),
        ("raise LookupError('after that')", "LookupError: after that"),
        ("ctypes.string_at(0)", "SIGSEGV"),
    ];
    // As hosts have it: what a process may open is less than what it may ask for.
    let limited = |text: &str| {
        let cgi = Cgi::source(text);
        let script = cgi.script_folder().join("app.py");
        cgi.program("sh")
            .arguments(&["-c", "ulimit -S -n 256; exec \"$@\"", "sh"])
            .argument(crate::harness::launcher::program())
            .argument(script)
    };
    for take in takes {
        for (then, said) in then {
            let exit = if said == "SIGSEGV" { 139 } else { 1 };
            let answer = limited(&format!(
                "import ctypes, os\ndef application(environ, start_response):\n    {take}\n    {then}\n"
            ))
            .exits(exit)
            .logs(said)
            .run();
            assert_eq!(answer.status, "500 Internal Server Error", "{take} {then}");
            answer.error_id();
        }
        // While it is loaded.
        let answer = limited(&format!(
            "import os\n{take}\ndef application(environ, start_response):\n    \
             start_response('200 OK', [])\n    return [b'content']\n"
        ))
        .exits(1)
        .logs("had not opened")
        .run();
        assert_eq!(answer.status, "500 Internal Server Error", "{take}");
    }
}

#[test]
fn no_framework_is_blamed_for_a_500_of_the_applications_own() {
    let answer = Cgi::source(
        "def application(environ, start_response):
    start_response('500 Internal Server Error', [])
    return [b'mine']
",
    )
    .logs("the application answered 500 itself\n")
    .run();
    assert_eq!(answer.text(), "mine");
}

/// A variable for developers in Rust, which the program looks at before its C library is ready.
#[test]
fn an_early_error_is_answered_with_backtraces_asked_for() {
    for (options, said) in [
        ("vnev = 1", "unknown key `vnev`"),
        ("timeout = 0", "timeout = 0: a positive number"),
        ("timeout = ", "string values must be quoted"),
    ] {
        let source = format!("# /// script\n# [tool.wsgi-cgi]\n# {options}\n# ///\n");
        let answer = Cgi::source(&source)
            .variable("RUST_BACKTRACE", "1")
            .exits(1)
            .logs(said)
            .run();
        assert_eq!(answer.status, "500 Internal Server Error", "{options}");
        assert!(!answer.log.contains("backtrace"), "{}", answer.log);
    }
}
