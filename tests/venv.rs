//! Virtual environments: found as documented, checked, and used as their own Python uses them.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::cgi::Cgi;
use crate::harness::{folder, program, python, python_version};

/// Says which environment it runs in.
const SHOWING: &str = "
import sys
def application(environ, start_response):
    import marker
    start_response('200 OK', [])
    return ['\\n'.join([marker.name, sys.prefix, sys.executable, str(sys.prefix != sys.base_prefix)]).encode()]
";

/// A folder with an application in `site/` and an environment at `place`, which has a module
/// `marker` of that name.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = folder();
        std::fs::create_dir(folder.path().join("site")).expect("a folder");
        std::fs::write(folder.path().join("site/app.py"), SHOWING).expect("a file");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn venv(&self, name: &str) -> PathBuf {
        let root = self.path(name);
        let made = Command::new(python())
            .args(["-I", "-m", "venv", "--without-pip"])
            .arg(&root)
            .env_remove("PYTHONHOME")
            .output()
            .expect("python runs");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let packages = root.join(format!("lib/python{}/site-packages", python_version()));
        std::fs::write(packages.join("marker.py"), format!("name = '{name}'\n")).expect("a module");
        root
    }

    fn app(&self) -> Cgi {
        Cgi::file(&self.path("site/app.py")).in_folder(self.path("site"))
    }
}

#[track_caller]
fn runs_in(cgi: Cgi, root: &Path) {
    let answer = cgi.run();
    let name = root
        .components()
        .next_back()
        .expect("a name")
        .as_os_str()
        .to_string_lossy();
    let root = root.display();
    assert!(
        answer
            .text()
            .ends_with(&format!("\n{root}\n{root}/bin/python3\nTrue")),
        "{}",
        answer.text()
    );
    assert!(answer.text().contains(&*name));
}

#[test]
fn a_named_environment_is_used() {
    let place = Place::new();
    let root = place.venv("named");
    runs_in(place.app().option("--venv").option(&root), &root);
    runs_in(place.app().variable("WSGI_CGI_VENV", &root), &root);
    runs_in(place.app().variable("REDIRECT_WSGI_CGI_VENV", &root), &root);
    runs_in(place.app().variable("VIRTUAL_ENV", &root), &root);
}

#[test]
fn the_script_may_name_one_relative_to_itself() {
    let place = Place::new();
    let root = place.venv("named");
    let block = "# /// script\n# [tool.wsgi-cgi]\n# venv = \"../named\"\n# ///\n";
    std::fs::write(place.path("site/app.py"), format!("{block}{SHOWING}")).expect("a file");
    let answer = place.app().in_folder("/").run();
    assert!(answer.text().starts_with("named\n"), "{}", answer.text());
    drop(root);
}

#[test]
fn one_beside_the_script_or_a_folder_above_is_found() {
    for name in ["site/.venv", "site/venv", ".venv", "venv"] {
        let place = Place::new();
        let root = place.venv(name);
        let answer = place.app().run();
        assert!(
            answer
                .text()
                .starts_with(&format!("{name}\n{}\n", root.display())),
            "{}",
            answer.text()
        );
    }
}

#[test]
fn a_named_environment_wins() {
    let place = Place::new();
    place.venv("site/.venv");
    let named = place.venv("named");
    let environment = place.venv("environment");
    runs_in(
        place.app().variable("VIRTUAL_ENV", &environment),
        &environment,
    );
    runs_in(
        place
            .app()
            .variable("VIRTUAL_ENV", &environment)
            .option("--venv")
            .option(&named),
        &named,
    );
}

#[test]
fn a_missing_module_names_the_environment_and_its_pip() {
    let place = Place::new();
    let root = place.venv("named");
    std::fs::write(place.path("site/app.py"), "import flasq\n").expect("a file");
    let cgi = place.app().option("--venv").option(&root).exits(1);
    let cgi = cgi.logs("No module named 'flasq'");
    cgi.logs(&format!(
        "{}/bin/python3 -m pip install flasq",
        root.display()
    ))
    .run()
    .error_id();
}

#[track_caller]
fn refused(cgi: Cgi, said: &str) {
    cgi.exits(1).logs(said).run().error_id();
}

#[test]
fn a_broken_environment_is_refused_with_the_reason() {
    let place = Place::new();
    refused(
        place.app().option("--venv").option("/nowhere"),
        "is not a virtual environment",
    );
    let root = place.venv("named");
    for name in ["python3", "python"] {
        std::fs::remove_file(root.join("bin").join(name)).expect("removed");
    }
    refused(
        place.app().option("--venv").option(&root),
        "bin/python3 is missing",
    );
}

#[test]
fn without_one_the_python_beside_the_program_or_the_systems_is_used() {
    let answer = Cgi::source(
        "import sys
def application(environ, start_response):
    start_response('200 OK', [])
    return [sys.executable.encode(), b' ', str(sys.prefix == sys.base_prefix).encode()]
",
    )
    .run();
    let beside = program().with_file_name("python3");
    let python = if beside.exists() {
        beside
    } else {
        python().into()
    };
    assert_eq!(answer.text(), format!("{} True", python.display()));
}

/// Those of them that applications may be for.
fn pythons() -> Vec<PathBuf> {
    let mut pythons = all_pythons();
    pythons.retain(|python| is_served(python));
    pythons
}

fn is_served(python: &Path) -> bool {
    let asked = Command::new(python)
        .args([
            "-c",
            "import platform, sys; sys.exit(sys.version_info < (3, 9) or 't' in sys.abiflags \
             or platform.python_implementation() != 'CPython')",
        ])
        .status();
    asked.expect("Python").success()
}

/// Every Python that this machine has.
fn all_pythons() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let found = Path::new(&home).join(".pyenv/versions").read_dir();
    let found = found.into_iter().flatten().flatten();
    let found = found.map(|entry| entry.path().join("bin/python3"));
    let mut found: Vec<PathBuf> = found.filter(|python| python.is_file()).collect();
    found.sort();
    found.insert(0, python().into());
    found
}

const VERSION: &str = "import sys\ndef application(environ, start_response):\n    \
                       start_response('200 OK', [])\n    return [sys.version.encode()]\n";

fn version(python: &Path) -> String {
    let asked = Command::new(python)
        .args(["-c", "import sys; sys.stdout.write(sys.version)"])
        .output();
    String::from_utf8(asked.expect("Python").stdout).expect("text")
}

#[test]
fn one_installation_serves_every_python() {
    for python in pythons() {
        let folder = folder();
        let script = folder.path().join("app.py");
        std::fs::write(&script, VERSION).expect("a script");
        let venv = folder.path().join("venv");
        let made = Command::new(&python)
            .args(["-I", "-m", "venv", "--without-pip"])
            .arg(&venv)
            .status();
        assert!(made.expect("venv").success());
        assert_eq!(Cgi::file(&script).run().text(), version(&python));
        let cgi = Cgi::file(&script).option("--python").option(&python);
        assert_eq!(cgi.run().text(), version(&python));
    }
}

#[test]
fn a_python_that_is_too_old_or_not_cpython_is_reported() {
    for python in all_pythons() {
        if !is_served(&python) {
            let cgi = Cgi::source(VERSION).option("--python").option(&python);
            cgi.exits(78).logs("CPython 3.9 or newer is needed").run();
        }
    }
}

/// As a package of the system does it, and without anything being built again.
#[test]
fn a_python_that_was_replaced_by_another() {
    let folder = folder();
    let script = folder.path().join("app.py");
    std::fs::write(&script, VERSION).expect("a script");
    let link = folder.path().join("python3");
    for python in pythons() {
        let new = folder.path().join("new");
        std::os::unix::fs::symlink(&python, &new).expect("a link");
        std::fs::rename(&new, &link).expect("replaced");
        let cgi = Cgi::file(&script).option("--python").option(&link);
        assert_eq!(cgi.run().text(), version(&python));
    }
}
