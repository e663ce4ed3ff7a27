//! The program as a person runs it: a cleared environment, the working directory of the
//! application, and strict defaults: exit status 0 and nothing on standard error.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::cgi::exit_code;
use super::{folder, program};

/// One run of the program.
#[must_use]
pub(crate) struct ByHand {
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
    folder: TempDir,
    exit: Option<i32>,
    log: Vec<String>,
    log_is_free: bool,
}

/// What it printed.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    /// The working directory, for what was left behind.
    pub(crate) folder: TempDir,
}

impl ByHand {
    /// `wsgi-cgi ARGUMENTS`, in an empty folder.
    pub(crate) fn command(arguments: &[&str]) -> Self {
        Self {
            arguments: arguments.iter().map(OsString::from).collect(),
            variables: vec![("PATH".into(), "/usr/bin:/bin".into())],
            stdin: Vec::new(),
            folder: folder(),
            exit: Some(0),
            log: Vec::new(),
            log_is_free: false,
        }
    }

    /// `wsgi-cgi request app.py`, with an `app.py` of that text.
    pub(crate) fn request(text: &str) -> Self {
        Self::command(&["request", "app.py"]).file("app.py", text)
    }

    /// A file in the working directory.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.folder.path().join(name), content).expect("a file written");
        self
    }

    /// Adds arguments at the end.
    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(OsString::from));
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables
            .push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// What is on standard input.
    pub(crate) fn stdin(self, stdin: impl Into<Vec<u8>>) -> Self {
        Self {
            stdin: stdin.into(),
            ..self
        }
    }

    /// Expects this exit status instead of 0.
    pub(crate) fn exits(self, exit: i32) -> Self {
        Self {
            exit: Some(exit),
            ..self
        }
    }

    /// Expects no exit status in particular.
    pub(crate) fn exits_anyhow(self) -> Self {
        Self { exit: None, ..self }
    }

    /// Expects standard error to hold this text, rather than nothing at all.
    pub(crate) fn logs(mut self, text: &str) -> Self {
        self.log.push(text.to_owned());
        self
    }

    /// Expects nothing of standard error.
    pub(crate) fn logs_anything(self) -> Self {
        Self {
            log_is_free: true,
            ..self
        }
    }

    /// The working directory.
    pub(crate) fn working_directory(&self) -> &Path {
        self.folder.path()
    }

    /// The command as it will be run.
    pub(crate) fn to_command(&self) -> Command {
        let mut command = Command::new(program());
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.variables.iter().cloned())
            .current_dir(self.folder.path());
        command
    }

    /// Runs it and checks what is expected.
    #[track_caller]
    pub(crate) fn run(self) -> Printed {
        let mut child = self
            .to_command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("piped");
        let content = self.stdin.clone();
        let writer = std::thread::spawn(move || {
            // The program need not read it.
            _ = stdin.write_all(&content);
        });
        let output = child.wait_with_output().expect("all that was printed");
        writer.join().expect("standard input written");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let exit = exit_code(output.status);
        assert_eq!(
            exit,
            self.exit.unwrap_or(exit),
            "exit status; standard error:\n{stderr}"
        );
        for text in &self.log {
            assert!(stderr.contains(text), "no {text:?} in:\n{stderr}");
        }
        assert!(
            self.log_is_free || !self.log.is_empty() || stderr.is_empty(),
            "nothing was expected on standard error:\n{stderr}"
        );
        Printed {
            stdout: output.stdout,
            stderr,
            folder: self.folder,
        }
    }

    /// Runs it and gives standard output as text.
    #[track_caller]
    pub(crate) fn prints(self) -> String {
        String::from_utf8(self.run().stdout).expect("UTF-8")
    }
}
