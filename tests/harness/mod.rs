//! What every test stands on: the built program, a CGI server that is nothing but a strict
//! builder ([`cgi::Cgi`]), and folders that a web server's user can read.

mod build;
pub(crate) mod by_hand;
pub(crate) mod cgi;
pub(crate) mod http_client;
pub(crate) mod instead;
pub(crate) mod launcher;
pub(crate) mod packages;
pub(crate) mod server;
pub(crate) mod serving;
pub(crate) mod terminal;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(crate) use build::{copy_programs, executor, program, python, python_version};

/// A file below `tests/apps/`.
pub(crate) fn app(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/apps")
        .join(name)
}

/// A fresh folder that everybody may read and enter.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("permissions");
    folder
}

/// Names a test that cannot run here, so that none is skipped in silence: `scripts/test` counts
/// and prints them. Where everything is required, a skip is a failure.
pub(crate) fn skip(reason: &str) {
    assert!(
        std::env::var_os("WSGI_CGI_TEST_REQUIRE_ALL").is_none(),
        "skipped: {reason}"
    );
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("skipped {test}: {reason}");
    if let Some(list) = std::env::var_os("WSGI_CGI_TEST_SKIPS") {
        use std::io::Write;
        let file = fs::OpenOptions::new().create(true).append(true).open(list);
        writeln!(file.expect("the list of skips"), "{test}: {reason}").expect("a line written");
    }
}
