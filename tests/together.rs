//! Where standard output and standard error are one, whatever that is, no message of `request` and
//! `serve` is lost.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::harness::by_hand::ByHand;
use crate::harness::http_client::Request;

#[derive(Clone, Copy, Debug)]
enum One {
    Pipe,
    Socketpair,
    Terminal,
    File,
}

const ALL: [One; 4] = [One::Pipe, One::Socketpair, One::Terminal, One::File];

/// A program with one descriptor for both.
struct Together {
    child: Child,
    reader: File,
    is_file: bool,
    seen: String,
}

impl Drop for Together {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Together {
    fn start(one: One, mut command: Command) -> Self {
        let (reader, writer): (OwnedFd, OwnedFd) = match one {
            One::Pipe => {
                let (reader, writer) = std::io::pipe().expect("a pipe");
                (reader.into(), writer.into())
            }
            One::Socketpair => {
                let (reader, writer) = UnixStream::pair().expect("a pair");
                (reader.into(), writer.into())
            }
            One::Terminal => {
                let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
                let person = openpt(flags).expect("a terminal");
                grantpt(&person).expect("a terminal of ours");
                unlockpt(&person).expect("a terminal to open");
                let name = ptsname(&person, Vec::new()).expect("a terminal's name");
                let side = File::options()
                    .write(true)
                    .open(name.to_str().expect("UTF-8"))
                    .expect("the program's side");
                (person, side.into())
            }
            One::File => {
                let file = tempfile::NamedTempFile::new().expect("a file");
                let writer = File::options().append(true).open(file.path());
                let reader = File::open(file.path()).expect("a file");
                (reader.into(), writer.expect("a file").into())
            }
        };
        let copy = writer.try_clone().expect("a copy");
        let child = command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(copy)
            .spawn()
            .expect("the program starts");
        Self {
            child,
            reader: reader.into(),
            is_file: matches!(one, One::File),
            seen: String::new(),
        }
    }

    /// Reads on; false at the end, which a file has not.
    fn more(&mut self) -> bool {
        let mut block = [0; 4096];
        let patience = Timespec {
            tv_sec: 30,
            tv_nsec: 0,
        };
        let mut readable = [PollFd::new(&self.reader, PollFlags::IN)];
        let ready = poll(&mut readable, Some(&patience)).expect("a wait");
        assert!(ready > 0, "nothing more comes after:\n{}", self.seen);
        // An error is how a terminal says that nobody has it open any more.
        let read = self.reader.read(&mut block).unwrap_or(0);
        self.seen.push_str(&String::from_utf8_lossy(&block[..read]));
        read > 0
    }

    fn wait_for(&mut self, text: &str) {
        let start = Instant::now();
        while !self.seen.contains(text) {
            let more = self.more();
            assert!(
                more || self.is_file && start.elapsed().as_secs() < 60,
                "no {text:?} in:\n{}",
                self.seen
            );
            std::thread::yield_now();
        }
    }

    fn end(mut self) -> String {
        if self.is_file {
            self.child.wait().expect("an exit status");
        }
        while self.more() {}
        self.child.wait().expect("an exit status");
        self.seen.clone()
    }
}

/// Each path makes another message.
const SAYS: &str = r#"
import ctypes, os, sys, warnings
print("printed while loading")
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/print":
        print("printed")
    if path == "/errors":
        environ["wsgi.errors"].write("logged\n")
    if path == "/stderr":
        print("on stderr", file=sys.stderr)
    if path == "/warn":
        warnings.warn("a warning")
    if path == "/c":
        os.write(1, b"by write\n")
    if path == "/raise":
        raise LookupError("not today")
    if path == "/head":
        start_response("200", [("A\n", "b")])
    if path == "/none":
        return []
    if path == "/exit":
        sys.exit("out")
    if path == "/fault":
        ctypes.string_at(0)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"content"]
"#;

const MESSAGES: [(&str, &str); 10] = [
    ("/print", "printed\n"),
    ("/errors", "logged\n"),
    ("/stderr", "on stderr\n"),
    ("/warn", "UserWarning: a warning"),
    ("/c", "by write\n"),
    ("/raise", "LookupError: not today"),
    ("/head", "the application raised an exception: "),
    ("/none", "did not call start_response"),
    ("/exit", "the application tried to exit"),
    ("/fault", "the process was killed by SIGSEGV"),
];

#[test]
fn every_message_of_a_request_by_hand_arrives() {
    for one in ALL {
        for (path, message) in MESSAGES {
            let place = ByHand::request(SAYS).with(&[path]);
            let said = Together::start(one, place.to_command()).end();
            let said = said.replace("\r\n", "\n");
            assert!(said.contains(message), "{one:?} {path}: {said}");
            assert!(said.contains("printed while loading\n"), "{one:?}: {said}");
        }
        let place = ByHand::command(&["request", "nofile.py"]);
        let said = Together::start(one, place.to_command()).end();
        assert!(said.contains("nofile.py"), "{one:?}: {said}");
    }
}

/// What is logged begins a line, wherever the response has come to.
#[test]
fn an_entry_of_the_log_is_not_glued_to_the_response() {
    const APP: &str = r#"
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "99")])
    yield b"first"
    environ["wsgi.errors"].write("between\n")
    yield b"second\n"
    environ["wsgi.errors"].write("after a whole line\n")
    yield b"last"
"#;
    for one in ALL {
        let told = |place: ByHand| {
            let said = Together::start(one, place.to_command()).end();
            said.replace("\r\n", "\n")
        };
        let said = told(ByHand::request(APP));
        assert_eq!(
            said,
            "first\nbetween\nsecond\nafter a whole line\nlast\n\
             wsgi-cgi: the response is 83 bytes shorter than its Content-Length\n",
            "{one:?}"
        );
        let said = told(ByHand::request(APP).with(&["-v"]));
        for word in ["first", "last"] {
            let is_alone = |line: &str| line == word;
            assert!(said.lines().any(is_alone), "{one:?} -v: {said}");
        }
        // What is logged takes a longer way there, and comes when it comes.
        let said = told(ByHand::request(APP).with(&["--timing"]));
        let is_table = |line: &str| line.starts_with("where the time went");
        assert!(said.lines().any(is_table), "{one:?} --timing: {said}");
        // Into a file of its own there go exactly the bytes.
        let place = ByHand::request(APP).with(&["-o", "/dev/null"]);
        assert!(told(place).starts_with("between\n"));
    }
}

#[test]
fn every_message_of_the_development_server_arrives() {
    for one in ALL {
        let place = ByHand::command(&["serve", "--port", "0", "app.py"]).file("app.py", SAYS);
        let mut serving = Together::start(one, place.to_command());
        serving.wait_for("http://127.0.0.1:");
        serving.wait_for("\n");
        let port = serving
            .seen
            .split("http://127.0.0.1:")
            .nth(1)
            .expect("an address");
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        let address = format!("127.0.0.1:{port}").parse().expect("an address");
        for (path, message) in MESSAGES {
            _ = Request::get(path).send(address);
            serving.wait_for(message.trim_end());
        }
        let id = i32::try_from(serving.child.id())
            .ok()
            .and_then(Pid::from_raw);
        kill_process(id.expect("an id"), Signal::INT).expect("a process that runs");
        serving.end();
    }
}
