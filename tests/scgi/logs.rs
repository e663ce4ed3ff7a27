//! The error log of `serve --scgi`: its form, and a file that was renamed.

use rustix::process::Signal;

use super::{WAYS, get, raw, request, serve, wait_for_image};
use crate::harness::server::eventually;

/// Whether an answer is a 500.
fn has_failed(answer: &str) -> bool {
    answer.starts_with("Status: 500 ")
}

/// Also those that a request has a process of its own for, and those of a script whose settings are wrong.
#[test]
fn json_is_the_form_of_the_entries_of_all_processes() {
    const FAILS: &str = "
def application(environ, start_response):
    raise LookupError('a \"quoted\" word')
";
    for way in WAYS {
        let serving = serve(FAILS, &[way, &["--log-format", "json"]].concat());
        assert!(has_failed(&raw(&serving, &request("GET", "/", b""))));
        serving.wait_for_log("a \\\"quoted\\\" word");
        if way.contains(&"--image") {
            let wrong = "# /// script\n# [tool.wsgi-cgi]\n# nosuch = 1\n# ///\n";
            std::fs::write(serving.folder().join("app.py"), wrong).expect("written");
            assert!(has_failed(&raw(&serving, &request("GET", "/", b""))));
            serving.wait_for_log("nosuch");
        }
        let (_, log) = serving.end_logging();
        let all_are_json = log.lines().all(|line| line.starts_with("{\"time\":\""));
        assert!(!log.is_empty() && all_are_json, "{way:?}: {log}");
    }
}

/// Where the application cannot be loaded again, those go on that have loaded it before.
#[test]
fn after_sighup_processes_that_go_on_write_to_the_new_file() {
    const SAYS: &str = "
def application(environ, start_response):
    print('said of ' + environ['PATH_INFO'], file=environ['wsgi.errors'])
    start_response('200 OK', [])
    return [b'answered']
";
    for way in WAYS {
        let serving = serve(SAYS, &[way, &["--log", "own.log"]].concat());
        let read =
            |name: &str| std::fs::read_to_string(serving.folder().join(name)).unwrap_or_default();
        assert_eq!(get(&serving, "/before"), "answered");
        wait_for_image(&serving, way);
        let file = |name: &str| serving.folder().join(name);
        std::fs::rename(file("own.log"), file("old.log")).expect("renamed");
        if way.contains(&"--preload") {
            std::fs::write(file("app.py"), "a mistake\n").expect("written");
        }
        serving.signal(Signal::HUP);
        let answered = match way {
            ["--preload"] => "could not be reloaded",
            ["--image"] => "nothing to reload",
            _ => "was reloaded",
        };
        let is_done = || read("own.log").contains(answered);
        assert!(
            eventually(super::PATIENCE, is_done),
            "{way:?}: {}",
            read("own.log")
        );
        assert_eq!(get(&serving, "/after"), "answered");
        assert!(read("old.log").contains("said of /before"), "{way:?}");
        let log = read("own.log");
        assert!(log.contains("said of /after"), "{way:?}: {log}");
        serving.end_logging();
    }
}
