//! Exchanges that end otherwise than planned: the application fails, or the client leaves.

use super::{Kind, serve};
use crate::harness::http_client::Request;
use crate::harness::launcher;

pub(super) fn application_error(kind: Kind) {
    let (server, url) = serve(kind, "failing");
    let response = Request::get(&url).send(server.address);
    assert_eq!(response.status, 500);
    let page = response.text();
    let id = page
        .split("<code>")
        .nth(1)
        .and_then(|rest| rest.split("</code>").next());
    let id = id.unwrap_or_else(|| panic!("no id in {page}"));
    assert!(page.ends_with("</html>\n"), "not whole: {page}");
    for inside in [
        "Traceback",
        "LookupError",
        "secret",
        "failing",
        "/tmp",
        ".py",
    ] {
        assert!(!page.contains(inside), "{inside} in {page}");
    }
    server.wait_for_log(id);
    server.wait_for_log("LookupError: a secret in the message");
}

/// Each entry has exactly one time, written by the server or by this program.
pub(super) fn an_entry_names_the_request_and_has_one_time(kind: Kind) {
    let (server, url) = serve(kind, "failing");
    assert_eq!(Request::get(&url).send(server.address).status, 500);
    let text = "the application raised an exception: LookupError";
    server.wait_for_log(text);
    let log = server.log();
    let entry = log
        .lines()
        .find(|line| line.contains(text))
        .expect("a line");
    let (before, own) = entry.split_once("wsgi-cgi: error ").expect("an entry");
    assert_eq!(times(before), 1, "{kind:?}: {entry}");
    let script = if kind.is_scgi() || kind == Kind::ApacheProgram {
        "/apps/failing.py: ".to_owned()
    } else {
        format!("{}: ", server.script("failing").display())
    };
    assert!(own.contains(&script), "{kind:?}: {entry}");
    assert!(own.contains(&format!(": GET {url}: ")), "{kind:?}: {entry}");
}

/// How many times of day there are in a text.
fn times(text: &str) -> usize {
    let is_time = |bytes: &[u8]| {
        let pattern = b"00:00:00".iter().zip(bytes);
        pattern.fold(true, |is_so, (like, byte)| {
            is_so && (like == byte || *like == b'0' && byte.is_ascii_digit())
        })
    };
    text.as_bytes()
        .windows(8)
        .filter(|bytes| is_time(bytes))
        .count()
}

pub(super) fn client_hangs_up(kind: Kind) {
    let (server, url) = serve(kind, "endless");
    let request = Request::get(&format!("{url}?{}", server.scratch().display()));
    let mut response = request.send(server.address);
    assert_eq!(response.status, 200, "{}", server.log());
    assert_eq!(response.next_bytes(8192), [b'x'; 8192]);
    response.hang_up();
    server.wait_for_file("closed");
    let closed = std::fs::read_to_string(server.scratch().join("closed")).expect("a file");
    assert!(
        closed.len() <= "closed\n".len(),
        "closed more than once: {closed}"
    );
    assert!(!server.log().contains("Traceback"), "{}", server.log());
}

/// Answers that arrived are no errors, whatever the server does to a process once it has them.
pub(super) fn whole_answers_leave_no_log(kind: Kind) {
    let (server, url) = serve(kind, "hello");
    for _ in 0..20 {
        assert_eq!(Request::get(&url).send(server.address).status, 200);
        assert_eq!(Request::new("HEAD", &url).send(server.address).status, 200);
    }
    assert!(!server.log().contains("SIGTERM"), "{}", server.log());
}

/// Behind each server, at each moment: no answer is empty. A process restored from an image has nobody beside
/// it.
pub(super) fn what_nobody_can_catch_is_answered(kind: Kind) {
    if launcher::is_wanted() {
        return;
    }
    let (server, url) = serve(kind, "unanswered");
    for way in ["kill", "exit", "exec", "memory"] {
        for moment in ["called", "read", "started", "asked", "last"] {
            let url = format!("{url}?{way}-{moment}");
            let mut requests = vec![Request::get(&url)];
            // Which has a fault of its own with a body (`bodies::send`).
            if kind != Kind::MiniHttpd {
                requests.push(Request::post(&url, b"a body"));
            }
            for request in requests {
                let response = request.send(server.address);
                assert_eq!(response.status, 500, "{way} {moment}: {}", server.log());
                let page = response.text();
                assert!(page.ends_with("</html>\n"), "{way} {moment}: {page}");
            }
        }
    }
    if matches!(kind, Kind::NginxScgi | Kind::ApacheScgi) {
        // Whose forked workers nobody waits for.
        return server.wait_for_log("the process for this request ended without an answer");
    }
    server.wait_for_log(" was killed by SIGKILL");
    server.wait_for_log("ended with exit status 3");
}
