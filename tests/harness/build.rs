//! What is under test: the program, the executor beside it, and the Python that it finds.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Where the executor is for a program in the same folder.
const EXECUTOR: &str = "_wsgi_cgi.abi3.so";

/// The program under test; `WSGI_CGI_TEST_PROGRAM` names another build of it. With
/// `WSGI_CGI_TEST_PYTHON` it is a copy in a folder with that Python, which it takes for the one that it
/// was installed with.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> =
        LazyLock::new(
            || match std::env::var_os("WSGI_CGI_TEST_PYTHON").map(PathBuf::from) {
                None => built().to_owned(),
                Some(python) => {
                    let name = python_version().to_owned() + "/bin";
                    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
                    copy(built(), &place);
                    let link = place.join("python3");
                    _ = fs::remove_file(&link);
                    symlink(python, link).expect("a link");
                    place.join("wsgi-cgi")
                }
            },
        );
    &PROGRAM
}

/// The program as it was built, with its executor. No test can depend on a module for Python, so that
/// cargo has to be told to build it.
fn built() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        if let Some(program) = std::env::var_os("WSGI_CGI_TEST_PROGRAM") {
            return program.into();
        }
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--locked", "-p", "wsgi-cgi-executor"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(built.expect("cargo").success(), "the executor is not built");
        env!("CARGO_BIN_EXE_wsgi-cgi").into()
    });
    &BUILT
}

/// Copies the program and its executor: tests link the originals, which changes their inodes' times, and an
/// image rests on these.
pub(crate) fn copy_programs(place: &Path) {
    copy(program(), place);
    // One of another run's Python may be there.
    let link = place.join("python3");
    _ = fs::remove_file(&link);
    if std::env::var_os("WSGI_CGI_TEST_PYTHON").is_some() {
        symlink(python(), link).expect("a link");
    }
}

fn copy(program: &Path, place: &Path) {
    fs::create_dir_all(place).expect("a folder");
    let executor = beside(program);
    for (from, to) in [(program, "wsgi-cgi"), (&executor, EXECUTOR)] {
        // Another process copies: nothing here has it open for writing when it is run.
        let copied = Command::new("cp")
            .arg("--remove-destination")
            .arg(from)
            .arg(place.join(to))
            .status();
        assert!(copied.expect("cp").success());
    }
}

/// The executor of the program under test.
pub(crate) fn executor() -> PathBuf {
    beside(program())
}

fn beside(program: &Path) -> PathBuf {
    let executor = [EXECUTOR, "lib_wsgi_cgi.so"].map(|name| program.with_file_name(name));
    let found = executor.into_iter().find(|file| file.exists());
    found.expect("the executor beside the program")
}

/// The interpreter that the program finds where nothing else is named.
pub(crate) fn python() -> &'static str {
    static PYTHON: LazyLock<String> = LazyLock::new(|| {
        std::env::var("WSGI_CGI_TEST_PYTHON").unwrap_or_else(|_| "/usr/bin/python3".to_owned())
    });
    &PYTHON
}

/// The version of that interpreter, such as `3.11`.
pub(crate) fn python_version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let asked = Command::new(python())
            .args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
            .output();
        let version = String::from_utf8(asked.expect("Python").stdout).expect("text");
        version.trim().to_owned()
    });
    &VERSION
}
