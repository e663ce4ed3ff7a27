//! `--image`: requests answered by the restored image of the loaded application.

mod access_log;
mod addresses;
mod at_a_terminal;
mod broken;
mod chance;
mod common;
mod company;
mod databases;
mod descriptors;
mod disk_full;
mod dropped;
mod fidelity;
mod fresh;
mod guarded;
mod handlers;
mod hooks;
mod identity;
mod keeping;
mod kernel;
mod lasting;
pub(crate) mod little;
mod loading;
mod machine;
mod maker_killed;
mod making;
mod meanwhile;
mod not_ours;
mod once;
mod open_files;
mod placement;
mod process;
mod replaced;
mod said;
mod slow;
mod stack;
mod status;
mod store;
mod surroundings;
mod upgrade;
mod visitors_words;
mod warm_up;
mod way_out;
mod with_packages;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::cgi::Cgi;
use crate::harness::{copy_programs, folder};

/// Copies of both programs: other tests link the originals, which changes their inodes' times, and
/// an image rests on these.
fn programs() -> &'static Path {
    static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
        copy_programs(&place);
        place
    });
    &PROGRAMS
}

/// A script whose first line names the launcher, and a folder for images.
pub(crate) struct Site {
    folder: TempDir,
}

impl Site {
    pub(crate) fn new(text: &str) -> Self {
        Self::with_options("", text)
    }

    /// With options in the first line.
    fn with_options(options: &str, text: &str) -> Self {
        let site = Self { folder: folder() };
        site.write(options, text);
        site
    }

    /// Writes the script by another process, so that it is not open for writing when it is run.
    fn write(&self, options: &str, text: &str) {
        let program = programs().join("wsgi-cgi");
        let new = self.folder.path().join("new");
        let space = if options.is_empty() { "" } else { " " };
        std::fs::write(
            &new,
            format!("#!{} --image{space}{options}\n{text}", program.display()),
        )
        .expect("written");
        let moved = Command::new("sh")
            .args([
                "-ec",
                "cat new >next; chmod 755 next; rm new; mv next app.cgi",
            ])
            .current_dir(self.folder.path())
            .status();
        assert!(moved.expect("sh").success());
    }

    /// Has the script use programs that are in its folder, and nobody else's.
    fn with_own_programs(&self) {
        let own = Command::new("sh")
            .args([
                "-ec",
                "cp \"$1\"/* .; sed \"1s|.*|#!$PWD/wsgi-cgi --image|\" app.cgi >next; chmod 755 next; \
                 mv next app.cgi",
                "sh",
            ])
            .arg(programs())
            .current_dir(self.folder.path())
            .status();
        assert!(own.expect("sh").success());
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self) -> PathBuf {
        self.file("app.cgi")
    }

    fn cache(&self) -> PathBuf {
        self.file("cache")
    }

    /// A GET, as a web server starts the script for it.
    fn request(&self) -> Cgi {
        Cgi::bare()
            .program(self.script())
            .in_folder(self.folder.path())
            .variable("SCRIPT_FILENAME", self.script())
            .variable("WSGI_CGI_CACHE_DIR", self.cache())
    }

    /// A GET that an image answers: the log is empty.
    #[track_caller]
    pub(crate) fn restored(&self) -> String {
        self.request().run().text().to_owned()
    }

    /// A GET that no image answers, for this reason.
    #[track_caller]
    fn cold(&self, reason: &str) -> String {
        let log = format!(": GET /app/: answered without an image: {reason}");
        self.request().logs(&log).run().text().to_owned()
    }

    /// GETs until an image answers one; the answer is the same before.
    #[track_caller]
    fn settles(&self, text: &str) {
        self.settles_on(&[text]);
    }

    /// The same for an answer that tells which way it came.
    #[track_caller]
    fn settles_on(&self, texts: &[&str]) {
        let patience = Instant::now() + PATIENCE;
        loop {
            let answer = self.request().logs_anything().run();
            assert!(texts.contains(&answer.text()), "{answer:?}");
            if answer.log.is_empty() {
                return;
            }
            assert!(Instant::now() < patience, "no image: {}", answer.log);
            self.is_impatient();
        }
    }

    /// Nobody waits before an image is made again.
    fn is_impatient(&self) {
        for counted in self.kept("tries") {
            // It may be removed by who makes one.
            _ = std::fs::remove_file(counted);
        }
    }

    /// A GET of a script that a shell starts with `exec ./app.cgi`, after something else.
    fn shell(&self, command: &str) -> Cgi {
        self.request()
            .program("/bin/sh")
            .arguments(&["-c", command])
    }

    fn command(&self, arguments: &[&str]) -> Output {
        Command::new(programs().join("wsgi-cgi"))
            .arg("image")
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("WSGI_CGI_CACHE_DIR", self.cache())
            .current_dir(self.folder.path())
            .output()
            .expect("the program")
    }

    #[track_caller]
    pub(crate) fn make(&self) {
        let made = self.command(&["make", "app.cgi"]);
        let log = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success() && log.is_empty(), "{log}");
    }

    /// What lies in the folder for images, with that ending.
    fn kept(&self, ending: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.cache()).into_iter().flatten();
        entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|found| found == ending))
            .collect()
    }

    #[track_caller]
    fn image(&self) -> PathBuf {
        let images = self.kept("image");
        assert_eq!(images.len(), 1, "{images:?}");
        images[0].clone()
    }
}

/// For so long a test waits for another process.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for what another process is about to do.
#[track_caller]
pub(crate) fn eventually(what: &str, happened: impl Fn() -> bool) {
    let patience = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < patience, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether the image there is can be used.
fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Says which process loaded it, and which one answers.
const HELLO: &str = r#"
import os
loaded_by = os.getpid()
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"restored" if loaded_by != os.getpid() else b"cold"]
"#;
