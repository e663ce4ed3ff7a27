//! A CGI server that is nothing but a builder: it starts the program once, with a cleared
//! environment and the meta-variables of a plain GET, and checks everything that was not
//! asked for: exit status 0, an empty error log, a well-formed response.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{app, folder, launcher};

/// One request to one application.
#[must_use]
pub(crate) struct Cgi {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    body: Vec<u8>,
    folder: Option<TempDir>,
    working_directory: Option<PathBuf>,
    exit: i32,
    log: Vec<String>,
    log_is_free: bool,
    by_an_image: bool,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Standard output, byte for byte.
    pub(crate) raw: Vec<u8>,
    /// `200 OK`
    pub(crate) status: String,
    /// In the order sent.
    pub(crate) headers: Vec<(String, String)>,
    /// What follows the head.
    pub(crate) body: Vec<u8>,
    /// Standard error.
    pub(crate) log: String,
    /// The exit status; 128 and the number for a signal.
    pub(crate) exit: i32,
    /// Where the script was, for what it left behind.
    pub(crate) folder: Option<TempDir>,
}

impl Cgi {
    /// A GET for the application `tests/apps/NAME`.
    pub(crate) fn app(name: &str) -> Self {
        Self::file(&app(name))
    }

    /// A GET for the application in a file of that text, named `app.py`.
    pub(crate) fn source(text: &str) -> Self {
        Self::source_named("app.py", text)
    }

    /// A GET for the application in a file of that name and text, in a folder of its own.
    pub(crate) fn source_named(name: &str, text: &str) -> Self {
        let folder = folder();
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("a script written");
        Self {
            folder: Some(folder),
            ..Self::file(&file)
        }
    }

    /// A GET for the application in that file, as a server with an interpreter setting starts it.
    pub(crate) fn file(file: &Path) -> Self {
        let mut cgi = Self::bare().argument(file);
        cgi.variables.push(("SCRIPT_FILENAME".into(), file.into()));
        cgi
    }

    /// A GET without a script or an argument.
    pub(crate) fn bare() -> Self {
        let cgi = Self {
            program: launcher::program().to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            body: Vec::new(),
            folder: None,
            working_directory: None,
            exit: 0,
            log: Vec::new(),
            log_is_free: false,
            by_an_image: false,
        };
        cgi.variable("GATEWAY_INTERFACE", "CGI/1.1")
            .variable("REQUEST_METHOD", "GET")
            .variable("SCRIPT_NAME", "/app")
            .variable("PATH_INFO", "/")
            .variable("QUERY_STRING", "")
            .variable("SERVER_NAME", "example.org")
            .variable("SERVER_PORT", "80")
            .variable("SERVER_PROTOCOL", "HTTP/1.1")
            .variable("SERVER_SOFTWARE", "strict/1")
            .variable("PATH", "/usr/bin:/bin")
    }

    /// Runs another program in the place of `wsgi-cgi`, such as an executable script.
    pub(crate) fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Replaces the arguments.
    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(OsString::from).collect();
        self
    }

    /// Adds an argument at the end.
    pub(crate) fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds an option before the script.
    pub(crate) fn option(mut self, option: impl AsRef<OsStr>) -> Self {
        let place = self.arguments.len().saturating_sub(1);
        self.arguments.insert(place, option.as_ref().to_owned());
        self
    }

    /// Sets a meta-variable.
    pub(crate) fn variable(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self = self.without(&name);
        self.variables
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets a meta-variable to bytes.
    pub(crate) fn raw_variable(self, name: &str, value: &[u8]) -> Self {
        self.variable(name, OsStr::from_bytes(value))
    }

    /// Unsets a meta-variable.
    pub(crate) fn without(mut self, name: impl AsRef<OsStr>) -> Self {
        self.variables.retain(|(key, _)| key != name.as_ref());
        self
    }

    pub(crate) fn method(self, method: &str) -> Self {
        self.variable("REQUEST_METHOD", method)
    }

    pub(crate) fn path(self, path: &str) -> Self {
        self.variable("PATH_INFO", path)
    }

    /// Makes it a POST with this body.
    pub(crate) fn post(self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        Self {
            body,
            ..self.method("POST").variable("CONTENT_LENGTH", length)
        }
    }

    /// What is sent on standard input, whatever CONTENT_LENGTH says.
    pub(crate) fn stdin(self, body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    pub(crate) fn in_folder(self, folder: impl Into<PathBuf>) -> Self {
        Self {
            working_directory: Some(folder.into()),
            ..self
        }
    }

    /// Expects this exit status instead of 0.
    pub(crate) fn exits(self, exit: i32) -> Self {
        Self { exit, ..self }
    }

    /// Expects the error log to hold this text, rather than nothing at all.
    pub(crate) fn logs(mut self, text: &str) -> Self {
        self.log.push(text.to_owned());
        self
    }

    /// Expects nothing of the error log.
    pub(crate) fn logs_anything(self) -> Self {
        Self {
            log_is_free: true,
            ..self
        }
    }

    /// Where the launcher is in the program's place, expects that an image answers.
    pub(crate) fn by_an_image(self) -> Self {
        Self {
            by_an_image: true,
            ..self
        }
    }

    /// The script's folder, when the builder made it.
    pub(crate) fn script_folder(&self) -> &Path {
        self.folder.as_ref().expect("made by `source`").path()
    }

    fn command(&self) -> Command {
        let launched = launcher::launched(&self.program, &self.arguments);
        if let Some((options, script)) = launched {
            launcher::make(&options, &script, |command| self.surround(command));
        }
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        self.surround(&mut command);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The reason for cold requests that an earlier request logged: it is logged only once, but tests always check
    /// whether a request was cold.
    fn logged_before(&self) -> Option<String> {
        let value = |wanted: &str| {
            let mut variables = self.variables.iter();
            let found = variables.find(|(name, _)| name == wanted);
            found.map(|(_, value)| PathBuf::from(value))
        };
        let own = launcher::is_wanted().then(launcher::images);
        let folder = value("WSGI_CGI_CACHE_DIR").or(own)?;
        let script = value("SCRIPT_FILENAME").unwrap_or_else(|| self.program.clone());
        let entries = std::fs::read_dir(folder).ok()?.flatten();
        let said = entries.filter(|entry| entry.path().extension() == Some("said".as_ref()));
        let texts = said.filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
        let mut reasons = texts.filter_map(|text| Some(text.split_once('\n')?.1.to_owned()));
        reasons.find(|reason| reason.contains(&script.display().to_string()))
    }

    /// Whether it is not another program, to compare with.
    fn is_launched(&self) -> bool {
        let launched = launcher::launched(&self.program, &self.arguments);
        launched.is_some() || self.program == launcher::program()
    }

    /// The environment and the working directory.
    fn surround(&self, command: &mut Command) {
        if launcher::is_wanted() {
            command
                .env("WSGI_CGI_CACHE_DIR", launcher::images())
                .env("WSGI_CGI_IMAGE", "1");
        }
        command.envs(self.variables.iter().cloned());
        let folder = self.working_directory.as_deref();
        let folder = folder.or(self.folder.as_ref().map(TempDir::path));
        command.current_dir(folder.unwrap_or(Path::new("/")));
    }

    /// Starts the program and leaves its pipes to the test; nothing is checked.
    pub(crate) fn spawn(self) -> (Child, Option<TempDir>) {
        let child = self.command().spawn().expect("the program starts");
        (child, self.folder)
    }

    /// Sends the request and checks what is expected.
    #[track_caller]
    pub(crate) fn run(self) -> Answer {
        let mut child = self.command().spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("piped");
        let body = self.body.clone();
        let writer = std::thread::spawn(move || {
            // The program need not read it all.
            _ = stdin.write_all(&body);
        });
        let mut stderr = child.stderr.take().expect("piped");
        let log = std::thread::spawn(move || {
            let mut log = Vec::new();
            stderr.read_to_end(&mut log).expect("a readable log");
            log
        });
        let mut raw = Vec::new();
        child
            .stdout
            .take()
            .expect("piped")
            .read_to_end(&mut raw)
            .expect("a readable response");
        let exit = child.wait().expect("an exit status");
        writer.join().expect("the body sent");
        let log = log.join().expect("the log read");

        let mut answer = Answer::parse(raw);
        answer.log = String::from_utf8_lossy(&log).into_owned();
        if let Some(reason) = self
            .logged_before()
            .filter(|_| !launcher::is_cold(&answer.log))
        {
            let line = format!("(logged before): answered without an image: {reason}\n");
            answer.log.push_str(&line);
        }
        if launcher::is_wanted() {
            let (log, cold) = launcher::without_own_lines(&answer.log);
            assert!(!self.by_an_image || cold.is_none(), "no image: {cold:?}");
            if self.is_launched() {
                launcher::take_down(cold.as_deref());
            }
            answer.log = log;
        }
        answer.exit = exit_code(exit);
        answer.folder = self.folder;
        assert_eq!(answer.exit, self.exit, "exit status; log:\n{}", answer.log);
        for text in &self.log {
            assert!(
                answer.log.contains(text),
                "no {text:?} in the log:\n{}",
                answer.log
            );
        }
        assert!(
            self.log_is_free || !self.log.is_empty() || answer.log.is_empty(),
            "the log should be empty:\n{}",
            answer.log
        );
        answer
    }
}

/// The exit status as a shell shows it.
pub(crate) fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

impl Answer {
    /// Takes the response apart; panics where it is not one (RFC 3875, section 6).
    #[track_caller]
    pub(crate) fn parse(raw: Vec<u8>) -> Self {
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| {
            panic!(
                "no whole head in {:?}",
                String::from_utf8_lossy(&raw[..raw.len().min(500)])
            )
        });
        let head: String = raw[..end].iter().map(|&byte| char::from(byte)).collect();
        let mut lines = head.split("\r\n");
        let first = lines.next().expect("a first line");
        let status = first
            .strip_prefix("Status: ")
            .or_else(|| first.strip_prefix("HTTP/1.1 "))
            .unwrap_or_else(|| panic!("{first:?} is no status line"));
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?}"));
            (name.to_owned(), value.to_owned())
        });
        Self {
            status: status.to_owned(),
            headers: headers.collect(),
            body: raw[end + 4..].to_vec(),
            raw,
            log: String::new(),
            exit: 0,
            folder: None,
        }
    }

    /// The values of a header, in order.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let matching = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        matching.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// Checks that this is the whole error page, with an id that is in the log, and gives the id.
    #[track_caller]
    pub(crate) fn error_id(&self) -> &str {
        let text = self.text();
        let id = text
            .split("<code>")
            .nth(1)
            .and_then(|rest| rest.split("</code>").next());
        let id = id.unwrap_or_else(|| panic!("no id in {text}"));
        assert_eq!(id.len(), 12, "{id}");
        assert!(
            self.log.contains(&format!("error {id}: ")),
            "{id} is not in the log:\n{}",
            self.log
        );
        assert_eq!(self.header("Content-Length"), [self.body.len().to_string()]);
        assert!(text.ends_with("</html>\n"), "not whole: {text}");
        id
    }
}
