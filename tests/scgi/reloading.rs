//! Reloads that take long, hang, or follow a removed file: requests are answered by what was loaded before.

use rustix::process::{Pid, test_kill_process};

use super::{get, serve, serve_it};
use crate::harness::server::eventually;
use crate::harness::serving::Serving;

const ONE: &str = "
def application(environ, start_response):
    start_response('200 OK', [])
    return [b'one']
";

/// Hangs while it is loaded, and says which process does.
const HANGS: &str = "
import os, time
open('hangs', 'w').write(str(os.getpid()))
time.sleep(600)
";

#[track_caller]
fn edit(serving: &Serving, text: &str) {
    std::fs::write(serving.folder().join("app.py"), text).expect("written");
}

/// Loading takes longer than the time between two checks of the files, and at each check one is missing.
#[test]
fn a_slow_reload_after_a_file_was_removed_ends() {
    let first = format!("import other\n{ONE}");
    let serving = serve_it(&first, &["--preload"])
        .file("other.py", "")
        .start();
    assert_eq!(get(&serving, "/"), "one");
    std::fs::remove_file(serving.folder().join("other.py")).expect("removed");
    let slow = ONE.replace("one", "two");
    edit(&serving, &format!("import time\ntime.sleep(3)\n{slow}"));
    let is_reloaded = || get(&serving, "/") == "two";
    assert!(
        eventually(super::PATIENCE, is_reloaded),
        "{}",
        serving.log()
    );
    serving.end_logging();
}

/// It is replaced after the next edit, and does not outlive the listener.
#[test]
fn a_reload_that_hangs_is_stopped() {
    let serving = serve(ONE, &["--preload"]);
    let note = serving.folder().join("hangs");
    let hangs_now = |answer: &str| -> Pid {
        edit(&serving, HANGS);
        let pid = || -> Option<Pid> {
            let text = std::fs::read_to_string(&note).ok()?;
            Pid::from_raw(text.parse().ok()?)
        };
        let hangs = || {
            assert_eq!(get(&serving, "/"), answer);
            pid().is_some()
        };
        assert!(eventually(super::PATIENCE, hangs), "{}", serving.log());
        let found = pid().expect("a PID");
        std::fs::remove_file(&note).expect("removed");
        found
    };
    let has_ended = |pid: Pid| test_kill_process(pid).is_err();

    assert_eq!(get(&serving, "/"), "one");
    let first = hangs_now("one");
    edit(&serving, &ONE.replace("one", "two"));
    let is_mended = || get(&serving, "/") == "two";
    assert!(eventually(super::PATIENCE, is_mended), "{}", serving.log());
    assert!(eventually(super::PATIENCE, || has_ended(first)));

    let second = hangs_now("two");
    serving.end_logging();
    assert!(eventually(super::PATIENCE, || has_ended(second)));
}
