//! What is found in the examples, in frameworks and in real applications: nothing, or what can be shown in their
//! source. Each rule that is expected here was looked up there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::names_of;
use crate::harness::{folder, packages, program};

/// The errors and warnings, as `RULE FILE` each.
#[track_caller]
fn found(place: &Path, arguments: &[&str]) -> BTreeSet<String> {
    let done = Command::new(program())
        .args(["check", "--json", "--timeout", "60"])
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", place)
        .env("HGRCPATH", "")
        .env("SITE_FOLDER", place)
        .env("TRAC_ENV", place.join("trac"))
        .current_dir(place)
        .output()
        .expect("started");
    assert!(
        matches!(done.status.code(), Some(0 | 1)),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    names_of(&done.stdout)
        .into_iter()
        .filter(|(_, severity, _)| severity != "note")
        .map(|(rule, _, place)| format!("{rule} {}", place.split(':').next().unwrap_or_default()))
        .collect()
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_examples_are_correct() {
    let place = folder();
    for (name, wanted) in [
        ("cgihandler", &[][..]),
        ("class", &[]),
        // It answers 500 where it is not given two numbers, which is what it is there to show.
        ("exc_info", &["server-error exc_info.py"]),
        ("file_wrapper", &[]),
        ("generator", &[]),
        ("hello", &[]),
        ("middleware", &[]),
        ("upload", &[]),
        ("write", &[]),
    ] {
        let file = format!("{name}.py");
        for name in [&file, "hello.py"] {
            let from = repository().join("examples").join(name);
            fs::copy(from, place.path().join(name)).expect("copied");
        }
        let seen = found(place.path(), &[&file]);
        assert_eq!(
            seen,
            wanted.iter().map(|&rule| rule.to_owned()).collect(),
            "{name}"
        );
    }
}

/// A folder with the applications, and the virtual environment that they need.
struct Site {
    root: TempDir,
    venv: String,
}

impl Site {
    fn new() -> Option<Self> {
        let venv = packages::venv()?;
        Some(Self {
            root: folder(),
            venv: venv.to_str().expect("UTF-8").to_owned(),
        })
    }

    /// A script of that text.
    fn script(&self, name: &str, text: &str) {
        let text = text.replace("@folder@", self.root.path().to_str().expect("UTF-8"));
        fs::write(self.root.path().join(name), text).expect("written");
    }

    /// One of those that other tests have.
    fn copy(&self, from: &str) {
        let from = repository().join(from);
        let text = fs::read_to_string(&from).expect("an application");
        let name = from.file_name().and_then(|name| name.to_str());
        self.script(name.expect("a name"), &text);
    }

    /// Runs a program of the virtual environment, or another.
    fn run(&self, command: &str) {
        let done = Command::new("sh")
            .args(["-euc", command])
            .env_clear()
            .env("PATH", format!("{}/bin:/usr/bin:/bin", self.venv))
            .env("HOME", self.root.path())
            .env("HGRCPATH", "")
            .env("SITE_FOLDER", self.root.path())
            .env("PYTHONPATH", repository().join("tests/applications"))
            .current_dir(self.root.path())
            .output()
            .expect("started");
        assert!(done.status.success(), "{done:?}");
    }

    #[track_caller]
    fn has(&self, arguments: &[&str], wanted: &[&str]) {
        let all = [&["--venv", &self.venv], arguments].concat();
        let seen = found(self.root.path(), &all);
        let wanted = wanted.iter().map(|&rule| rule.to_owned()).collect();
        assert_eq!(seen, wanted, "{arguments:?}");
    }
}

#[test]
fn frameworks_are_correct() {
    let Some(site) = Site::new() else { return };
    site.copy("examples/flask_app.py");
    site.has(&["flask_app.py", "/"], &[]);
    site.copy("examples/django_app.py");
    site.has(&["django_app.py", "/", "/hello/Ada"], &[]);
    site.copy("tests/applications/uploads/bottle_site.py");
    site.has(&["bottle_site.py", "/raw"], &[]);
    site.script(
        "webob_site.py",
        "from webob import Response\nfrom webob.dec import wsgify\n@wsgify\ndef application(request):\n    \
         return Response('hello\\n', content_type='text/plain')\n",
    );
    site.has(&["webob_site.py"], &[]);
}

/// Its view of the log-in form is asked for with HEAD as if it were a POST without a name.
#[test]
fn a_site_in_flask() {
    let Some(site) = Site::new() else { return };
    site.copy("tests/applications/flask_site.py");
    let urls = ["flask_site.py", "/", "/login", "/items/1/a", "/download"];
    site.has(&urls, &["head-differs werkzeug/wrappers/response.py"]);
}

#[test]
fn djangos_admin() {
    let Some(site) = Site::new() else { return };
    site.run("python3 -m django migrate --settings django_site.settings");
    let path = repository().join("tests/applications");
    let urls = ["admin/login/", "page/", "stream/", "download/"];
    let urls = urls.map(|url| format!("http://example.org/{url}"));
    let mut arguments = vec![
        "--python-path",
        path.to_str().expect("UTF-8"),
        "django_site.wsgi",
    ];
    arguments.extend(urls.iter().map(String::as_str));
    site.has(&arguments, &[]);
}

/// Its generator for references calls `write()` (`dulwich/web.py`, `get_info_refs`), takes QUERY_STRING for
/// granted, and routes GET and POST alone.
#[test]
fn dulwich() {
    let Some(site) = Site::new() else { return };
    site.run("git init -q --bare repository");
    site.copy("tests/applications/uploads/dulwich_site.py");
    site.has(
        &[
            "dulwich_site.py",
            "/repository/info/refs?service=git-upload-pack",
        ],
        &[
            "head-differs dulwich/web.py",
            "needs-optional dulwich/web.py",
            "write-in-iterable dulwich/web.py",
        ],
    );
}

/// Its 405 (`radicale/httputils.py`) has no Allow.
#[test]
fn radicale() {
    let Some(site) = Site::new() else { return };
    site.copy("tests/applications/uploads/radicale_site.py");
    let wanted = ["allow-missing radicale/app/__init__.py"];
    site.has(&["radicale_site.py", "/"], &wanted);
}

/// A path is decoded as UTF-8 without a thought of others (`wsgidav/util.py`); its directory browser answers GET,
/// and HEAD has a Content-Length of 0; its 405 has no Allow.
#[test]
fn wsgidav() {
    let Some(site) = Site::new() else { return };
    site.copy("tests/applications/uploads/wsgidav_site.py");
    site.has(
        &["wsgidav_site.py", "/"],
        &[
            "allow-missing wsgidav/wsgidav_app.py",
            "head-differs wsgidav/wsgidav_app.py",
            "path-not-utf-8 wsgidav/util.py",
        ],
    );
}

/// It sets the locale at the first request (`trac/web/main.py`, `dispatch_request`).
#[test]
fn trac() {
    let Some(site) = Site::new() else { return };
    site.run("trac-admin trac initenv 'The test' sqlite:db/trac.db");
    let wanted = ["locale-changed trac/web/main.py"];
    site.has(&["trac.web.main:dispatch_request", "/wiki"], &wanted);
}

/// A query beyond the locale's encoding raises; what was not read of a body makes it send `Connection: Close`
/// itself (`mercurial/hgweb/request.py`, `sendresponse`).
#[test]
fn mercurial() {
    let Some(site) = Site::new() else { return };
    site.run("hg init repository && echo text >repository/file && cd repository && hg commit -A -q -u ada -m first");
    site.script(
        "hgweb_site.py",
        "from mercurial.hgweb import hgweb\napplication = hgweb(b'@folder@/repository')\n",
    );
    site.has(
        &["hgweb_site.py", "/"],
        &[
            "header-hop-by-hop mercurial/hgweb/request.py",
            "raises mercurial/hgweb/request.py",
        ],
    );
}

/// Its dates end in `-0000` (`paste/httpheaders.py`, which `email.utils.formatdate` is used by), and its 416
/// does not say how long the file is.
#[test]
fn paste() {
    let Some(site) = Site::new() else { return };
    site.run("mkdir pages && echo hello >pages/page.txt");
    site.script(
        "paste_site.py",
        "from paste.urlparser import StaticURLParser\napplication = StaticURLParser('@folder@/pages')\n",
    );
    site.has(
        &["paste_site.py", "/page.txt"],
        &[
            "date-malformed paste/fileapp.py",
            "unsatisfied-without-range paste/httpexceptions.py",
        ],
    );
}
