//! The virtual environment with the applications from PyPI that some tests run. `scripts/test`
//! makes it, from `tests/applications/requirements.txt`.

use std::path::{Path, PathBuf};

use super::{python_version, skip};

/// The environment that `WSGI_CGI_TEST_VENV` names, or the one in the default place; without
/// either the test is skipped, and that is said.
pub(crate) fn venv() -> Option<PathBuf> {
    let venv = std::env::var_os("WSGI_CGI_TEST_VENV").map_or_else(default_place, PathBuf::from);
    let packages = venv.join(format!("lib/python{}/site-packages", python_version()));
    if [
        "flask", "django", "trac", "paste", "webob", "dulwich", "radicale", "wsgidav",
    ]
    .iter()
    .all(|name| packages.join(name).is_dir())
    {
        return Some(venv);
    }
    skip(&format!(
        "`{}` has no packages for Python {}",
        venv.display(),
        python_version()
    ));
    None
}

/// Where a web server's user can read it too.
fn default_place() -> PathBuf {
    let user = rustix::process::getuid().as_raw();
    Path::new("/var/tmp")
        .join(format!("wsgi-cgi-test-{user}"))
        .join(python_version())
}
