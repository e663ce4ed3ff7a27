//! A row's application: its script, its image, and the requests that are made of it. Nothing is
//! judged here.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::super::{PATIENCE, Site, programs};
use super::row::{Kind, Row, Variables};
use crate::harness::python;

/// What came back: the body, or what there was in its place, and why it was cold if it was.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) cold: Option<String>,
}

pub(super) struct Application<'a> {
    row: &'a Row,
    site: Site,
    cache: TempDir,
}

/// An application that says what it was asked for does so in one line, or in one for each of what
/// has to differ. One that answers by a handler has its image made inside that call.
fn script(row: &Row, by_handler: bool) -> String {
    let end = if by_handler {
        "from wsgiref.handlers import CGIHandler\nCGIHandler().run(application)\n"
    } else {
        ""
    };
    let shown = match row.kind {
        Kind::Differ => format!("[repr(one).encode() + b'\\n' for one in {}]", row.show),
        _ => format!("[repr({}).encode()]", row.show),
    };
    format!(
        "{}\ndef application(environ, start_response):\n    \
         start_response('200 OK', [('Content-Type', 'text/plain')])\n    return {shown}\n{end}",
        row.load
    )
}

impl<'a> Application<'a> {
    pub(super) fn new(row: &'a Row, options: &str, by_handler: bool) -> Self {
        let options = format!("{options} {}", row.options);
        let application = Self {
            row,
            site: Site::with_options(options.trim(), &script(row, by_handler)),
            cache: tempfile::tempdir().expect("a temporary folder"),
        };
        application.shell(row.files);
        application
    }

    /// Runs a command in the script's folder.
    pub(super) fn shell(&self, command: &str) {
        let done = Command::new("sh")
            .args(["-ec", command])
            .env("PYTHON", python())
            .current_dir(self.site.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("sh");
        assert!(done.status.success(), "{}: {done:?}", self.row.id);
    }

    /// Has an image made, or its refusal; gives what was said about it.
    pub(super) fn prepare(&self) -> String {
        if self.row.by_a_request {
            self.ask(self.row.first);
            self.wait();
            return String::new();
        }
        let mut command = Command::new(programs().join("wsgi-cgi"));
        command
            .args(["image", "make", "app.cgi"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("WSGI_CGI_CACHE_DIR", self.images());
        let (_, log) = self.end(command);
        log
    }

    /// Waits until there is an image or a reason why there is none, but not for long: it is no fault
    /// of most rows if there is neither.
    fn wait(&self) {
        let patience = Instant::now() + Duration::from_secs(if self.row.restored { 30 } else { 3 });
        while !self.has("image") && !self.has("refused") && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Made by the program itself, as nobody else may read there. It is not in the script's folder,
    /// which the application may list.
    fn images(&self) -> PathBuf {
        self.cache.path().join("images")
    }

    pub(super) fn has(&self, ending: &str) -> bool {
        let entries = std::fs::read_dir(self.images()).into_iter().flatten();
        let mut paths = entries.flatten().map(|entry| entry.path());
        paths.any(|path| path.extension().is_some_and(|found| found == ending))
    }

    /// From here on, under the same name, each process is a fresh one.
    pub(super) fn make_plain(&self) {
        self.shell("sed '1s/ --image//' app.cgi >next; chmod 755 next; mv next app.cgi");
    }

    /// A GET with these variables besides the usual ones.
    pub(super) fn ask(&self, variables: Variables) -> Answer {
        let folder = self.site.folder.path();
        let script = folder.join("app.cgi");
        let mut command = Command::new(&script);
        command
            .env_clear()
            .env("GATEWAY_INTERFACE", "CGI/1.1")
            .env("REQUEST_METHOD", "GET")
            .env("SCRIPT_NAME", "/app")
            .env("SCRIPT_FILENAME", &script)
            .env("PATH_INFO", "/")
            .env("QUERY_STRING", "")
            .env("SERVER_NAME", "example.org")
            .env("SERVER_PORT", "80")
            .env("SERVER_PROTOCOL", "HTTP/1.1")
            .env("SERVER_SOFTWARE", "strict/1")
            .env("PATH", "/usr/bin:/bin")
            .env("WSGI_CGI_CACHE_DIR", self.images())
            .envs(variables.iter().copied());
        let (text, log) = self.end(command);
        let cold = log.split("answered without an image: ").nth(1);
        let cold = cold.map(|reason| reason.lines().next().unwrap_or_default().to_owned());
        let body = text
            .strip_prefix("Status: 200 OK\r\n")
            .and_then(|rest| rest.split_once("\r\n\r\n"));
        let text = body.map_or_else(
            || format!("no answer: {}", log.trim_end()),
            |(_, body)| body.to_owned(),
        );
        Answer { text, cold }
    }

    /// Runs a program to its end, which comes by force after a while; gives output and log.
    fn end(&self, mut command: Command) -> (String, String) {
        let child = command
            .current_dir(self.site.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let process = rustix::process::Pid::from_child(&child);
        let (ended, waits) = mpsc::channel::<()>();
        let guard = std::thread::spawn(move || {
            if waits.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
            }
        });
        let output = child.wait_with_output().expect("the program ends");
        drop(ended);
        guard.join().expect("nothing to fail");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    }
}
