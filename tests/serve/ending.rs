//! Ctrl-C: once to finish what runs, twice to end it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{ECHO, WAITS};
use crate::harness::http_client::Request;
use crate::harness::serving::Serve;
use crate::harness::terminal::Terminal;

#[test]
fn the_first_interrupt_lets_work_finish() {
    for signal in [Signal::INT, Signal::TERM] {
        let serving = Serve::source(WAITS).start();
        let address = serving.address();
        let asked = std::thread::spawn(move || Request::get("/").send(address).text());
        serving.wait_for_log("running /");
        serving.signal(signal);
        serving.wait_for_line("press Ctrl-C again to end the requests that are still running (1)");
        assert!(
            std::net::TcpStream::connect(address).is_err(),
            "nobody else is let in"
        );
        std::fs::write(serving.folder().join("go"), "").expect("written");
        assert_eq!(asked.join().expect("answered"), "done\n");
        let ended = serving.wait();
        assert_eq!(ended.exit, 0);
        assert!(ended.stdout.contains("\n200 GET / "), "{}", ended.stdout);
    }
}

/// The exit status is 130 for Ctrl-C and 143 for SIGTERM; a request that is stopped is not logged as a failure of the
/// application.
#[test]
fn the_second_interrupt_ends_what_runs() {
    let text = WAITS.replace("time.sleep(0.01)", "stuck()")
        + "def stuck():\n    try:\n        print('stuck', flush=True)\n        \
           time.sleep(600)\n    finally:\n        print('unwound', flush=True)\n";
    for (signal, exit, with) in [
        (Signal::INT, 130, &[][..]),
        (Signal::INT, 130, &["--preload"]),
        (Signal::TERM, 143, &[]),
    ] {
        let serving = Serve::source(&text).with(with).start();
        let address = serving.address();
        let asked = std::thread::spawn(move || Request::get("/").send(address).status);
        serving.wait_for_log("stuck");
        serving.signal(signal);
        serving.wait_for_line("Ctrl-C again");
        serving.signal(signal);
        let ended = serving.wait();
        assert_eq!(ended.exit, exit);
        let log = ended.stderr;
        assert!(log.contains("unwound"), "{log}");
        assert!(!log.contains("Traceback"), "{log}");
        assert_eq!(log.matches("asked to stop by SIGTERM").count(), 1, "{log}");
        assert_eq!(asked.join().expect("an answer all the same"), 500);
    }
}

/// Ctrl-C at a terminal: the signal goes to all processes in the foreground.
#[test]
fn ctrl_c_at_a_terminal_ends_what_runs() {
    let text = WAITS.replace("time.sleep(0.01)", "time.sleep(600)");
    let serve = Serve::source(&text);
    let mut terminal = Terminal::start(serve.0.to_command());
    terminal.wait_for("http://127.0.0.1:");
    let rest = terminal.shows("/");
    let address: SocketAddr = format!("127.0.0.1:{rest}").parse().expect("an address");
    terminal.wait_for("Press Ctrl-C to stop.");
    let asked = std::thread::spawn(move || Request::get("/").send(address).status);
    terminal.wait_for("running /");
    terminal.interrupts().wait_for("Ctrl-C again");
    terminal.interrupts();
    let (seen, exit) = terminal.end();
    assert_eq!(exit, 130, "{seen}");
    assert!(!seen.contains("Traceback"), "{seen}");
    assert_eq!(asked.join().expect("an answer all the same"), 500);
}

/// After the log file was renamed, SIGHUP creates a new one under the original name.
#[test]
fn sighup_opens_the_log_again() {
    for with in [&[][..], &["--preload"]] {
        let text = ECHO.replace(
            "    text =",
            "    print('asked', environ['PATH_INFO'])\n    text =",
        );
        let serving = Serve::source(&text)
            .with(&["--log", "own.log"])
            .with(with)
            .start();
        let file = |name: &str| serving.folder().join(name);
        let read = |name: &str| std::fs::read_to_string(file(name)).unwrap_or_default();
        serving.get("/before");
        std::fs::rename(file("own.log"), file("old.log")).expect("renamed");
        serving.get("/still");
        assert!(read("old.log").contains("asked /still\n"), "{with:?}");
        assert!(!file("own.log").exists());
        serving.signal(Signal::HUP);
        // The entry about the reload is already in the new log.
        let until = Instant::now() + Duration::from_secs(60);
        while !read("own.log").contains("reloading the application (SIGHUP)\n") {
            assert!(Instant::now() < until, "no word of it");
            std::thread::yield_now();
        }
        serving.get("/after");
        let (old, new) = (read("old.log"), read("own.log"));
        assert!(new.contains("asked /after\n"), "{new}");
        assert!(
            old.contains("asked /before\n") && !old.contains("after"),
            "{old}"
        );
        assert_eq!(serving.log(), "");
        serving.end();
    }
}

#[test]
fn nothing_is_left_of_a_server_that_was_killed() {
    let serving = Serve::source(
        "import os\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    \
         return [b'%d' % os.getppid()]\n",
    )
    .start();
    let nursery: i32 = serving.get("/").parse().expect("an id");
    let nursery = rustix::process::Pid::from_raw(nursery).expect("an id");
    // It can be waited for, whoever its parent is then.
    let gone = rustix::process::pidfd_open(nursery, rustix::process::PidfdFlags::empty());
    let gone = gone.expect("a process that runs");
    serving.signal(Signal::KILL);
    assert_eq!(serving.wait().exit, 137);
    let mut ended = [rustix::event::PollFd::new(
        &gone,
        rustix::event::PollFlags::IN,
    )];
    let patience = rustix::event::Timespec {
        tv_sec: 30,
        tv_nsec: 0,
    };
    assert_eq!(rustix::event::poll(&mut ended, Some(&patience)), Ok(1));
}

#[test]
fn an_idle_connection_is_no_reason_to_stay() {
    let serving = Serve::source(ECHO).start();
    let idle = serving.connect();
    assert_eq!(serving.get("/"), "GET  / - 0\n");
    serving.end();
    drop(idle);
}
