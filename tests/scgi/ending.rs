//! The end, and the beginning anew: no request is lost by either.

use std::io::{Read, Write};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::{WAYS, connect, get, request, serve};
use crate::harness::server::eventually;

/// Says which text it was loaded from, and waits where it is asked to.
const SLOW: &str = r#"
import os, time
VERSION = "one"
def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        open("running", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
    start_response("200 OK", [])
    return [VERSION.encode()]
"#;

#[test]
fn sigterm_lets_what_runs_and_what_waits_end() {
    for way in WAYS {
        let with = [way, &["--jobs", "1"]].concat();
        let serving = serve(SLOW, &with);
        let mut slow = connect(&serving);
        slow.write_all(&request("GET", "/slow", b"")).expect("sent");
        let running = serving.folder().join("running");
        assert!(
            eventually(super::PATIENCE, || running.exists()),
            "{}",
            serving.log()
        );
        // Connected already, and not accepted yet: it may be so when the end comes.
        let mut queued: Vec<_> = (0..5).map(|_| connect(&serving)).collect();
        for stream in &mut queued {
            stream.write_all(&request("GET", "/", b"")).expect("sent");
        }
        let mut late = connect(&serving);
        serving.signal(Signal::TERM);
        serving.wait_for_line("press Ctrl-C again to end the requests that are still running");
        late.write_all(&request("GET", "/", b"")).expect("sent");
        queued.push(late);
        std::fs::write(serving.folder().join("go"), "").expect("written");
        for mut stream in [slow].into_iter().chain(queued) {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("a proper end");
            assert!(answer.ends_with("\r\n\r\none"), "{way:?}: {answer}");
        }
        let ended = serving.wait();
        assert_eq!(ended.exit, 0, "{way:?}: {}", ended.stderr);
    }
}

/// SIGHUP under load: whoever is answered is answered by the one or by the other, and nobody by none.
#[test]
fn a_reload_loses_no_request() {
    let serving = serve(SLOW, &["--preload"]);
    assert_eq!(get(&serving, "/"), "one");
    let text = SLOW.replace("one", "two");
    std::fs::write(serving.folder().join("app.py"), text).expect("written");
    thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..40).map(|_| get(&serving, "/")).collect::<Vec<_>>()))
            .collect();
        for _ in 0..3 {
            serving.signal(Signal::HUP);
        }
        for asked in asking {
            for answer in asked.join().expect("answers") {
                assert!(answer == "one" || answer == "two", "{answer}");
            }
        }
    });
    // Until then the earlier application answers.
    assert!(eventually(super::PATIENCE, || get(&serving, "/") == "two"));
    let (_, log) = serving.end_logging();
    assert!(log.contains("was reloaded"), "{log}");
}

/// An unfinished or wrong edit does not take the site down.
#[test]
fn an_application_that_cannot_be_loaded_does_not_replace_the_earlier_one() {
    for sends_word in [true, false] {
        let serving = serve(SLOW, &["--preload"]);
        let file = serving.folder().join("app.py");
        assert_eq!(get(&serving, "/"), "one");
        std::fs::write(&file, "import no_such_module\n").expect("written");
        if sends_word {
            serving.signal(Signal::HUP);
        }
        let is_told = || {
            assert_eq!(get(&serving, "/"), "one");
            serving.log().contains("could not be reloaded")
        };
        assert!(eventually(super::PATIENCE, is_told), "{}", serving.log());
        assert!(
            serving.log().contains("No module named"),
            "{}",
            serving.log()
        );
        std::fs::write(&file, SLOW.replace("one", "three")).expect("written");
        let is_mended = || get(&serving, "/") == "three";
        assert!(eventually(super::PATIENCE, is_mended), "{}", serving.log());
        serving.end_logging();
    }
}

/// There are more clients than are accepted at once.
#[test]
fn clients_that_connected_before_sigterm_are_answered() {
    for way in WAYS {
        let serving = serve(SLOW, way);
        let pid = Pid::from_raw(serving.id().cast_signed()).expect("a PID");
        kill_process(pid, Signal::STOP).expect("stopped");
        let mut waiting: Vec<_> = (0..100).map(|_| connect(&serving)).collect();
        for stream in &mut waiting {
            stream.write_all(&request("GET", "/", b"")).expect("sent");
        }
        serving.signal(Signal::TERM);
        kill_process(pid, Signal::CONT).expect("goes on");
        for mut stream in waiting {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("a proper end");
            assert!(answer.ends_with("one"), "{way:?}: {answer}");
        }
        assert_eq!(serving.wait().exit, 0);
    }
}
