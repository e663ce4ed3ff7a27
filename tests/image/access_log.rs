//! The access log with images, and lasting reasons for cold requests, which are logged once.

use super::{HELLO, Site, eventually};
use crate::access_log::lines;
use crate::log_entries::has_time;

/// One site with the option in the `#!` line, one with it in the script's block.
fn sites(text: &str) -> [Site; 2] {
    let block = "# /// script\n# [tool.wsgi-cgi]\n# access-log = \"access.log\"\n# ///\n";
    [
        Site::with_options("--access-log access.log", text),
        Site::new(&format!("{block}{text}")),
    ]
}

#[test]
fn a_line_says_whether_an_image_answered_and_why_not() {
    for site in sites(HELLO) {
        let ways = |count: usize| {
            let lines = lines(&site.file("access.log"));
            assert_eq!(lines.len(), count);
            let last = lines.last().expect("a line");
            assert_eq!((&*last.status, &*last.request), ("200", "GET /app/"));
            assert_eq!(last.bytes, if last.way == "image" { 8 } else { 4 });
            assert!(last.milliseconds > 0.0 && last.processor > 0.0);
            last.way.clone()
        };
        assert_eq!(site.cold("there is no image yet"), "cold");
        assert_eq!(ways(1), "cold: there is no image yet");
        site.make();
        assert_eq!(site.restored(), "restored");
        assert_eq!(ways(2), "image");
        assert_eq!(site.restored(), "restored");
        assert_eq!(ways(3), "image");
    }
}

/// What the warm-up sent is not counted for a request.
#[test]
fn a_warm_up_is_not_counted() {
    let site = Site::with_options("--warm-up / --access-log access.log", HELLO);
    site.make();
    for count in 1..=2 {
        assert_eq!(site.restored(), "restored");
        let lines = lines(&site.file("access.log"));
        assert_eq!(lines.len(), count);
        assert_eq!(lines[count - 1].bytes, 8, "{:?}", lines[count - 1].way);
    }
}

#[test]
fn a_restored_process_that_fails_writes_a_line() {
    let text = "import os, signal, time\ndef application(environ, start_response):\n    \
                way = environ['QUERY_STRING']\n    if way == 'abort':\n        os.abort()\n    \
                if way == 'sleep':\n        time.sleep(60)\n    raise LookupError(way)\n";
    let site = Site::with_options("--timeout 1 --access-log access.log", text);
    for (query, exit, status) in [
        ("raise", 1, "500"),
        ("sleep", 1, "504"),
        ("abort", 134, "500"),
    ] {
        site.make();
        let request = site.request().variable("QUERY_STRING", query);
        let answer = request.exits(exit).logs_anything().run();
        assert!(
            !answer.log.contains("answered without an image"),
            "{}",
            answer.log
        );
        let lines = lines(&site.file("access.log"));
        let last = lines.last().expect("a line");
        assert_eq!((&*last.status, &*last.way), (status, "image"), "{query}");
    }
    assert_eq!(lines(&site.file("access.log")).len(), 3);
}

/// With `--guard` a line is written even after SIGKILL.
#[test]
fn a_line_is_written_for_a_guarded_process_that_is_killed() {
    let text = "import os, signal\ndef application(environ, start_response):\n    \
                os.kill(os.getpid(), signal.SIGKILL)\n";
    let site = Site::with_options("--guard --access-log access.log", text);
    site.make();
    site.request().exits(137).logs("killed by SIGKILL").run();
    let lines = lines(&site.file("access.log"));
    assert_eq!(lines.len(), 1);
    assert_eq!((&*lines[0].status, &*lines[0].way), ("500", "image"));
}

/// No image can be made of this application: it keeps a pipe open.
const REFUSED: &str = "import os\nkept = os.pipe()\ndef application(environ, start_response):\n    \
                       start_response('200 OK', [])\n    return [b'cold']\n";

#[test]
fn a_lasting_reason_is_logged_once_until_it_changes() {
    let site = Site::with_options("--access-log access.log", REFUSED);
    let log = |site: &Site| site.request().logs_anything().run().log;
    let is_said = |log: &str| {
        log.contains("GET /app/: answered without an image: ")
            && log.contains("app.cgi: no image: ")
    };
    assert!(!site.command(&["make", "app.cgi"]).status.success());
    assert!(is_said(&log(&site)));
    for _ in 0..3 {
        let log = log(&site);
        assert!(log.starts_with("(logged before)"), "{log}");
    }
    let ways = lines(&site.file("access.log"));
    assert!(ways.iter().all(|line| line.way.contains("no image: ")) && ways.len() == 4);
    // The same reason again.
    assert!(!site.command(&["make", "app.cgi"]).status.success());
    assert!(!is_said(&log(&site)));
    // Another reason.
    let other = REFUSED.replace("os.pipe()", "__import__('socket').socket()");
    site.write("--access-log access.log", &other);
    assert!(!site.command(&["make", "app.cgi"]).status.success());
    assert!(is_said(&log(&site)));
    assert!(!is_said(&log(&site)));
    // The earlier reason again, after there was an image.
    site.write("--access-log access.log", HELLO);
    site.make();
    assert_eq!(site.restored(), "restored");
    std::fs::remove_file(site.image()).expect("removed");
    site.write("--access-log access.log", &other);
    assert!(!site.command(&["make", "app.cgi"]).status.success());
    let log = log(&site);
    assert!(is_said(&log), "{log}");
}

/// What a restored process says, and what its signal handlers do, has a time and names the request too.
#[test]
fn entries_of_a_restored_process_have_a_time_and_name_the_request() {
    let text = "import os\ndef application(environ, start_response):\n    \
                if environ['QUERY_STRING']:\n        os.abort()\n    raise LookupError('x')\n";
    let site = Site::with_options("--log own.log", text);
    for (query, exit, said) in [("", 1, "LookupError: x"), ("abort", 134, "SIGABRT")] {
        site.make();
        _ = site
            .request()
            .variable("QUERY_STRING", query)
            .exits(exit)
            .run();
        let log = std::fs::read_to_string(site.file("own.log")).expect("a log");
        assert!(!log.contains("answered without an image"), "{log}");
        let entry = log.lines().find(|line| line.contains(said));
        let entry = entry.unwrap_or_else(|| panic!("no {said} in {log}"));
        assert!(has_time(entry), "{entry}");
        let request = format!(": {}: GET /app/: ", site.script().display());
        assert!(entry.contains(&request), "{entry}");
    }
}

#[test]
fn the_head_says_what_took_time_where_developers_look() {
    let site = Site::with_options("--debug", HELLO);
    site.make();
    let answer = site.request().run();
    assert_eq!(answer.text(), "restored");
    let times = answer.header("Server-Timing");
    assert!(
        times.len() == 1 && times[0].starts_with("load;dur=") && times[0].contains(", app;dur="),
        "{times:?}"
    );
}

/// The machine's zone, whatever the application has made of it while it was loaded.
#[test]
fn the_time_is_local() {
    let text = format!("import os, time\nos.environ['TZ'] = 'UTC'\ntime.tzset()\n{HELLO}");
    let site = Site::with_options("--access-log access.log", &text);
    let asked = || {
        let request = site.request().variable("TZ", "XYZ-5:45");
        request.logs_anything().run().text() == "restored"
    };
    assert!(!asked());
    eventually("an image", asked);
    let log = std::fs::read_to_string(site.file("access.log")).expect("a log");
    assert!(log.contains(" image\n") && log.contains(" cold: "), "{log}");
    assert!(log.lines().all(|line| line.contains("+05:45 ")), "{log}");
}
