//! The package as `pip` builds it, in the ways in which people install one.

mod archives;
mod environments;
mod sources;
mod tools;
mod without_environment;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use crate::harness::cgi::Cgi;
use crate::harness::{python, skip};

/// A virtual environment with pip.
struct Venv(PathBuf);

impl Venv {
    fn new(root: PathBuf, options: &[&str]) -> Self {
        let made = Command::new(python())
            .args(["-m", "venv"])
            .args(options)
            .arg(&root)
            .output()
            .expect("python");
        assert!(made.status.success(), "{made:?}");
        Self(root)
    }

    fn python(&self) -> PathBuf {
        self.0.join("bin/python3")
    }

    fn program(&self) -> PathBuf {
        self.0.join("bin/wsgi-cgi")
    }

    /// Where this machine's pip is set to look for packages, this one does.
    fn pip<Word: AsRef<OsStr>>(&self, words: &[Word]) -> Output {
        Command::new(self.python())
            .args(["-m", "pip", "--disable-pip-version-check"])
            .args(words)
            .output()
            .expect("pip")
    }

    fn install(&self, wheel: &Path) {
        let words = ["install", "-q", "--no-index"].map(OsStr::new);
        let output = self.pip(&[&words[..], &[wheel.as_os_str()]].concat());
        assert!(output.status.success(), "{output:?}");
    }
}

/// The environment that builds; none where what builds packages cannot be fetched. Made once, for all tests of
/// this process.
fn builder() -> Option<&'static Venv> {
    static BUILDER: LazyLock<Option<Venv>> = LazyLock::new(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("builder");
        _ = fs::remove_dir_all(&place);
        let venv = Venv::new(place, &[]);
        let had = venv.pip(&["install", "-q", "maturin>=1.16,<2"]);
        had.status.success().then_some(venv)
    });
    if BUILDER.is_none() {
        skip("maturin, which builds packages, cannot be fetched");
    }
    BUILDER.as_ref()
}

/// The wheel, built once; none where it cannot be.
fn wheel() -> Option<&'static Path> {
    static WHEEL: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wheel");
        _ = fs::remove_dir_all(&folder);
        let repository = OsStr::new(env!("CARGO_MANIFEST_DIR"));
        build(repository, &folder, &[])
    });
    builder()?;
    Some(&WHEEL)
}

/// What `pip wheel` makes of sources.
fn build(sources: &OsStr, folder: &Path, environment: &[(&str, &str)]) -> PathBuf {
    let venv = builder().expect("asked for before");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(venv.python())
        .args(["-m", "pip", "--disable-pip-version-check", "wheel", "-q"])
        .args(["--no-deps", "--no-build-isolation", "--wheel-dir"])
        .arg(folder)
        .arg(sources)
        .env("PATH", format!("{}:{path}", venv.0.join("bin").display()))
        .envs(environment.iter().copied())
        .output()
        .expect("pip");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let made = fs::read_dir(folder).expect("a folder").flatten();
    let made: Vec<PathBuf> = made.map(|entry| entry.path()).collect();
    assert_eq!(made.len(), 1, "{made:?}");
    made[0].clone()
}

/// Says whose packages it has.
const SHOWING: &str = "import sys\ndef application(environ, start_response):\n    \
                       start_response('200 OK', [])\n    return [sys.prefix.encode()]\n";

/// A script in that folder, which names the program in its first line.
fn script(folder: &Path, program: &Path) -> PathBuf {
    let file = folder.join("app.cgi");
    fs::write(&file, format!("#!{}\n{SHOWING}", program.display())).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a mode");
    file
}

/// A request to a script of that program's is answered with the packages in `prefix`; nothing else says which.
#[track_caller]
fn answers(program: &Path, prefix: &Path) {
    let folder = crate::harness::folder();
    let script = script(folder.path(), program);
    let answer = Cgi::bare().program(script).run();
    assert_eq!(answer.text(), prefix.display().to_string());
}

/// With that Python, the package as a module is the program.
#[track_caller]
fn is_a_module_of(python: &Path, environment: &[(&str, &Path)]) {
    let asked = Command::new(python)
        .args(["-m", "wsgi_cgi", "--version"])
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("python");
    assert!(asked.stdout.starts_with(b"wsgi-cgi "), "{asked:?}");
}

/// The Python of the tests, and where its packages are.
fn own_prefix() -> PathBuf {
    let asked = Command::new(python())
        .args(["-c", "import sys; print(sys.prefix, end='')"])
        .output()
        .expect("python");
    String::from_utf8(asked.stdout).expect("text").into()
}
