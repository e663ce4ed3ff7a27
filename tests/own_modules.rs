//! An import that fails because of a file or a folder of the application's own: the log says which, and advises
//! nobody to install a package for it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::geteuid;

use crate::harness::cgi::Cgi;
use crate::harness::{copy_programs, folder, launcher, skip};

/// A folder with such files, of which the first is the application; what is logged has these words in one entry,
/// with FOLDER for the folder.
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
        // Named as a module's search path, and not as the application's own.
        let path = "import sys; sys.path.append(__file__.rsplit('/', 1)[0] + '/library')\n";
        is_explained(
            &[
                ("wiki.py", &format!("{path}{import}\n")),
                (package, "application = None\n"),
            ],
            &[],
            "`FOLDER/wiki.py` hides the `wiki` that is in `FOLDER/library`, as the application's folder comes \
             first: rename the file",
        );
    }
}

#[test]
fn a_file_that_hides_a_package_of_the_standard_library() {
    is_explained(
        &[("app.py", "import email.mime.text\n"), ("email.py", "")],
        &[],
        "`FOLDER/email.py` hides the `email` that is in `",
    );
}

#[test]
fn a_file_of_which_modules_are_imported() {
    is_explained(
        &[("app.cgi", "import shop.views\n"), ("shop.py", "")],
        &[],
        "`shop` is the application's own file `FOLDER/shop.py`, which has no modules in it",
    );
}

#[test]
fn a_package_of_its_own_that_lacks_a_module() {
    is_explained(
        &[
            ("app.py", "import shop.web.views\n"),
            ("shop/__init__.py", ""),
            ("shop/web/__init__.py", ""),
        ],
        &[],
        "`shop` is a package of the application's own, and `FOLDER/shop/web` has neither `views.py` nor a \
         folder `views`: put the file there, or correct the import",
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
fn a_script_that_no_import_finds() {
    is_explained(
        &[("shop.cgi", "import shop\n")],
        &[],
        "`shop` is the application itself, `FOLDER/shop.cgi`, which cannot be imported as its name does not \
         end in `.py`",
    );
}

#[test]
fn the_folder_that_it_is_in() {
    is_explained(
        &[
            ("shop/app.py", "import shop.models\n"),
            ("shop/models.py", ""),
        ],
        &[],
        "`shop` is the folder that the application is in, and is looked for in the folder above it only where \
         that is named: --python-path FOLDER\n",
    );
}

#[test]
fn a_name_in_other_letters() {
    is_explained(
        &[("app.py", "import shop\n"), ("Shop.py", "")],
        &[],
        "`FOLDER` has `Shop.py`, and upper and lower case make different names",
    );
}

/// A package that is nowhere is one to install, whatever is beside it.
#[test]
fn a_package_that_is_missing_is_still_one() {
    let cgi = Cgi::source("import nowhere.at.all\n");
    fs::write(cgi.script_folder().join("somewhere.py"), "").expect("a file");
    cgi.exits(1)
        .logs("name the virtual environment that has `nowhere` with --venv")
        .run();
}

/// What the server's user may not read, Python takes for what is not there, or raises what names no remedy.
#[test]
fn what_is_closed_to_the_servers_user() {
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
            .logs(&format!("user 65534 may not {said}"))
            .run();
        let entry = answer.log.lines().next().expect("an entry");
        assert!(!entry.contains("pip install"), "{entry}");
    }
}

#[test]
fn a_working_folder_that_is_closed() {
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
            "cannot change to the folder `{}`: user 65534 may not enter `{shown}`: `chmod go+x {shown}`",
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
