//! Three machines behind nginx, as `docs/scgi.md` has it: each is a network namespace of its own. One dies
//! under load, and comes back.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::PATIENCE;
use crate::harness::server::eventually;
use crate::harness::{folder, program, python, skip};

const NAMES: &str = r#"
import os
NAME = os.environ["MACHINE"]
def application(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [NAME.encode()]
"#;

fn run(words: &str) -> bool {
    let mut words = words.split(' ');
    let done = Command::new(words.next().expect("a program"))
        .args(words)
        .stderr(Stdio::null())
        .status();
    done.is_ok_and(|status| status.success())
}

/// Network namespaces, of which number 0 balances; they are gone with the test.
struct Network {
    prefix: String,
}

impl Network {
    /// None where this user may make none.
    fn new() -> Option<Self> {
        let network = Self {
            prefix: format!("wsgi-cgi-{}", std::process::id()),
        };
        let name = |number: usize| network.name(number);
        let made = (0..4).all(|n| run(&format!("ip netns add {}", name(n))))
            && run(&format!("ip -n {} link add bridge type bridge", name(0)))
            && run(&format!(
                "ip -n {} address add 10.0.0.1/24 dev bridge",
                name(0)
            ))
            && run(&format!("ip -n {} link set bridge up", name(0)))
            && (1..4).all(|n| {
                let (here, there) = (name(0), name(n));
                run(&format!(
                    "ip -n {here} link add port{n} type veth peer name eth0 netns {there}"
                )) && run(&format!("ip -n {here} link set port{n} master bridge up"))
                    && run(&format!(
                        "ip -n {there} address add 10.0.0.1{n}/24 dev eth0"
                    ))
                    && run(&format!("ip -n {there} link set eth0 up"))
            });
        made.then_some(network)
    }

    fn name(&self, number: usize) -> String {
        format!("{}-{number}", self.prefix)
    }

    /// A command on one of the machines, in a group of its own.
    fn command(&self, number: usize, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.name(number)])
            .arg(program)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0);
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for number in 0..4 {
            run(&format!("ip netns delete {}", self.name(number)));
        }
    }
}

/// A process with all that it started.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        _ = self.0.wait();
    }
}

struct Site {
    place: TempDir,
    network: Network,
}

impl Site {
    /// What a machine runs, by the command of the recipe.
    fn machine(&self, number: usize) -> Group {
        let recipe = include_str!("../../docs/scgi.md");
        let line = recipe
            .lines()
            .find(|line| line.contains("--allow 10.0.0.1 "));
        let line = line.expect("a command").trim();
        let line = line.replace("10.0.0.11", &format!("10.0.0.1{number}"));
        let words = line
            .strip_prefix("wsgi-cgi ")
            .expect("the program")
            .split(' ');
        let words = words.map(|word| word.replace("shop.py", "app.py"));
        let mut command = self.network.command(number, program());
        command
            .args(words)
            .env("MACHINE", number.to_string())
            .stderr(self.log(&format!("machine-{number}.log")))
            .current_dir(self.place.path());
        Group(command.spawn().expect("a machine"))
    }

    fn log(&self, name: &str) -> File {
        let file = self.place.path().join(name);
        let file = File::options().append(true).create(true).open(file);
        file.expect("a log")
    }

    /// What all of them have to say.
    fn logs(&self) -> String {
        let mut all = String::new();
        for entry in std::fs::read_dir(self.place.path()).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "log") || path.ends_with("log") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let last = text.lines().rev().take(20).collect::<Vec<_>>();
                let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
                all.extend([path.display().to_string(), ":\n".into(), last, "\n".into()]);
            }
        }
        all
    }

    /// What becomes of a connection to the first machine.
    fn connects_to_the_first(&self, number: usize) -> String {
        const CONNECTS: &str = "
import socket
s = socket.create_connection(('10.0.0.11', 9000), 60)
try:
    print('closed' if s.recv(1) == b'' else 'answered')
except ConnectionResetError:
    print('closed')
";
        let mut command = self.network.command(number, Path::new(python()));
        let done = command
            .args(["-c", CONNECTS])
            .stdout(Stdio::piped())
            .output();
        String::from_utf8(done.expect("Python").stdout).expect("UTF-8")
    }

    fn socket(&self) -> PathBuf {
        self.place.path().join("nginx.socket")
    }

    fn nginx(&self) -> Group {
        let recipe = include_str!("../../docs/scgi.md");
        let block = recipe.split("```nginx\n").nth(2).expect("a block");
        let block = block.split("```").next().expect("its end");
        let place = self.place.path().display();
        let block = block
            .replace("listen 8080", &format!("listen unix:{place}/nginx.socket"))
            .replace("include scgi_params", "include /etc/nginx/scgi_params");
        let own: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .flat_map(|name| [name, "_temp_path ", "temporary_", name, ";\n"])
            .collect();
        let text = format!(
            "user root;\ndaemon off;\nworker_processes 1;\npid {place}/pid;\nerror_log {place}/log;\n\
             events {{ }}\nhttp {{\naccess_log off;\n{own}{block}\n}}\n"
        );
        let file = self.place.path().join("nginx.conf");
        std::fs::write(&file, text).expect("written");
        let nginx = Path::new("/usr/sbin/nginx");
        let mut command = self.network.command(0, nginx);
        command
            .args(["-p"])
            .arg(self.place.path())
            .arg("-c")
            .arg(file);
        command.stderr(self.log("nginx.log"));
        Group(command.spawn().expect("nginx"))
    }

    /// The status and the content.
    fn ask(&self, method: &str, path: &str) -> Option<(String, String)> {
        let mut stream = UnixStream::connect(self.socket()).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let length = if method == "POST" {
            "Content-Length: 0\r\n"
        } else {
            ""
        };
        let request = format!("{method} {path} HTTP/1.0\r\nHost: x\r\n{length}\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, content) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.to_owned(), content.to_owned()))
    }

    fn answer(&self, method: &str) -> Option<String> {
        let (status, content) = self.ask(method, "/")?;
        (status == "200").then_some(content)
    }

    /// Whether each of these machines has answered.
    fn are_all_there(&self, numbers: &[&str]) -> bool {
        let mut seen = BTreeMap::new();
        for _ in 0..40 {
            *seen
                .entry(self.answer("GET").unwrap_or_default())
                .or_insert(0) += 1;
        }
        let seen: Vec<&str> = seen.keys().map(String::as_str).collect();
        seen == numbers
    }
}

/// At once.
const CLIENTS: usize = 6;

#[test]
fn a_machine_dies_and_comes_back() {
    if !Path::new("/usr/sbin/nginx").exists() {
        return skip("nginx is not installed");
    }
    let Some(network) = Network::new() else {
        return skip("network namespaces cannot be made");
    };
    let place = folder();
    std::fs::write(place.path().join("app.py"), NAMES).expect("written");
    std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o755)).expect("a mode");
    let site = Site { place, network };
    let _one = site.machine(1);
    let two = site.machine(2);
    let _three = site.machine(3);
    let _nginx = site.nginx();
    assert!(
        eventually(PATIENCE, || site.are_all_there(&["1", "2", "3"])),
        "{}",
        site.logs()
    );
    assert_eq!(
        site.ask("GET", "/health"),
        Some(("200".into(), "ready\n".into()))
    );

    // Another machine than the one that was named gets nothing.
    assert_eq!(site.connects_to_the_first(2), "closed\n");
    assert!(
        site.logs()
            .contains("connections from 10.0.0.12 are closed")
    );

    // What is in flight there may fail, where it may not be repeated; nothing else does.
    let (is_over, answered, failed) = (
        AtomicBool::new(false),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let method = if client % 2 == 0 { "GET" } else { "POST" };
            let (site, is_over, answered, failed) = (&site, &is_over, &answered, &failed);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    match site.answer(method) {
                        Some(_) => answered.fetch_add(1, Ordering::Relaxed),
                        None => failed.fetch_add(1, Ordering::Relaxed),
                    };
                }
            });
        }
        let more = |count: usize| {
            let before = answered.load(Ordering::Relaxed);
            eventually(PATIENCE, || {
                answered.load(Ordering::Relaxed) >= before + count
            })
        };
        assert!(more(100), "{}", site.logs());
        drop(two);
        assert!(more(300), "{}", site.logs());
        is_over.store(true, Ordering::Relaxed);
    });
    let failed = failed.into_inner();
    assert!(failed <= CLIENTS, "{failed} failed: {}", site.logs());
    assert!(site.are_all_there(&["1", "3"]), "{}", site.logs());
    let _two = site.machine(2);
    assert!(
        eventually(PATIENCE, || site.are_all_there(&["1", "2", "3"])),
        "{}",
        site.logs()
    );
}
