//! Ctrl-C: once to finish what runs, twice to end it.

use rustix::process::Signal;

use super::{ECHO, WAITS};
use crate::harness::http_client::Request;
use crate::harness::serving::Serve;

#[test]
fn the_first_interrupt_lets_work_finish() {
    for signal in [Signal::INT, Signal::TERM] {
        let serving = Serve::source(WAITS).start();
        let address = serving.address();
        let asked = std::thread::spawn(move || Request::get("/").send(address).text());
        serving.wait_for_log("running /");
        serving.signal(signal);
        serving.wait_for_line("Ctrl-C again ends the requests that are still running (1)");
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

#[test]
fn the_second_interrupt_ends_what_runs() {
    let text = WAITS.replace("time.sleep(0.01)", "stuck()")
        + "def stuck():\n    try:\n        print('stuck', flush=True)\n        \
           time.sleep(600)\n    finally:\n        print('unwound', flush=True)\n";
    let serving = Serve::source(&text).start();
    let address = serving.address();
    let asked = std::thread::spawn(move || Request::get("/").send(address).status);
    serving.wait_for_log("stuck");
    serving.signal(Signal::INT);
    serving.wait_for_line("Ctrl-C again");
    serving.signal(Signal::INT);
    let ended = serving.wait();
    assert_eq!(ended.exit, 143);
    assert!(ended.stderr.contains("unwound"), "{}", ended.stderr);
    assert_eq!(asked.join().expect("an answer all the same"), 500);
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
