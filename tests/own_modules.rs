//! Imports that fail because of the application's own file or folder: the log names it, and does not advise to
//! install a package.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::geteuid;

use crate::harness::cgi::Cgi;
use crate::harness::{copy_programs, folder, launcher, skip};

/// Makes a folder with these files, the first of which is the application, and checks that the log explains the
/// failure with the expected text. FOLDER stands for the folder's path.
#[track_caller]
fn is_explained(files: &[(&str, &str)], options: &[&str], expected: &str) {
    let folder = folder();
    let shown = folder.path().display().to_string();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }
    let mut cgi = Cgi::file(&folder.path().join(files[0].0));
    for option in options {
        cgi = cgi.option(option.replace("FOLDER", &shown));
    }
    let answer = cgi.exits(1).logs(&expected.replace("FOLDER", &shown)).run();
    answer.error_id();
    let entry = answer.log.lines().next().expect("an entry");
    assert!(!entry.contains("pip install"), "{entry}");
    assert!(!entry.contains("virtual environment"), "{entry}");
}

#[test]
fn a_script_that_hides_the_package_it_imports() {
    for (import, package) in [
        ("from wiki.web import application", "library/wiki/web.py"),
        ("from wiki import application", "library/wiki/__init__.py"),
        ("from wiki import application", "library/wiki.py"),
    ] {
        // The script extends the module search path itself, without --python-path.
        let path = "import sys; sys.path.append(__file__.rsplit('/', 1)[0] + '/library')\n";
        is_explained(
            &[
                ("wiki.py", &format!("{path}{import}\n")),
                (package, "application = None\n"),
            ],
            &[],
            "`FOLDER/wiki.py` hides the `wiki` in `FOLDER/library`, because the application's folder is \
             searched first: rename the file",
        );
    }
}

#[test]
fn a_file_that_hides_a_package_of_the_standard_library() {
    is_explained(
        &[("app.py", "import email.mime.text\n"), ("email.py", "")],
        &[],
        "`FOLDER/email.py` hides the `email` in `",
    );
}

#[test]
fn a_file_that_is_imported_as_a_package() {
    is_explained(
        &[("app.cgi", "import shop.views\n"), ("shop.py", "")],
        &[],
        "`shop` is the application's own file `FOLDER/shop.py`, not a package",
    );
}

#[test]
fn a_module_missing_from_the_applications_own_package() {
    is_explained(
        &[
            ("app.py", "import shop.web.views\n"),
            ("shop/__init__.py", ""),
            ("shop/web/__init__.py", ""),
        ],
        &[],
        "`shop` is the application's own package, and `FOLDER/shop/web` has neither `views.py` nor a folder \
         `views`: put the file there, or correct the import",
    );
    is_explained(
        &[
            ("app.py", "import shop.views\n"),
            ("lib/shop/__init__.py", ""),
        ],
        &["--python-path", "FOLDER/lib"],
        "`FOLDER/lib/shop` has neither `views.py` nor a folder `views`",
    );
}

#[test]
fn a_script_that_imports_itself_without_the_ending_py() {
    is_explained(
        &[("shop.cgi", "import shop\n")],
        &[],
        "`shop` is the application itself, `FOLDER/shop.cgi`, which cannot be imported because its name does \
         not end in `.py`",
    );
}

#[test]
fn the_folder_that_contains_the_application() {
    is_explained(
        &[
            ("shop/app.py", "import shop.models\n"),
            ("shop/models.py", ""),
        ],
        &[],
        "`shop` is the folder of the application; to import it, add the folder above it to the search path: \
         --python-path FOLDER\n",
    );
}

#[test]
fn a_name_that_differs_in_case() {
    is_explained(
        &[("app.py", "import shop\n"), ("Shop.py", "")],
        &[],
        "`FOLDER` has `Shop.py`, which differs from the imported name only in upper and lower case",
    );
}

/// If a package is found nowhere, the advice about virtual environments stays.
#[test]
fn a_package_that_is_not_installed() {
    let cgi = Cgi::source("import nowhere.at.all\n");
    fs::write(cgi.script_folder().join("somewhere.py"), "").expect("a file");
    cgi.exits(1)
        .logs("set the virtual environment that has `nowhere` with --venv")
        .run();
}

/// Files that the server's user may not read: Python reports them as missing, or raises an error without a remedy.
#[test]
fn a_file_that_the_servers_user_may_not_read() {
    if !geteuid().is_root() {
        return skip("only root can run a program as another user");
    }
    if launcher::is_wanted() {
        return;
    }
    for (text, closed, mode, said) in [
        (
            "import shop.views\n",
            "shop",
            0o700,
            "read `FOLDER/shop`: `chmod -R go+rX FOLDER/shop`",
        ),
        (
            "from shop import views\n",
            "shop",
            0o700,
            "read `FOLDER/shop`: `chmod -R go+rX FOLDER/shop`",
        ),
        (
            "import shop.views\n",
            "shop/views.py",
            0o600,
            "read `FOLDER/shop/views.py`: `chmod go+r FOLDER/shop/views.py`",
        ),
        (
            "import other\n",
            "lib",
            0o700,
            "read `FOLDER/lib`: `chmod -R go+rX FOLDER/lib`",
        ),
        (
            "open('work/data')\n",
            "work",
            0o700,
            "enter `FOLDER/work`: `chmod -R go+rX FOLDER/work`",
        ),
    ] {
        let folder = folder();
        let shown = folder.path().display().to_string();
        let place = |name: &str| folder.path().join(name);
        for (name, text) in [
            ("app.py", text),
            ("shop/__init__.py", ""),
            ("shop/views.py", ""),
            ("lib/other.py", ""),
            ("work/data", ""),
        ] {
            fs::create_dir_all(place(name).parent().expect("a folder")).expect("a folder");
            fs::write(place(name), text).expect("a file");
        }
        fs::set_permissions(place(closed), Permissions::from_mode(mode)).expect("a mode");
        let said = said.replace("FOLDER", &shown).replace("enter", "read");
        let answer = as_nobody(folder.path())
            .argument("--python-path")
            .argument(place("lib"))
            .argument(place("app.py"))
            .in_folder(folder.path())
            .exits(1)
            .logs(&format!("user 65534 (nobody) may not {said}"))
            .run();
        let entry = answer.log.lines().next().expect("an entry");
        assert!(!entry.contains("pip install"), "{entry}");
    }
}

#[test]
fn a_working_directory_that_may_not_be_entered() {
    if !geteuid().is_root() {
        return skip("only root can run a program as another user");
    }
    let folder = folder();
    let closed = folder.path().join("home");
    fs::create_dir_all(closed.join("work")).expect("a folder");
    fs::write(folder.path().join("app.py"), "").expect("a file");
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).expect("a mode");
    let (work, shown) = (closed.join("work"), closed.display().to_string());
    as_nobody(folder.path())
        .argument("--chdir")
        .argument(&work)
        .argument(folder.path().join("app.py"))
        .exits(1)
        .logs(&format!(
            "cannot change to the folder `{}` (--chdir): user 65534 (nobody) may not enter `{shown}`: `chmod go+x {shown}`",
            work.display()
        ))
        .run();
}

fn as_nobody(folder: &Path) -> Cgi {
    copy_programs(folder);
    Cgi::bare()
        .program("/usr/bin/setpriv")
        .arguments(&["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .argument(folder.join("wsgi-cgi"))
}
