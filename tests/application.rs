//! Finding and loading the application: every way to name one, whatever the file's name.

use std::path::Path;

use crate::harness::cgi::Cgi;
use crate::harness::folder;

/// An application that answers with an expression.
fn answering(name: &str, expression: &str) -> String {
    format!(
        "import sys, os
def {name}(environ, start_response):
    start_response('200 OK', [])
    return [str(({expression})).encode()]
"
    )
}

/// Runs APP in a folder with the files, and gives the answer's text.
#[track_caller]
fn answer(files: &[(&str, &str)], app: &str) -> String {
    let place = folder();
    for (name, text) in files {
        let file = place.path().join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, text).expect("a file");
    }
    let answer = Cgi::bare().argument(app).in_folder(place.path()).run();
    answer.text().to_owned()
}

const CALLABLES: &str = "
def function(environ, start_response):
    start_response('200 OK', [])
    return [b'function']
class Class:
    def __init__(self, environ, start_response):
        start_response('200 OK', [])
    def __iter__(self):
        yield b'class'
class Instance:
    def __call__(self, environ, start_response):
        start_response('200 OK', [])
        return [b'instance']
    def method(self, environ, start_response):
        start_response('200 OK', [])
        return [b'method']
instance = Instance()
def make():
    return function
class app:
    inner = instance
";

#[test]
fn a_file_or_a_module_with_any_kind_of_callable() {
    let files = [
        ("mine.py", CALLABLES),
        ("package/__init__.py", ""),
        ("package/wsgi.py", CALLABLES),
    ];
    for place in [
        "./mine.py",
        "mine.py",
        "mine",
        "package.wsgi",
        "package/wsgi.py",
    ] {
        for (callable, text) in [
            ("function", "function"),
            ("Class", "class"),
            ("instance", "instance"),
            ("instance.method", "method"),
            ("app.inner.method", "method"),
            ("make()", "function"),
            ("Instance()", "instance"),
        ] {
            assert_eq!(
                answer(&files, &format!("{place}:{callable}")),
                text,
                "{place}:{callable}"
            );
        }
    }
}

#[test]
fn without_a_name_application_comes_first_then_app_then_a_factory() {
    let file = |text: &str| answer(&[("a.py", text)], "a.py");
    let both = format!(
        "{}{}",
        answering("app", "'app'"),
        answering("application", "'application'")
    );
    assert_eq!(file(&both), "application");
    assert_eq!(file(&answering("app", "'app'")), "app");
    for factory in ["create_app", "make_app"] {
        let made = format!("{}def {factory}(): return it\n", answering("it", "'made'"));
        assert_eq!(file(&made), "made");
    }
}

#[test]
fn a_package_with_a_module_named_app_is_not_mistaken() {
    let files = [
        (
            "shop/__init__.py",
            "from . import app\nfrom .app import create_app\n",
        ),
        (
            "shop/app.py",
            &format!("{}def create_app(): return it\n", answering("it", "'made'")),
        ),
    ];
    assert_eq!(answer(&files, "shop"), "made");
}

#[test]
fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
    let cgi = Cgi::source(CALLABLES);
    let app = format!("{}:nothing", cgi.script_folder().join("app.py").display());
    let cgi = cgi.arguments(&[&app]).exits(1).logs("has no `nothing`");
    let answer = cgi
        .logs("function, Class, Instance, instance, make, app")
        .run();
    answer.error_id();
}

#[test]
fn any_file_name_is_fine() {
    for name in [
        "app.cgi",
        "site.wsgi",
        "app",
        "two words.py",
        "gr\u{fc}n.py",
        "code.py",
        "1.py",
        "a-b.py",
        "os.py",
    ] {
        let text = answering(
            "application",
            "sys.modules[__name__].__dict__ is globals(), __file__[-4:]",
        );
        let shown = answer(&[(name, &text)], &format!("./{name}"));
        assert!(shown.starts_with("(True, "), "{name}: {shown}");
    }
}

#[test]
fn no_standard_module_is_replaced() {
    for name in ["site.wsgi", "code.py", "os.py", "json.py"] {
        let text = answering("application", "__import__('os').sep, __name__");
        let stem = name.split('.').next().expect("a stem");
        let shown = answer(&[(name, &text)], &format!("./{name}"));
        // From Python 3.10 on the interpreter can tell; before, only what is loaded is known.
        assert!(
            shown.starts_with("('/', '_wsgi_cgi_") || stem == "json" || stem == "code",
            "{shown}"
        );
    }
}

#[test]
fn a_python_file_is_the_module_that_others_import() {
    let files = [
        (
            "app.py",
            &*format!(
                "import other\nvalue = 1\n{}",
                answering("app", "other.get() is sys.modules[__name__]")
            ),
        ),
        ("other.py", "def get():\n    import app\n    return app\n"),
    ];
    assert_eq!(answer(&files, "app.py"), "True");
}

#[test]
fn the_main_guard_does_not_run() {
    let text = format!(
        "{}if __name__ == '__main__':\n    raise SystemExit('run()')\n",
        answering("app", "1")
    );
    assert_eq!(answer(&[("app.py", &text)], "app.py"), "1");
}

#[test]
fn a_script_that_is_a_link_finds_the_modules_beside_the_real_one() {
    let site = crate::harness::folder();
    std::fs::write(
        site.path().join("app.py"),
        "from beside import application\n",
    )
    .expect("a file");
    let beside = "def application(environ, start_response):
    start_response('200 OK', [])
    return [b'beside']
";
    std::fs::write(site.path().join("beside.py"), beside).expect("a file");
    let bin = crate::harness::folder();
    let link = bin.path().join("app.cgi");
    std::os::unix::fs::symlink(site.path().join("app.py"), &link).expect("a link");
    assert_eq!(Cgi::file(&link).run().body, b"beside");
}

#[test]
fn the_applications_folder_comes_first_then_the_named_ones() {
    let place = folder();
    let path = |name: &str| place.path().join(name);
    for name in ["own", "more"] {
        std::fs::create_dir(path(name)).expect("a folder");
        std::fs::write(path(name).join("both.py"), format!("place = '{name}'\n")).expect("a file");
    }
    std::fs::write(path("more").join("second.py"), "place = 'second'\n").expect("a file");
    let text = answering(
        "app",
        "__import__('both').place + __import__('second').place + str(sys.path[0].endswith('own'))",
    );
    std::fs::write(path("own").join("app.py"), text).expect("a file");
    for cgi in [
        Cgi::file(&path("own").join("app.py"))
            .option("--python-path")
            .option(path("more")),
        Cgi::file(&path("own").join("app.py")).variable("WSGI_CGI_PYTHON_PATH", path("more")),
    ] {
        assert_eq!(cgi.run().text(), "ownsecondTrue");
    }
}

#[test]
fn the_working_directory_changes_only_when_asked_for() {
    let place = folder();
    let text = answering("app", "os.getcwd()");
    std::fs::write(place.path().join("app.py"), &text).expect("a file");
    let run = |cgi: Cgi| cgi.run().text().to_owned();
    let file = place.path().join("app.py");
    assert_eq!(run(Cgi::file(&file).in_folder("/usr")), "/usr");
    assert_eq!(
        run(Cgi::file(&file)
            .in_folder("/usr")
            .option("--chdir")
            .option("lib")),
        "/usr/lib"
    );
    // A relative script stays where it was.
    let cgi = Cgi::bare().argument("app.py").in_folder(place.path());
    assert_eq!(run(cgi.variable("WSGI_CGI_CHDIR", "/usr")), "/usr");
}

#[test]
fn argv_holds_the_script_alone() {
    let shown = answer(
        &[(
            "app.cgi",
            &answering("app", "len(sys.argv), sys.argv[0].endswith('/app.cgi')"),
        )],
        "./app.cgi",
    );
    assert_eq!(shown, "(1, True)");
}

#[test]
fn a_cache_entry_is_not_shared_by_two_files() {
    let place = folder();
    // Same size and same time: only the name tells them apart.
    for (name, text) in [("app.py", "python"), ("app.cgi", "script")] {
        std::fs::write(
            place.path().join(name),
            answering("app", &format!("'{text}'")),
        )
        .expect("a file");
        let file = std::fs::File::open(place.path().join(name)).expect("a file");
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000))
            .expect("set");
    }
    let run = |name: &str| Cgi::file(&place.path().join(name)).run().text().to_owned();
    assert_eq!(
        (run("app.py"), run("app.cgi"), run("app.py")),
        ("python".into(), "script".into(), "python".into())
    );
    assert!(
        Path::new(&place.path().join("__pycache__")).exists(),
        "the python file is cached"
    );
}

#[test]
fn the_garbage_collector_is_put_back_as_it_was() {
    let text = answering(
        "app",
        "__import__('gc').isenabled(), __import__('gc').get_threshold()",
    );
    let fresh = answer(&[("app.py", &text)], "app.py");
    let python = std::process::Command::new(crate::harness::python())
        .args([
            "-c",
            "import gc; print((gc.isenabled(), gc.get_threshold()))",
        ])
        .output()
        .expect("python runs");
    assert_eq!(fresh, String::from_utf8_lossy(&python.stdout).trim());
    let own = format!("import gc\ngc.disable()\ngc.set_threshold(123, 4, 5)\n{text}");
    let own = answer(&[("app.py", &own)], "app.py");
    assert!(own.starts_with("(False, (123, 4"), "{own}");
}
