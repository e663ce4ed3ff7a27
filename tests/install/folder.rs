//! The folder that is unpacked or uploaded: nothing but the program and scripts is executable, and what went
//! wrong on the way is said.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::cgi::Cgi;
use crate::harness::{executor, folder, program, python, skip};

const HELLO: &str = "def application(environ, start_response):\n    \
                     start_response('200 OK', [])\n    return [b'hello']\n";

/// As an upload leaves it, once its user has made the program executable.
struct Uploaded(TempDir);

impl Uploaded {
    fn new() -> Self {
        let place = folder();
        let package = place.path().join("wsgi_cgi");
        fs::create_dir(&package).expect("made");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/executor/package/wsgi_cgi");
        for name in ["__init__.py", "__main__.py"] {
            copy(&sources.join(name), &package.join(name), 0o644);
        }
        copy(&executor(), &package.join("_wsgi_cgi.abi3.so"), 0o644);
        copy(program(), &place.path().join("wsgi-cgi"), 0o755);
        if std::env::var_os("WSGI_CGI_TEST_PYTHON").is_some() {
            symlink(python(), place.path().join("python3")).expect("a link");
        }
        fs::write(place.path().join("app.py"), HELLO).expect("written");
        Self(place)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn executor(&self) -> PathBuf {
        self.at("wsgi_cgi/_wsgi_cgi.abi3.so")
    }

    /// A GET by a user that is not root.
    fn request(&self) -> Cgi {
        let cgi = Cgi::file(&self.at("app.py"));
        if !rustix::process::geteuid().is_root() {
            return cgi.program(self.at("wsgi-cgi"));
        }
        cgi.program("setpriv")
            .arguments(&["--reuid=65534", "--regid=65534", "--clear-groups"])
            .argument(self.at("wsgi-cgi"))
            .argument(self.at("app.py"))
    }

    /// Why that fails: one line, which names the executor.
    #[track_caller]
    fn fails(&self, cause: &str, remedy: &str) {
        let answer = self.request().exits(1).logs(cause).logs(remedy).run();
        answer.error_id();
        let name = format!("the executor `{}`", self.executor().display());
        assert!(answer.log.contains(&name), "{}", answer.log);
        assert_eq!(answer.log.lines().count(), 1, "{}", answer.log);
        assert!(answer.status.starts_with("500"), "{}", answer.status);
    }
}

/// By another process: nothing here has it open for writing when it is run.
fn copy(from: &Path, to: &Path, mode: u32) {
    let done = Command::new("cp").arg(from).arg(to).status();
    assert!(done.expect("cp").success());
    fs::set_permissions(to, Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn the_program_finds_its_executor_in_the_package_beside_it() {
    assert_eq!(Uploaded::new().request().run().text(), "hello");
}

#[test]
fn the_package_works_without_the_program() {
    let uploaded = Uploaded::new();
    fs::remove_file(uploaded.at("wsgi-cgi")).expect("removed");
    let script = format!(
        "import sys\nsys.path.insert(0, {:?})\n{HELLO}\nfrom wsgi_cgi import run\nrun(application)\n",
        uploaded.0.path()
    );
    let cgi = Cgi::source(&script).program(python());
    let answer = cgi.variable("PYTHONDONTWRITEBYTECODE", "1").run();
    assert_eq!(answer.text(), "hello");
}

#[test]
fn python_m_starts_the_program_beside_it() {
    let uploaded = Uploaded::new();
    let asked = Command::new(python())
        .args(["-m", "wsgi_cgi", "--version"])
        .env_clear()
        .env("PYTHONPATH", uploaded.0.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python");
    assert!(asked.stdout.starts_with(b"wsgi-cgi "), "{asked:?}");
}

#[test]
fn an_incomplete_executor_is_reported() {
    let uploaded = Uploaded::new();
    let whole = fs::metadata(uploaded.executor()).expect("a file").len();
    let remedy = "replace it with the executor that came with this program (with FTP: upload in binary mode)";
    for length in [whole - 1, whole / 2, 4096, 20] {
        let file = File::options().write(true).open(uploaded.executor());
        file.expect("a file").set_len(length).expect("cut");
        uploaded.fails(&format!("is incomplete ({length} of "), remedy);
    }
    for content in ["", "<html>404"] {
        fs::write(uploaded.executor(), content).expect("written");
        uploaded.fails("is not an ELF file", remedy);
    }
}

#[test]
fn an_executor_for_another_processor_is_reported() {
    let uploaded = Uploaded::new();
    let file = File::options().write(true).open(uploaded.executor());
    let file = file.expect("a file");
    // `e_machine` is that of a processor that nobody has.
    file.write_all_at(&[0xfe, 0xfe], 18).expect("written");
    uploaded.fails("is for another processor", "install the one for ");
    // Python says so of the rest, such as another version of the system (`EI_OSABI`).
    copy(&executor(), &uploaded.executor(), 0o644);
    let file = File::options().write(true).open(uploaded.executor());
    file.expect("a file")
        .write_all_at(&[0xfe], 7)
        .expect("written");
    let file = uploaded.executor().display().to_string();
    let answer = uploaded
        .request()
        .exits(78)
        .logs("cannot load the executor: ")
        .logs(&file)
        .logs("install the one for this system")
        .run();
    answer.error_id();
}

#[test]
fn an_unreadable_executor_is_reported() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can act as another user");
    }
    for name in ["wsgi_cgi/_wsgi_cgi.abi3.so", "wsgi_cgi"] {
        let uploaded = Uploaded::new();
        let closed = Permissions::from_mode(0o000);
        fs::set_permissions(uploaded.at(name), closed).expect("a mode");
        uploaded.fails("UID 65534 cannot read", "`chmod 644` it");
    }
}
