//! `--guard`: a process waits beside one that was restored, and answers where that one cannot.

use super::{HELLO, Site};
use crate::harness::cgi::Cgi;

const OPTIONS: &str = "--guard";

/// Ends the process in the way, and at the moment, that the query names.
const ENDING: &str = include_str!("../apps/server/unanswered.py");

impl Site {
    /// A request that is answered from the image, whose process ends as the query says.
    #[track_caller]
    fn asked_to_end(&self, query: &str) -> Cgi {
        self.request()
            .variable("QUERY_STRING", query)
            .post("a body")
    }
}

#[test]
fn a_guarded_request_is_answered_from_the_image() {
    let site = Site::with_options(OPTIONS, HELLO);
    site.settles_on(&["cold", "restored"]);
    assert_eq!(site.restored(), "restored");
    let site = Site::new(&HELLO.replacen(
        '\n',
        "\n# /// script\n# [tool.wsgi-cgi]\n# guard = true\n# ///\n",
        1,
    ));
    site.settles_on(&["cold", "restored"]);
    assert_eq!(site.restored(), "restored");
}

#[test]
fn an_end_that_cannot_be_caught_is_answered() {
    let site = Site::with_options(OPTIONS, ENDING);
    site.make();
    for (way, exit, said) in [
        ("kill", 128 + 9, "killed by SIGKILL"),
        ("exit", 3, "ended with exit status 3"),
        ("exec", 0, "called `os._exit` or `os.exec*`"),
    ] {
        for moment in ["called", "read", "started", "asked", "last"] {
            let request = site.asked_to_end(&format!("{way}-{moment}"));
            let answer = request.exits(exit).logs(said).run();
            assert_eq!(answer.status, "500 Internal Server Error", "{way} {moment}");
            assert!(answer.log.contains(answer.error_id()), "{}", answer.log);
            assert!(
                !answer.log.contains("answered without an image"),
                "{}",
                answer.log
            );
            assert!(answer.text().ends_with("</html>\n"), "{answer:?}");
        }
    }
}

/// Without it nobody waits: one process is one that a host counts.
#[test]
fn without_guard_no_process_waits() {
    let text = "import os\nasker = os.getppid()\ndef application(environ, start_response):\n    \
                start_response('200 OK', [])\n    return [str(os.getppid()).encode()]\n";
    let this = std::process::id().to_string();
    for (options, waits) in [("", false), (OPTIONS, true)] {
        let site = Site::with_options(options, text);
        site.make();
        assert_eq!(site.restored() != this, waits, "{options}");
    }
}

/// A process that cannot go on from its image is started once more: it has one process beside it as any
/// other, and whoever waited for the first answers nothing.
#[test]
fn a_restored_process_that_cannot_start_is_answered_once() {
    let text = "import os, sys, types\n\
        sys.modules['snapshot_restore_py'] = hooks = types.ModuleType('snapshot_restore_py')\n\
        def fails():\n    if os.path.exists('fail'): raise OSError('no')\n\
        hooks.get_before_snapshot = list\nhooks.get_after_restore = lambda: [(fails, (), {})]\n\
        def application(environ, start_response):\n    \
        if environ['QUERY_STRING']: os._exit(4)\n    \
        start_response('200 OK', [])\n    return [b'once']\n";
    let site = Site::with_options(OPTIONS, text);
    site.make();
    assert_eq!(site.restored(), "once");
    std::fs::write(site.file("fail"), "").expect("written");
    let said = "the process restored from the image failed to start: OSError: no";
    assert_eq!(site.request().logs(said).run().text(), "once");
    let answer = site.asked_to_end("end").exits(4).logs_anything().run();
    assert_eq!(
        answer.log.matches(answer.error_id()).count(),
        1,
        "{answer:?}"
    );
}

/// A bug of the process that waits: the server has one answer all the same.
#[test]
fn a_panic_of_the_process_that_waits_is_no_second_answer() {
    let site = Site::with_options(OPTIONS, ENDING);
    site.make();
    for (query, exit, status) in [
        ("", 1, "200 OK"),
        ("kill-called", 1, "500 Internal Server Error"),
    ] {
        let request = site.asked_to_end(query);
        let request = request.variable("TEST_WSGI_CGI_PANIC", "beside");
        let answer = request.exits(exit).logs("bug in wsgi-cgi: ").run();
        assert_eq!(answer.status, status, "{query}");
        assert!(!answer.text().contains("Status: "), "{answer:?}");
    }
}

/// A bug of the process that is to be restored: it starts anew, and no other process answers.
#[test]
fn a_panic_of_the_process_that_is_restored_costs_the_image_only() {
    let site = Site::with_options(OPTIONS, HELLO);
    site.make();
    let request = site.request().variable("TEST_WSGI_CGI_PANIC", "restoring");
    let answer = request.logs("bug in wsgi-cgi: ").run();
    assert_eq!(
        (&*answer.status, answer.text()),
        ("200 OK", "cold"),
        "{answer:?}"
    );
}
