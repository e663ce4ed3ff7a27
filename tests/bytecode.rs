//! Compiled modules where the server's user may not write beside their source.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::cgi::Cgi;
use crate::harness::{copy_programs, folder, python, skip};

/// Nobody, as web servers have somebody.
const USER: u32 = 65534;
const AS_USER: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/// An application with a module, in a folder that is root's, and a home that is the user's.
struct Site(TempDir);

impl Site {
    /// None where nobody can act as another user.
    fn new() -> Option<Self> {
        if !rustix::process::getuid().is_root() {
            skip("only root can act as another user");
            return None;
        }
        let site = Self(folder());
        fs::create_dir(site.at("home")).expect("a folder");
        std::os::unix::fs::chown(site.at("home"), Some(USER), Some(USER)).expect("chown");
        site.module("one");
        fs::write(
            site.at("app.py"),
            "import module\ndef application(environ, start_response):\n    \
             start_response('200 OK', [])\n    \
             return [repr((module.word, module.__cached__)).encode()]\n",
        )
        .expect("a script");
        // The user need not be able to reach the program where it was built.
        copy_programs(site.0.path());
        Some(site)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn module(&self, word: &str) {
        fs::write(self.at("module.py"), format!("word = '{word}'\n")).expect("a module");
    }

    /// What the application answers as that user: its module's word, and where that is compiled.
    #[track_caller]
    fn answer(&self) -> String {
        let request = Cgi::bare()
            .program("setpriv")
            .arguments(&AS_USER)
            .argument(self.at("wsgi-cgi"))
            .argument(self.at("app.py"))
            .variable("WSGI_CGI_CACHE_DIR", self.at("home/cache"));
        request.run().text().to_owned()
    }

    fn precompile(&self) -> Output {
        Command::new("setpriv")
            .args(AS_USER)
            .arg(self.at("wsgi-cgi"))
            .args(["precompile", "--cache-dir"])
            .arg(self.at("home/cache"))
            .arg(self.at("app.py"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .expect("the program")
    }

    /// The module, compiled in the user's cache.
    fn kept(&self) -> Option<PathBuf> {
        let own = self.at("home/cache/bytecode");
        let place = own.join(self.0.path().strip_prefix("/").expect("an absolute path"));
        let entries = fs::read_dir(place).ok()?;
        let mut entries = entries.map(|entry| entry.expect("an entry").path());
        entries.find(|path| is_of_the_module(path))
    }
}

fn is_of_the_module(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with("module."))
}

#[test]
fn they_are_kept_in_the_users_own_cache() {
    let Some(site) = Site::new() else { return };
    let answer = site.answer();
    let kept = site.kept().expect("a compiled module");
    assert_eq!(answer, format!("('one', '{}')", kept.display()));
    assert!(!site.at("__pycache__").exists());
    let made = fs::metadata(&kept).and_then(|about| about.modified());
    assert_eq!(site.answer(), answer);
    let now = fs::metadata(&kept).and_then(|about| about.modified());
    assert_eq!(now.expect("a time"), made.expect("a time"));
    let permissions = |name: &str| {
        let about = fs::metadata(site.at(name)).expect("a folder");
        about.permissions().mode() & 0o777
    };
    assert_eq!(permissions("home/cache"), 0o700);
    assert_eq!(permissions("home/cache/bytecode"), 0o700);
}

#[test]
fn an_edit_is_seen_by_the_next_request() {
    let Some(site) = Site::new() else { return };
    site.answer();
    site.module("another");
    assert!(site.answer().starts_with("('another', "));
}

#[test]
fn what_is_compiled_beside_its_source_is_used_there() {
    let Some(site) = Site::new() else { return };
    let compiled = Command::new(python())
        .args(["-c", "import module"])
        .current_dir(site.0.path())
        .env_clear()
        .status();
    assert!(compiled.expect("Python").success());
    let beside = site.at("__pycache__");
    assert!(
        site.answer()
            .contains(&format!("{}/module.", beside.display()))
    );
    assert!(site.kept().is_none());
    // Nobody can write it anew there.
    site.module("another");
    assert!(site.answer().starts_with("('another', "));
    assert!(site.kept().is_some());
}

#[test]
fn a_folder_that_python_can_write_to_is_left_to_it() {
    let Some(site) = Site::new() else { return };
    std::os::unix::fs::chown(site.0.path(), Some(USER), Some(USER)).expect("chown");
    site.answer();
    assert!(site.at("__pycache__").exists());
    assert!(site.kept().is_none());
}

#[test]
fn a_cache_that_others_can_write_to_is_not_used() {
    let Some(site) = Site::new() else { return };
    for mode in [0o777, 0o720] {
        site.answer();
        fs::set_permissions(site.at("home/cache"), Permissions::from_mode(mode)).expect("a mode");
        let beside = site.at("__pycache__");
        assert!(
            site.answer()
                .contains(&format!("{}/module.", beside.display()))
        );
        let made = site.precompile();
        let log = String::from_utf8_lossy(&made.stderr);
        assert!(
            !made.status.success() && log.contains("no private folder"),
            "{log}"
        );
        fs::remove_dir_all(site.at("home/cache")).expect("removed");
    }
}

#[test]
fn precompile_fills_it_ahead() {
    let Some(site) = Site::new() else { return };
    let made = site.precompile();
    let words = String::from_utf8_lossy(&made.stdout);
    let place = site.at("home/cache/bytecode");
    assert_eq!(
        words,
        format!("compiled modules in `{}`: 2\n", place.display()),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    assert!(site.kept().is_some());
}

/// What an audit hook is told of a module that is compiled, by this Python.
const TOLD: &str = "\
import sys
told = []
def hook(name, arguments):
    if name == 'open' and str(arguments[0]).endswith('.pyc'):
        told.append(arguments)
sys.addaudithook(hook)
import colorsys
";

#[test]
fn audit_hooks_see_that_compiled_modules_are_opened() {
    let expected = Command::new(python())
        .args(["-c", &format!("{TOLD}print(told)")])
        .env_clear()
        .output()
        .expect("Python");
    let expected = String::from_utf8(expected.stdout).expect("text");
    assert!(expected.contains("colorsys."), "{expected}");
    let answer = Cgi::source(&format!(
        "{TOLD}def application(environ, start_response):\n    \
         start_response('200 OK', [])\n    return [repr(told).encode()]\n"
    ))
    .run();
    assert_eq!(answer.text(), expected.trim());
}

#[test]
fn a_truncated_compiled_module_is_the_usual_error() {
    let cgi = Cgi::source("import module\ndef application(environ, start_response): pass\n");
    let folder = cgi.script_folder().to_owned();
    fs::write(folder.join("module.py"), "word = 'one'\n").expect("a module");
    let compiled = Command::new(python())
        .args(["-c", "import module; print(module.__cached__)"])
        .current_dir(&folder)
        .env_clear()
        .output();
    let path = String::from_utf8(compiled.expect("Python").stdout).expect("a path");
    let path = folder.join(path.trim());
    let whole = fs::read(&path).expect("a compiled module");
    fs::write(&path, &whole[..20]).expect("cut off");
    cgi.exits(1).logs("EOFError: marshal data too short").run();
}
