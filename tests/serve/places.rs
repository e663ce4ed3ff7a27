//! Where requests come in.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;

use super::ECHO;
use crate::harness::by_hand::ByHand;
use crate::harness::http_client::Request;
use crate::harness::serving::Serve;
use crate::harness::{program, python};

#[test]
fn a_unix_socket() {
    let serving = Serve(ByHand::command(&["serve", "app.py", "--unix", "socket"]))
        .file("app.py", ECHO)
        .start();
    let path = serving.folder().join("socket");
    let mut stream = UnixStream::connect(&path).expect("a server that listens");
    stream.write_all(b"GET /u HTTP/1.0\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.ends_with("GET  /u - 0\n"), "{answer}");
    serving.end();
}

/// Who may connect is a person at this machine, and the umask has no say in who that is.
#[test]
fn a_unix_socket_is_its_users_own() {
    let serve =
        Serve(ByHand::command(&["serve", "app.py", "--unix", "socket"])).file("app.py", ECHO);
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask 0; exec \"$0\" serve app.py --unix socket"])
        .arg(program())
        .env_clear()
        .current_dir(serve.working_directory());
    let serving = serve.start_as(command);
    let about = std::fs::metadata(serving.folder().join("socket")).expect("a socket");
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    serving.end();
}

#[test]
fn a_socket_that_systemd_opened() {
    let activate = r#"
import os, socket, sys
s = socket.create_server(("127.0.0.1", 0))
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
"#;
    let serve = Serve::source(ECHO);
    let mut command = Command::new(python());
    command
        .args(["-c", activate])
        .arg(program())
        .args(["serve", "app.py"])
        .env_clear()
        .current_dir(serve.working_directory());
    let serving = serve.start_as(command);
    assert_eq!(serving.get("/s"), "GET  /s - 0\n");
    serving.end();
}

#[test]
fn inetd_has_one_exchange() {
    let inetd = |stdin: &str| {
        ByHand::command(&["serve", "--inetd", "app.py"])
            .file("app.py", ECHO)
            .stdin(stdin)
    };
    let answer = inetd("POST /i HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").prints();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nPOST  /i 3 3\n"), "{answer}");
    let refusal = inetd("GET / HTTP/1.1\r\n\r\n").exits(1).prints();
    assert!(refusal.starts_with("HTTP/1.1 400 "), "{refusal}");
    assert_eq!(inetd("").exits(1).prints(), "");
}

#[test]
fn inetd_answers_a_failure() {
    let answer = ByHand::command(&["serve", "--inetd", "app.py"])
        .file("app.py", "raise LookupError('not today')\n")
        .stdin("GET / HTTP/1.0\r\n\r\n")
        .exits(1)
        .logs("LookupError: not today")
        .prints();
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    ByHand::command(&["serve", "app.py", "--port", &port])
        .file("app.py", ECHO)
        .exits(2)
        .logs(&format!("port {port} is in use: try port "))
        .run();
}

#[test]
fn other_machines_are_let_in_only_on_purpose() {
    ByHand::command(&["serve", "app.py", "--bind", "0.0.0.0", "--port", "0"])
        .file("app.py", ECHO)
        .exits(2)
        .logs("allow it with --public")
        .run();
    let serving = Serve::source(ECHO)
        .with(&["--bind", "::", "--public"])
        .start();
    let (out, log) = serving.end_logging();
    assert!(out.contains(" at http://127.0.0.1:"), "{out}");
    // The warning names an address that can be typed.
    let warning = log.split("warning: other machines can reach ").nth(1);
    let reached = warning.and_then(|rest| rest.split(". ").next());
    let reached = reached.unwrap_or_else(|| panic!("no warning: {log}"));
    let port = out.split(" at http://127.0.0.1:").nth(1);
    let port = port
        .and_then(|rest| rest.split('/').next())
        .expect("a port");
    let first = out
        .lines()
        .find_map(|line| line.strip_prefix("On other machines: "));
    let expected = first.map_or_else(|| format!("port {port} of this machine"), str::to_owned);
    assert_eq!(reached, expected, "{out}");
}

/// With `--public`, every address that the machine's own tools list is printed and answers.
#[test]
fn public_prints_and_serves_every_address() {
    let serving = Serve::source(ECHO)
        .with(&["--public", "--script-name", "/app"])
        .start();
    let port = serving.address().port();
    let banner = serving.wait_for_line("Press Ctrl-C to stop.");
    assert!(
        banner.contains(&format!(" at http://127.0.0.1:{port}/app/\n")),
        "{banner}"
    );
    let printed: Vec<SocketAddr> = banner
        .lines()
        .filter_map(|line| line.strip_prefix("On other machines: http://"))
        .map(|rest| rest.strip_suffix("/app/").expect("the mount"))
        .map(|address| address.parse().expect("an address"))
        .collect();
    let listed = Command::new("hostname")
        .arg("-I")
        .output()
        .expect("hostname");
    let listed = String::from_utf8(listed.stdout).expect("text");
    let mut listed: Vec<SocketAddr> = listed
        .split_whitespace()
        .map(|address| SocketAddr::new(address.parse().expect("an address"), port))
        .collect();
    listed.sort();
    assert_eq!(printed, listed);
    for address in printed {
        let text = Request::get("/app/x").send(address).text();
        assert_eq!(text, "GET /app /x - 0\n", "{address}");
    }
    serving.end_logging();
}

#[test]
fn a_url_that_works_is_printed_for_a_mount() {
    for (mount, path) in [
        ("/app", "/app/"),
        ("a b/", "/a%20b/"),
        ("auto", "/"),
        ("/", "/"),
    ] {
        let serving = Serve::source(ECHO).with(&["--script-name", mount]).start();
        let banner = serving.wait_for_line("Press Ctrl-C to stop.");
        let url = format!("http://{}{path}\n", serving.address());
        assert!(banner.contains(&url), "{banner}");
        assert_eq!(Request::get(path).send(serving.address()).status, 200);
        serving.end();
    }
}

#[test]
fn a_mistake_is_found_before_anything_is_served() {
    for (arguments, message) in [
        (
            &["--venv", "/does/not/exist"][..],
            "`/does/not/exist` is not a virtual environment",
        ),
        (
            &["--static", "/s=/does/not/exist"],
            "--static: `/does/not/exist`",
        ),
        (&["--static", "s=."], "a path and a folder"),
        (&["--max-body", "1.5G"], "a number of bytes"),
        (&["--jobs", "0"], "'--jobs <N>'"),
        (&["--unix", "s", "--port", "1"], "cannot be used with"),
    ] {
        let any_port: &[&str] = if arguments[0] == "--unix" {
            &[]
        } else {
            &["--port", "0"]
        };
        ByHand::command(&["serve", "app.py"])
            .with(any_port)
            .with(arguments)
            .file("app.py", ECHO)
            .exits(2)
            .logs(message)
            .run();
    }
}
