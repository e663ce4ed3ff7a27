//! The single file under test, as `scripts/wheel.d/single.py` makes it of the programs that were built, and
//! a user with a script and a home.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::harness::cgi::Cgi;
use crate::harness::{executor, folder, program, python};

const HELLO: &str = "def application(environ, start_response):\n    \
                     start_response('200 OK', [])\n    return [b'hello']\n";

pub(super) struct Single(TempDir);

/// Arguments: the folder, the repository, Python, the program and its executor. What debuggers want is left
/// out: it would be nine tenths.
const MAKE: &str = "
    cd $1
    strip -o program $4
    strip -o _wsgi_cgi.abi3.so $5
    $3 -B $2/scripts/wheel.d/single.py program _wsgi_cgi.abi3.so single
";

/// Made once, for all tests of this process.
fn made() -> &'static Path {
    static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
        let name = format!("single-{}", std::process::id());
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("single")
            .join(name);
        // Those of other runs.
        _ = fs::remove_dir_all(place.parent().unwrap_or(&place));
        fs::create_dir_all(&place).expect("a folder");
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = Command::new("sh")
            .args(["-euc", MAKE, "sh"])
            .args([
                &place,
                repository,
                Path::new(python()),
                program(),
                &executor(),
            ])
            .output()
            .expect("sh");
        assert!(output.status.success(), "{output:?}");
        place
    });
    &MADE
}

impl Single {
    pub(super) fn new() -> Self {
        let place = folder();
        copy(&made().join("single"), &place.path().join("wsgi-cgi"));
        fs::create_dir(place.path().join("home")).expect("a folder");
        fs::write(place.path().join("app.py"), HELLO).expect("written");
        if std::env::var_os("WSGI_CGI_TEST_PYTHON").is_some() {
            symlink(python(), place.path().join("python3")).expect("a link");
        }
        Self(place)
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where it is laid.
    pub(super) fn store(&self) -> PathBuf {
        self.at("home/.cache/wsgi-cgi")
    }

    /// What is there.
    pub(super) fn laid(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.store()).expect("a folder").flatten();
        let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
        files.sort();
        files
    }

    pub(super) fn put_executor_beside(&self) {
        let name = "_wsgi_cgi.abi3.so";
        copy(&made().join(name), &self.at(name));
    }

    pub(super) fn request(&self) -> Cgi {
        Cgi::file(&self.at("app.py"))
            .program(self.at("wsgi-cgi"))
            .variable("HOME", self.at("home"))
    }

    /// The same, behind the words of another command.
    pub(super) fn request_by(&self, words: &[std::ffi::OsString]) -> Cgi {
        let mut cgi = self.request().program(&words[0]).arguments(&[]);
        for word in &words[1..] {
            cgi = cgi.argument(word);
        }
        cgi.argument(self.at("wsgi-cgi"))
            .argument(self.at("app.py"))
    }

    pub(super) fn command(&self, words: &[&str]) -> Output {
        Command::new(self.at("wsgi-cgi"))
            .args(words)
            .env_clear()
            .env("HOME", self.at("home"))
            .output()
            .expect("the program")
    }
}

/// By another process: nothing here has it open for writing when it is run.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg(from).arg(to).status();
    assert!(copied.expect("cp").success());
}
