//! What `site` makes of an interpreter is the same here as in that Python itself: the paths, the prefixes,
//! the flags, the builtins, whatever the environment is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::cgi::Cgi;
use crate::harness::{folder, python};

/// Prints it: as a script, and as an application.
const SHOWING: &str = r#"
import builtins, os, sys
def show():
    lines = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.executable, repr(tuple(sys.flags)),
             repr(sorted(dir(builtins))), repr(sys.path), repr(sys.warnoptions), repr(sys._xoptions),
             repr(sys.dont_write_bytecode), repr(sys._home), sys.getfilesystemencoding(), repr(os.environ.get("MARK"))]
    for name in "exit", "quit", "copyright", "credits", "license", "help":
        value = getattr(builtins, name)
        lines.append(repr({k: v for k, v in vars(value).items() if k != "_Printer__lines"}))
        lines.append("%s %s %r" % (name, type(value), value))
    lines.append(repr([module for module in ("marked", "sitecustomize") if module in sys.modules]))
    return "\n".join(lines)
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [show().encode()]
if __name__ == "__main__":
    print(show())
"#;

struct Place {
    folder: TempDir,
    python: PathBuf,
}

impl Place {
    fn new(options: &[&str]) -> Self {
        let folder = folder();
        let root = folder.path().join("venv");
        let made = Command::new(python())
            .args(["-I", "-m", "venv", "--without-pip"])
            .args(options)
            .arg(&root)
            .status();
        assert!(made.expect("venv").success());
        Self {
            folder,
            python: root.join("bin/python3"),
        }
    }

    /// The folder of the environment's packages.
    fn packages(&self) -> PathBuf {
        let lib = self.folder.path().join("venv/lib");
        let mut entries = fs::read_dir(lib).expect("a folder");
        let entry = entries.next().expect("a version").expect("an entry");
        entry.path().join("site-packages")
    }

    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.packages().join(name), text).expect("a file");
        self
    }

    #[track_caller]
    fn is_the_same(&self) {
        is_the_same(self.folder.path(), &self.python, &["--venv", "venv"]);
    }
}

#[track_caller]
fn is_the_same(folder: &Path, python: &Path, options: &[&str]) {
    let script = folder.join("app.py");
    fs::write(&script, SHOWING).expect("a script");
    let plain = Command::new(python)
        .arg(&script)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir(folder)
        .output()
        .expect("Python");
    assert!(plain.status.success(), "{plain:?}");
    let mut cgi = Cgi::file(&script).in_folder(folder);
    for option in options {
        cgi = cgi.option(option);
    }
    let answer = cgi.run();
    let plain = String::from_utf8(plain.stdout).expect("text");
    for (here, there) in answer.text().lines().zip(plain.lines()) {
        assert_eq!(here, there);
    }
    assert_eq!(answer.text().lines().count(), plain.lines().count());
}

#[test]
fn a_plain_environment() {
    Place::new(&[]).is_the_same();
}

#[test]
fn an_environment_with_the_systems_packages() {
    Place::new(&["--system-site-packages"]).is_the_same();
}

#[test]
fn an_environment_with_path_files() {
    let place = Place::new(&[]);
    let other = place.folder.path().join("other");
    fs::create_dir(&other).expect("a folder");
    let path = format!(
        "# a comment\n\n{}\n/no/such/folder\nother\n",
        other.display()
    );
    place
        .file("one.pth", &path)
        .file("empty.pth", "\n")
        .is_the_same();
}

#[test]
fn an_environment_whose_path_files_run_code() {
    Place::new(&[])
        .file("marked.py", "import os\nos.environ['MARK'] = 'marked'\n")
        .file("two.pth", "import marked\n")
        // As old namespace packages look for the folder that they are in.
        .file(
            "three.pth",
            "import sys; mark = sys._getframe(1).f_locals['sitedir'] + '/x'; \
             mark in sys.path or sys.path.append(mark)\n",
        )
        .is_the_same();
}

#[test]
fn an_environment_with_a_customization() {
    Place::new(&[])
        .file(
            "sitecustomize.py",
            "import os, sys\nos.environ['MARK'] = 'customized'\nsys.path.append('/mark')\n",
        )
        .is_the_same();
}

#[test]
fn a_customization_that_fails_is_reported() {
    let place = Place::new(&[]);
    // It comes before the system's there.
    let first = place.folder.path().join("first");
    fs::create_dir(&first).expect("a folder");
    fs::write(first.join("sitecustomize.py"), "1 / 0\n").expect("a file");
    let script = place.folder.path().join("app.py");
    fs::write(&script, SHOWING).expect("a script");
    let cgi = Cgi::file(&script).option("--venv");
    let cgi = cgi.option(place.folder.path().join("venv"));
    let cgi = cgi.variable("PYTHONPATH", first);
    cgi.logs("sitecustomize").logs("ZeroDivisionError").run();
}

#[test]
fn the_systems_python() {
    let folder = folder();
    is_the_same(folder.path(), Path::new(python()), &["--python", python()]);
}

/// `site.addsitedir`, as scripts for mod_wsgi have it, does that and nothing else.
#[test]
fn site_imported_later() {
    const TEXT: &str = "import sys\nbefore = list(sys.path)\nimport site\nfrom importlib import reload\n\
        def application(environ, start_response):\n    \
        start_response('200 OK', [])\n    \
        return [repr((sys.path == before, site.ENABLE_USER_SITE, site.PREFIXES, \
        sys.flags.no_site, site.__spec__.name, 'sitecustomize' in sys.modules and \
        sys.modules['sitecustomize'].__file__.startswith(environ['DOCUMENT_ROOT']))).encode()]\n";
    let place = Place::new(&[]);
    let script = place.folder.path().join("app.py");
    fs::write(&script, TEXT).expect("a script");
    // The application's own file of that name is none.
    fs::write(place.folder.path().join("sitecustomize.py"), "").expect("a file");
    let cgi = Cgi::file(&script).option("--venv");
    let cgi = cgi.option(place.folder.path().join("venv"));
    let cgi = cgi.variable("DOCUMENT_ROOT", place.folder.path());
    let prefixes = Command::new(&place.python)
        .args(["-c", "import site; print(site.PREFIXES, end='')"])
        .output();
    let prefixes = String::from_utf8(prefixes.expect("Python").stdout).expect("text");
    let expected = format!("(True, False, {prefixes}, 0, 'site', False)");
    assert_eq!(cgi.run().text(), expected);
}

/// setuptools' own `distutils` is there for who asks, from the first import on.
#[test]
fn what_setuptools_puts_off() {
    const LINE: &str = "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, \
                        'local') == 'local'; enabled and __import__('_distutils_hack').add_shim();";
    const HACK: &str = "import sys, types, importlib.machinery\nclass Finder:\n    \
                        def find_spec(self, name, path, target=None):\n        \
                        if name == 'distutils':\n            \
                        return importlib.machinery.ModuleSpec(name, self, origin='ours')\n    \
                        def create_module(self, spec): return None\n    \
                        def exec_module(self, module): module.ours = True\n\
                        def add_shim(): sys.meta_path.insert(0, Finder())\n";
    let place = Place::new(&[])
        .file("distutils-precedence.pth", LINE)
        .file("_distutils_hack.py", HACK);
    let text = "import sys\ndef application(environ, start_response):\n    \
                before = '_distutils_hack' in sys.modules\n    import distutils\n    \
                start_response('200 OK', [])\n    \
                return [repr((before, distutils.ours, '_distutils_hack' in sys.modules)).encode()]\n";
    let script = place.folder.path().join("app.py");
    fs::write(&script, text).expect("a script");
    let cgi = Cgi::file(&script).option("--venv");
    let answer = cgi.option(place.folder.path().join("venv")).run();
    assert_eq!(answer.text(), "(False, True, True)");
}
