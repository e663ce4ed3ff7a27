//! Runs a curl command line twice in bash: with the real curl, against a small server that calls the application,
//! and with `curl` replaced by `wsgi-cgi request app.py`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::cgi::exit_code;
use crate::harness::{folder, program, python, skip};

/// The server, and the working directory of both runs.
pub(super) struct Beside {
    folder: TempDir,
    server: Child,
    port: String,
}

/// What a line did in each of the two runs.
pub(super) struct Both {
    pub(super) curl: Done,
    pub(super) request: Done,
}

/// What one run did.
#[derive(Debug)]
pub(super) struct Done {
    /// The requests that the application got, without the parts that always differ.
    pub(super) asked: String,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) exit: i32,
}

/// Shell functions: curl connects to the test server for every address, and accepts its self-signed certificate.
const FUNCTIONS: &str = r#"
curl() { command curl --insecure --no-progress-meter --connect-to "::127.0.0.1:$port" "$@"; }
wsgi-cgi() { "$program" "$@"; }
"#;

impl Beside {
    /// Starts the server; `None`, and a note of the skip, if curl, openssl or bash is not installed.
    pub(super) fn curl() -> Option<Self> {
        for program in ["curl", "openssl", "bash"] {
            let found = Command::new("which").arg(program).output();
            if !found.is_ok_and(|found| found.status.success()) {
                skip(&format!("{program} is not installed"));
                return None;
            }
        }
        let folder = folder();
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("a file written");
        };
        write("app.py", include_str!("copied/app.py"));
        write("server.py", include_str!("copied/server.py"));
        make_certificate(folder.path());
        let mut server = Command::new(python())
            .arg("server.py")
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server");
        let mut port = String::new();
        let mut printed = BufReader::new(server.stdout.take().expect("piped"));
        printed.read_line(&mut port).expect("a port");
        Some(Self {
            folder,
            server,
            port: port.trim().to_owned(),
        })
    }

    /// A file in the working directory.
    pub(super) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.folder.path().join(name), content).expect("a file written");
        self
    }

    /// The content of a file in the working directory.
    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect("a file")
    }

    /// Runs the line both ways. The shell variable `$client` is `curl` or `request`, for files of each run's own.
    pub(super) fn run(&self, line: &str) -> Both {
        let pasted = line.replace("curl ", "wsgi-cgi request app.py ");
        Both {
            curl: self.run_as("curl", line),
            request: self.run_as("request", &pasted),
        }
    }

    fn run_as(&self, client: &str, line: &str) -> Done {
        let notes = self.folder.path().join(client);
        _ = fs::remove_file(&notes);
        let output = Command::new("bash")
            .args(["-c", &format!("{FUNCTIONS}{line}")])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("client", client)
            .env("port", &self.port)
            .env("program", program())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("bash");
        let asked = fs::read(&notes).unwrap_or_default();
        Done {
            asked: without_own(&String::from_utf8_lossy(&asked)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            exit: exit_code(output.status),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        _ = self.server.kill();
        _ = self.server.wait();
    }
}

/// Replaces what always differs between the two: the user agent, the encodings that curl can also decompress, and the
/// random number in the boundary of a form.
fn without_own(asked: &str) -> String {
    let mut boundary = None;
    let lines = asked.split_inclusive('\n').map(|line| {
        if let Some((_, number)) = line.split_once("boundary=------------------------") {
            boundary = Some(number.trim_end().to_owned());
        }
        let line = match line.strip_prefix("HTTP_USER_AGENT=") {
            Some(name) if name.starts_with("curl/") || name.starts_with("wsgi-cgi/") => {
                "HTTP_USER_AGENT=its own\n"
            }
            _ => line,
        };
        line.replace("=deflate, gzip, br, zstd\n", "=deflate, gzip\n")
    });
    let text: String = lines.collect();
    match boundary {
        Some(number) => {
            let length = format!("CONTENT_LENGTH={}", length_without(&text, &number));
            let begin = text.find("CONTENT_LENGTH=").expect("a length");
            let end = begin + text[begin..].find('\n').expect("a line");
            (text[..begin].to_owned() + &length + &text[end..]).replace(&number, "NUMBER")
        }
        None => text,
    }
}

/// CONTENT_LENGTH less the length of the boundary's numbers, which may differ.
fn length_without(text: &str, number: &str) -> usize {
    let (_, rest) = text.split_once("CONTENT_LENGTH=").expect("a length");
    let (length, content) = rest.split_once('\n').expect("a line");
    let length: usize = length.parse().expect("a number");
    length - content.matches(number).count() * number.len()
}

fn make_certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args(["-subj", "/CN=localhost"])
        .args(["-keyout", "certificate.pem", "-out", "public.pem"])
        .current_dir(folder)
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{made:?}");
    let both = ["certificate.pem", "public.pem"]
        .map(|name| fs::read(folder.join(name)).expect("a file"))
        .concat();
    fs::write(folder.join("certificate.pem"), both).expect("a file written");
}
