//! `wsgi-cgi install`: what it writes, what it leaves alone, and that it takes away what it wrote; then what
//! it wrote behind each real server.

mod applications;
mod files;
mod refusals;
mod served;
mod suexec;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::cgi::{Answer, Cgi};
use crate::harness::{copy_programs, folder, program};

/// An application that says where it is mounted and what it was asked for.
const APP: &str = "
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    names = ['SCRIPT_NAME', 'PATH_INFO', 'HTTP_AUTHORIZATION']
    return ['|'.join(environ.get(name, '-') for name in names).encode()]
";

/// A machine with the program, an application in `site/`, and folders for scripts.
struct Machine(TempDir);

impl Machine {
    /// With a program of its own, which every user can start.
    fn new() -> Self {
        let machine = Self::linked();
        fs::remove_file(machine.at("wsgi-cgi")).expect("removed");
        copy_programs(machine.0.path());
        machine
    }

    /// With the one that was built.
    fn linked() -> Self {
        let machine = Self(folder());
        symlink(program(), machine.at("wsgi-cgi")).expect("a link");
        for name in ["site", "home/public_html", "cgi-bin", "pages/cgi-bin"] {
            fs::create_dir_all(machine.at(name)).expect("folders");
            fs::set_permissions(machine.at(name), fs::Permissions::from_mode(0o755))
                .expect("permissions");
        }
        machine.write("site/shop.py", APP);
        machine
    }

    fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        let path = self.at(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The program with these arguments, in `site/` and with an empty environment.
    fn command(&self, words: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(self.at("wsgi-cgi"));
        command
            .arg("install")
            .args(words)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.at("home"))
            .current_dir(self.at("site"));
        command
    }

    /// Runs the program with these arguments in `site/`.
    fn run(&self, words: &[impl AsRef<OsStr>]) -> Output {
        self.command(words).output().expect("the program")
    }

    /// What it prints; nothing goes wrong.
    #[track_caller]
    fn install(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && log.is_empty(),
            "{words:?}: {log}"
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// What it says where it does nothing; it writes nothing.
    #[track_caller]
    fn is_refused(&self, words: &[impl AsRef<OsStr>]) -> String {
        let before = self.everything();
        let output = self.run(words);
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "not refused: {output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert_eq!(log.lines().count(), 1, "{log}");
        assert_eq!(self.everything(), before);
        log
    }

    /// Every file and folder, with its mode, and its text unless it is a program.
    fn everything(&self) -> Vec<(PathBuf, u32, Vec<u8>)> {
        let mut all = Vec::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                let about = fs::symlink_metadata(&path).expect("a file");
                let text = if about.is_file() && about.len() < 100_000 {
                    fs::read(&path).expect("readable")
                } else {
                    Vec::new()
                };
                if about.is_dir() {
                    folders.push(path.clone());
                }
                all.push((path, about.permissions().mode(), text));
            }
        }
        all.sort();
        all
    }

    /// What a server that starts the script gets.
    #[track_caller]
    fn answer(&self, script: &str) -> Answer {
        let script = self.at(script);
        Cgi::bare()
            .program(&script)
            .in_folder(script.parent().expect("a folder"))
            .variable("SCRIPT_FILENAME", &script)
            .variable("SCRIPT_NAME", "/x")
            .run()
    }
}
