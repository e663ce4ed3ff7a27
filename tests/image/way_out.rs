//! The way out of a restored process: what a request leaves to be done is done.

use super::{HELLO, Site};
use crate::way_out::handles;

/// A site whose requests keep something until the end.
fn keeping(what: &str) -> Site {
    let site = Site::new(&format!(
        "import gzip, os, sys, tempfile\nloaded_by = os.getpid()\n\
         def application(environ, start_response):\n    global kept\n    kept = {what}\n    \
         start_response('200 OK', [])\n    return [str(loaded_by != os.getpid()).encode()]\n"
    ));
    site.make();
    assert_eq!(site.restored(), "True");
    site
}

#[test]
fn temporary_files_are_removed() {
    let site = keeping(
        "tempfile.NamedTemporaryFile(dir='.', prefix='kept-'), \
         tempfile.TemporaryDirectory(dir='.', prefix='kept-')",
    );
    let entries = std::fs::read_dir(site.folder.path()).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = names
        .filter(|name| name.to_string_lossy().starts_with("kept-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn objects_with_a_way_out_of_their_own_take_it() {
    let last =
        "type('Last', (), {'__del__': lambda self, open=open: open('last', 'wb').close()})()";
    assert!(keeping(last).file("last").exists());
}

#[test]
fn files_are_complete() {
    let site = keeping(
        "gzip.open('packed', 'wb'), open('plain', 'w')\n    [f.write('x' if f is kept[1] else b'x') for f in kept]",
    );
    let read = |name| std::fs::read(site.file(name)).expect("a file");
    assert_eq!(read("plain"), b"x");
    assert!(read("packed").ends_with(&[1, 0, 0, 0]));
}

#[test]
fn no_two_processes_share_a_temporary_folder_made_while_loading() {
    let site = Site::new(&format!(
        "import atexit, tempfile\nkept = tempfile.TemporaryDirectory(dir='.', prefix='kept-')\n\
         atexit.register(lambda: open('left', 'a').write('x'))\n{HELLO}"
    ));
    let kept = || {
        let entries = std::fs::read_dir(site.folder.path()).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with("kept-"))
            .count()
    };
    let made = site.command(&["make", "app.cgi"]);
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(!made.status.success(), "{log}");
    assert!(log.contains("a temporary folder, `"), "{log}");
    // Nobody goes on from the process that loaded it: what is left to be done is done there.
    assert_eq!(kept(), 0);
    let left = std::fs::read_to_string(site.file("left"));
    assert_eq!(left.expect("written at the end"), "x");
    assert_eq!(site.cold(""), "cold");
    assert_eq!(kept(), 0);
}

#[test]
fn a_temporary_folder_that_loading_removes_is_not_an_obstacle() {
    let site = Site::new(&format!(
        "import tempfile\nkept = tempfile.TemporaryDirectory(dir='.', prefix='kept-')\n\
         kept.cleanup()\n{HELLO}"
    ));
    site.make();
    assert_eq!(site.restored(), "restored");
}

#[test]
fn what_the_scripts_own_objects_do_at_their_end_and_what_is_in_buffers_is_not_lost() {
    let site = Site::new(
        "import sys
class Connection:
    def __del__(self):
        sys.stderr.write('closed\\n')
pool = [Connection()]
def application(environ, start_response):
    global file
    file = open('out', 'a')
    file.write('x')
    start_response('200 OK', [])
    return [b'']
",
    );
    let written = || std::fs::read_to_string(site.file("out")).unwrap_or_default();
    let cold = site.request().program(crate::harness::program());
    assert_eq!(
        cold.argument(site.script()).logs("closed\n").run().log,
        "closed\n"
    );
    assert_eq!(written(), "x");
    site.make();
    for number in 2..4 {
        let answer = site.request().logs_anything().run();
        assert_eq!(answer.log, "closed\n");
        assert_eq!(written().len(), number);
    }
}

/// What it has open is SQLite's, which has nothing to write; a file that a handle of C has opened under the same
/// number is another.
#[test]
fn an_idle_database_does_not_count_as_an_extensions_handle() {
    let Some(folder) = handles::module() else {
        return;
    };
    let site = |request: &str| {
        let site = Site::with_options(
            "--debug",
            &format!(
                "import sqlite3, sys\nsys.path.append({folder})\nimport handle\nkept = []\n\
                 base = sqlite3.connect('base.db')\nbase.execute('create table if not exists t (x)')\n\
                 base.commit()\ndef application(environ, start_response):\n    {request}\n    \
                 start_response('200 OK', [])\n    return [b'']\n"
            ),
        );
        site.make();
        site
    };
    let idle = site("base.execute('select x from t').fetchall()");
    assert_eq!(idle.request().logs_anything().run().log, "");
    let handle = site("base.close(); kept.append(handle.Open())");
    let log = handle.request().logs_anything().run().log;
    assert!(
        log.contains("Python is shut down completely") && !log.contains("cold"),
        "{log}"
    );
}
