//! What an image rests on: a change is seen by the very next request.

use super::{HELLO, Site, eventually};

/// A site that is restored, with a module and a file of its own.
fn site() -> Site {
    let site = Site::new(
        "import helper, os\nsetting = open('setting').read()\nmode = os.environ.get('MODE', '-')\n\
         def application(environ, start_response):\n    start_response('200 OK', [])\n    \
         return [('%s %s %s' % (helper.NAME, setting, mode)).encode()]\n",
    );
    std::fs::write(site.file("helper.py"), "NAME = 'one'\n").expect("written");
    std::fs::write(site.file("setting"), "blue").expect("written");
    site.make();
    assert_eq!(site.restored(), "one blue -");
    site
}

#[test]
fn an_edit_of_the_script() {
    let site = Site::new(HELLO);
    site.make();
    assert_eq!(site.restored(), "restored");
    site.write("", &HELLO.replace("b\"cold\"", "b\"edited\""));
    assert_eq!(site.cold("`"), "edited");
}

#[test]
fn an_edit_of_a_module() {
    let site = site();
    std::fs::write(site.file("helper.py"), "NAME = 'three'\n").expect("written");
    assert_eq!(site.cold("`"), "three blue -");
}

#[test]
fn a_file_that_was_read() {
    let site = site();
    std::fs::write(site.file("setting"), "red").expect("written");
    assert_eq!(site.cold("`"), "one red -");
}

#[test]
fn a_module_that_shadows_another() {
    let site = Site::new(
        "import colorsys\ndef application(environ, start_response):\n    \
         start_response('200 OK', [])\n    return [getattr(colorsys, 'MINE', 'theirs').encode()]\n",
    );
    site.make();
    assert_eq!(site.restored(), "theirs");
    // What cannot be imported may come and go.
    std::fs::write(site.file("database.sqlite"), "").expect("written");
    assert_eq!(site.restored(), "theirs");
    std::fs::write(site.file("colorsys.py"), "MINE = 'mine'\n").expect("written");
    assert_eq!(site.cold("the folder"), "mine");
}

#[test]
fn a_variable_that_was_read() {
    let site = site();
    let answer = site
        .request()
        .variable("MODE", "fast")
        .logs("the variable MODE")
        .run();
    assert_eq!(answer.text(), "one blue fast");
    eventually("another image", || {
        let again = site
            .request()
            .variable("MODE", "fast")
            .logs_anything()
            .run();
        assert_eq!(again.text(), "one blue fast");
        again.log.is_empty()
    });
}

#[test]
fn a_variable_that_loading_did_not_read_has_its_new_value() {
    let site = Site::new(
        "import os\nos.environ.get('READ')\ndef application(environ, start_response):\n    \
         start_response('200 OK', [])\n    return [os.environ.get('OTHER', '-').encode()]\n",
    );
    site.make();
    for value in ["a", "b"] {
        assert_eq!(site.request().variable("OTHER", value).run().text(), value);
    }
    assert_eq!(site.restored(), "-");
}

#[test]
fn the_clients_header_fields_make_no_difference() {
    let site = site();
    let request = site
        .request()
        .variable("HTTP_X_WSGI_CGI_VENV", "x")
        .variable("HTTP_PYTHONPATH", "/x");
    assert_eq!(request.run().text(), "one blue -");
}

#[test]
fn the_working_directory() {
    let site = site();
    std::fs::create_dir(site.file("other.d")).expect("a folder");
    std::fs::write(site.file("other.d/setting"), "green").expect("written");
    let elsewhere = site.request().in_folder(site.file("other.d"));
    assert_eq!(
        elsewhere.logs("answered without an image").run().text(),
        "one green -"
    );
    assert_eq!(site.restored(), "one blue -");
}

#[test]
fn a_setting_of_the_interpreter() {
    let site = site();
    let answer = site
        .request()
        .variable("PYTHONHASHSEED", "7")
        .logs("PYTHONHASHSEED is new")
        .run();
    assert_eq!(answer.text(), "one blue -");
}

#[test]
fn a_script_that_is_replaced_while_requests_come() {
    let site = Site::new(&HELLO.replace("restored", "0").replace("cold", "0"));
    for version in 1..6 {
        // Python takes a source of the same second and length for the one that it has compiled.
        let text = "x".repeat(version);
        site.write("", &HELLO.replace("restored", &text).replace("cold", &text));
        for _ in 0..3 {
            assert_eq!(site.request().logs_anything().run().text(), text);
        }
        eventually("an image", || {
            site.is_impatient();
            let answer = site.request().logs_anything().run();
            assert_eq!(answer.text(), text);
            answer.log.is_empty()
        });
    }
}

#[test]
fn a_new_virtual_environment() {
    let site = Site::new(HELLO);
    site.make();
    let venv = site.file(".venv");
    std::fs::create_dir(&venv).expect("a folder");
    assert_eq!(site.restored(), "restored");
    std::fs::write(venv.join("pyvenv.cfg"), "").expect("written");
    let answer = site
        .request()
        .logs("pyvenv.cfg` has changed")
        .exits(1)
        .run();
    assert!(
        answer.log.contains("broken virtual environment"),
        "{}",
        answer.log
    );
}

#[test]
fn a_folder_that_the_application_listed() {
    let site = Site::new(
        "import os\nnames = sorted(os.listdir('pages'))\ndef application(environ, start_response):\n    \
         start_response('200 OK', [])\n    return [' '.join(names).encode()]\n",
    );
    std::fs::create_dir(site.file("pages")).expect("a folder");
    site.make();
    assert_eq!(site.restored(), "");
    std::fs::write(site.file("pages/one.html"), "").expect("written");
    assert_eq!(site.cold("the folder `"), "one.html");
}

#[test]
fn a_file_that_has_its_old_size_and_time_again() {
    let site = site();
    let setting = site.file("setting");
    let time = std::fs::metadata(&setting).and_then(|about| about.modified());
    std::fs::write(&setting, "pink").expect("written");
    let file = std::fs::File::options().write(true).open(&setting);
    file.and_then(|file| file.set_modified(time?))
        .expect("a time set");
    assert_eq!(site.cold("`"), "one pink -");
}

#[test]
fn a_folder_that_was_replaced_by_another() {
    let site = Site::new(
        "import sys\nsys.path.insert(0, 'modules')\nimport colorsys\n\
         def application(environ, start_response):\n    start_response('200 OK', [])\n    \
         return [getattr(colorsys, 'MINE', 'theirs').encode()]\n",
    );
    for (name, file) in [("modules", "other.py"), ("new", "colorsys.py")] {
        std::fs::create_dir(site.file(name)).expect("a folder");
        std::fs::write(site.file(name).join(file), "MINE = 'mine'\n").expect("written");
    }
    site.make();
    assert_eq!(site.restored(), "theirs");
    std::fs::rename(site.file("modules"), site.file("old")).expect("moved");
    std::fs::rename(site.file("new"), site.file("modules")).expect("moved");
    assert_eq!(site.cold("`"), "mine");
}

#[test]
fn a_variable_that_the_first_line_uses() {
    let site = Site::with_options(
        "--script-name ${MOUNT}",
        "
def application(environ, start_response):
    start_response('200 OK', [])
    return [environ['SCRIPT_NAME'].encode()]
",
    );
    for mount in ["/a", "/b", "/a"] {
        let request = || {
            site.request()
                .variable("MOUNT", mount)
                .logs_anything()
                .run()
        };
        eventually("an image", || {
            let answer = request();
            assert_eq!(answer.text(), mount);
            answer.log.is_empty()
        });
    }
    assert_eq!(site.kept("image").len(), 2);
}

/// What the interpreter's start read is watched as what loading read.
#[test]
fn a_variable_that_selects_the_virtual_environment() {
    const TEXT: &str = "import os, sys\ndef application(environ, start_response):\n    \
        start_response('200 OK', [])\n    \
        return [repr((os.environ.get('MARK'), len(sys.path))).encode()]\n";
    let site = Site::new(TEXT);
    let venv = site.file(".venv");
    let made = std::process::Command::new(crate::harness::python())
        .args(["-I", "-m", "venv", "--without-pip"])
        .arg(&venv)
        .status();
    assert!(made.expect("venv").success());
    let lib = std::fs::read_dir(venv.join("lib"))
        .expect("a folder")
        .next();
    let packages = lib.expect("a version").expect("an entry").path();
    let packages = packages.join("site-packages");
    std::fs::write(packages.join("empty.pth"), "\n").expect("written");
    site.make();
    let plain = site.restored();
    assert!(plain.starts_with("(None, "), "{plain}");
    let mark = |value: &str| format!("import os; os.environ['MARK'] = '{value}'\n");
    std::fs::write(packages.join("empty.pth"), mark("one")).expect("written");
    assert!(site.cold("`").starts_with("('one', "));
    std::fs::write(packages.join("new.pth"), mark("two")).expect("written");
    assert!(site.cold("`").starts_with("('two', "));
    for name in ["empty.pth", "new.pth"] {
        std::fs::remove_file(packages.join(name)).expect("removed");
    }
    site.is_impatient();
    super::eventually("an image", || {
        let answer = site.request().logs_anything().run();
        site.is_impatient();
        assert_eq!(answer.text(), plain);
        answer.log.is_empty()
    });
    let settings = venv.join("pyvenv.cfg");
    let text = std::fs::read_to_string(&settings).expect("settings");
    let text = text.replace("packages = false", "packages = true");
    std::fs::write(&settings, text).expect("written");
    assert_ne!(site.cold("`"), plain);
}

/// One with a path that is longer than most.
#[test]
fn one_of_hundreds_of_files() {
    for (of, text, expected) in [
        ("module77", "VALUE = 2 + 0\n", "151 a"),
        ("long_name", "VALUE = 'bcd'\n", "150 bcd"),
    ] {
        let site = Site::new(
            "import importlib, os, sys\n\
             folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'd' * 200)\n\
             sys.path.insert(0, folder)\n\
             total = sum(importlib.import_module('module%d' % i).VALUE for i in range(150))\n\
             sys.path[0] = os.path.join(folder, 'e' * 200)\nfrom long_name import VALUE\n\
             def application(environ, start_response):\n    start_response('200 OK', [])\n    \
             return [('%d %s' % (total, VALUE)).encode()]\n",
        );
        let folder = site.file(&"d".repeat(200));
        let deep = folder.join("e".repeat(200));
        std::fs::create_dir_all(&deep).expect("made");
        for number in 0..150 {
            let module = folder.join(format!("module{number}.py"));
            std::fs::write(module, "VALUE = 1\n").expect("written");
        }
        std::fs::write(deep.join("long_name.py"), "VALUE = 'a'\n").expect("written");
        site.make();
        assert_eq!(site.restored(), "150 a");
        let folder = if of == "long_name" { deep } else { folder };
        std::fs::write(folder.join(of).with_extension("py"), text).expect("written");
        assert_eq!(site.cold("`"), expected);
    }
}
