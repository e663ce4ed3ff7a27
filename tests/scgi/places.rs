//! Where it listens, and who may come in there.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use super::{ECHO, get, serve, serve_it, socket};
use crate::harness::by_hand::ByHand;
use crate::harness::{program, python};

#[test]
fn the_socket_is_for_this_user_and_one_group() {
    let own = rustix::process::getegid().as_raw();
    // Root may name any; others the one that they are in.
    let other = if rustix::process::geteuid().is_root() {
        own + 33
    } else {
        own
    };
    for (with, group) in [
        (vec![], own),
        (vec!["--group".to_owned(), other.to_string()], other),
    ] {
        let with: Vec<&str> = with.iter().map(String::as_str).collect();
        let serving = serve(ECHO, &with);
        let about = std::fs::metadata(socket(&serving)).expect("a socket");
        assert_eq!(about.permissions().mode() & 0o777, 0o660);
        assert_eq!(about.gid(), group);
        let path = socket(&serving);
        serving.end_logging();
        assert!(!path.exists());
    }
}

#[test]
fn what_cannot_be_is_said() {
    for (arguments, words) in [
        (&["--scgi", "app.socket"][..], "a path with a `/`"),
        (&["--scgi", "0.0.0.0:0"], "SCGI has no authentication"),
        (&["--scgi", "0.0.0.0:0", "--public"], "--allow ADDRESS"),
        (&["--scgi", "./s", "--allow", "10.0.0.1"], "--public"),
        (
            &["--scgi", "127.0.0.1:0", "--public", "--allow", "10.0.0.1"],
            "--allow has no effect",
        ),
        (
            &["--scgi", "./s", "--group", "no-such-group"],
            "no such group in /etc/group",
        ),
        (
            &["--scgi", "127.0.0.1:0", "--group", "0"],
            "--group needs a Unix socket",
        ),
        (&["--scgi", "systemd"], "systemd passed no sockets"),
        (
            &["--scgi", "./s", "--image", "--preload"],
            "exclude each other",
        ),
        (
            &["--scgi", "./s", "--image", "--static", "/s=."],
            "exclude each other",
        ),
        (
            &["--scgi", "./s", "--health", "health"],
            "/health is expected",
        ),
        (&["--health", "/health"], "--scgi"),
        (&["--image"], "--image needs --scgi"),
    ] {
        let arguments = [&["serve"], arguments, &["app.py"]].concat();
        let command = ByHand::command(&arguments).file("app.py", ECHO);
        command.exits(2).logs(words).run();
    }
    ByHand::command(&["serve", "--scgi", "./s", "--image", "os:application"])
        .exits(2)
        .logs("--image needs a script")
        .run();
    ByHand::command(&["serve", "--scgi", "./s", "nph-app.py"])
        .file("nph-app.py", ECHO)
        .exits(2)
        .logs("NPH")
        .run();
}

/// Opens a socket and executes the program, as systemd does.
const ACTIVATE: &str = r#"
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("socket")
s.listen()
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), NOTIFY_SOCKET=os.path.abspath("notify"))
os.execv(sys.argv[1], sys.argv[1:])
"#;

/// With both an address and sockets of systemd it is unclear which one to use.
#[test]
fn an_address_beside_the_sockets_of_systemd_is_refused() {
    for arguments in [
        &["--scgi", "./other"][..],
        &["--scgi", "127.0.0.1:0"],
        &["--scgi", "systemd", "--group", "0"],
        &["--unix", "./other"],
    ] {
        let command = ByHand::command(&[]).file("app.py", ECHO);
        let output = Command::new(python())
            .args(["-c", ACTIVATE])
            .arg(program())
            .arg("serve")
            .args(arguments)
            .arg("app.py")
            .env_clear()
            .current_dir(command.working_directory())
            .output()
            .expect("Python starts");
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {log}");
        let named = arguments[arguments.len() - 2..].join(" ");
        assert!(log.contains(&named) && log.contains("LISTEN_FDS"), "{log}");
    }
}

/// Another process opens the socket, and gets a message when requests are answered.
#[test]
fn a_socket_that_systemd_opened() {
    for way in super::WAYS {
        let serve = serve_it(ECHO, way);
        let notified = UnixDatagram::bind(serve.working_directory().join("notify"));
        let notified = notified.expect("a socket");
        notified
            .set_read_timeout(Some(super::PATIENCE))
            .expect("a timeout");
        let mut command = Command::new(python());
        command
            .args(["-c", ACTIVATE])
            .arg(program())
            .args(["serve", "--scgi", "systemd"])
            .args(way)
            .arg("app.py")
            .env_clear()
            .current_dir(serve.working_directory());
        let serving = serve.start_as(command);
        let mut word = [0; 100];
        let length = notified.recv(&mut word).expect("a word");
        assert_eq!(&word[..length], b"READY=1");
        assert_eq!(get(&serving, "/"), "GET [] [/] - 0\n", "{way:?}");
        let path = socket(&serving);
        assert!(path.exists(), "it is not ours to remove");
        serving.end_logging();
        let length = notified.recv(&mut word).expect("a word");
        assert_eq!(&word[..length], b"STOPPING=1");
    }
}
