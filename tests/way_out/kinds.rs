//! Each kind of thing that has something to do at its end does it, as under the standard library's handler:
//! what it leaves in a file is the same, cold and from an image.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::harness::cgi::Cgi;
use crate::harness::{folder, python};
use crate::image::Site;

/// What every row has: a line for the file, and classes that write one at their end.
const COMMON: &str = "
import gc, os, sys, tempfile, weakref
def told(line, open=os.open, write=os.write, how=os.O_WRONLY | os.O_APPEND | os.O_CREAT):
    # What is taken apart last: Python 3.9 opens no file for text any more by then.
    write(open('told', how, 0o644), (line + '\\n').encode())
class Last:
    def __init__(self, name, *holds):
        self.name, self.holds = name, holds
    def __del__(self, told=told):
        told(self.name)
class Bare:
    __slots__ = ()
    def __del__(self, told=told):
        told('bare')
def waiting(name):
    try:
        yield
    finally:
        told(name)
kept = []
";

/// Statements of the module, and of the request.
pub(super) fn row(loading: &str, request: &str) {
    let text = format!(
        "{COMMON}{loading}\ndef application(environ, start_response):\n    {}\n    \
         start_response('200 OK', [])\n    return [b'answered']\n",
        request.replace('\n', "\n    ")
    );
    let wanted = by_the_standard_library(&text);
    assert!(
        !wanted.is_empty(),
        "the row leaves nothing: {loading} {request}"
    );
    let cold = Cgi::source(&text).run();
    assert_eq!(cold.text(), "answered");
    assert_eq!(
        left(cold.folder.as_ref().expect("kept").path()),
        wanted,
        "cold: {loading} {request}"
    );
    let site = Site::new(&text);
    site.make();
    // What the process left that made the image. It may have a file open, which is to be the same one.
    _ = fs::remove_file(site.file("base"));
    for file in ["told", "plain", "other"] {
        if let Ok(file) = File::options().write(true).open(site.file(file)) {
            file.set_len(0).expect("emptied");
        }
    }
    assert_eq!(site.restored(), "answered");
    assert_eq!(left(site.folder()), wanted, "restored: {loading} {request}");
}

fn by_the_standard_library(text: &str) -> Vec<(String, String)> {
    let folder = folder();
    let script = folder.path().join("app.py");
    let text =
        format!("{text}\nfrom wsgiref.handlers import CGIHandler\nCGIHandler().run(application)\n");
    fs::write(&script, text).expect("a file");
    let done = Command::new(python())
        .arg(&script)
        .env_clear()
        .envs([
            ("REQUEST_METHOD", "GET"),
            ("SERVER_NAME", "x"),
            ("SERVER_PORT", "80"),
        ])
        .current_dir(folder.path())
        .output()
        .expect("python");
    assert!(done.status.success(), "{done:?}");
    left(folder.path())
}

/// What is in the folder beside the script and the images.
fn left(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut left: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.is_file() && path.extension().is_none_or(|it| it != "py" && it != "cgi")
        })
        .map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let bytes = fs::read(&path).expect("a file");
            // A database and its log have times and chances in them.
            let text = String::from_utf8_lossy(&bytes);
            let text = if name.starts_with("base") {
                "a database"
            } else {
                &*text
            };
            (name, text.to_owned())
        })
        .collect();
    left.retain(|(_, text)| !text.is_empty());
    left.sort();
    left
}

#[test]
fn an_object_of_the_request() {
    row("", "kept.append(Last('request'))");
}

#[test]
fn an_object_that_loading_made() {
    row("kept.append(Last('loading'))", "pass");
}

#[test]
fn a_buffer_that_writes_at_its_end() {
    row(
        "class Buffer(list):\n    def __del__(self, told=told):\n        told('+'.join(self))\nbuffer = Buffer()",
        "buffer.append('one')\nbuffer.append('two')",
    );
}

#[test]
fn an_object_that_loading_made_and_the_request_drops_is_finalized_then() {
    row("held = [Last('held')]", "held.clear()\ntold('after')");
}

#[test]
fn another_object_at_the_address_of_a_dropped_one() {
    row(
        "held = [Last('held')]",
        "held.clear()\nkept.append(Last('again'))",
    );
    row(
        "log = open('plain', 'a')",
        "globals()['log'].close()\nglobals()['log'] = None\nkept.append(open('other', 'w'))\nkept[0].write('x')",
    );
}

#[test]
fn an_object_that_answers_for_every_name() {
    row(
        "class Proxy(Last):\n    def __getattr__(self, name): return None\nkept.append(Proxy('proxy'))",
        "pass",
    );
    row(
        "class Strict(Last):\n    def __getattr__(self, name): raise KeyError(name)",
        "kept.append(Strict('strict'))",
    );
}

#[test]
fn a_connection_whose_close_does_more() {
    row(
        "import sqlite3\nclass Committing(sqlite3.Connection):\n    def close(self):\n        self.commit()\n        super().close()",
        "kept.append(sqlite3.connect('base', factory=Committing))\nkept[0].execute('create table t (a)')\n\
         kept[0].execute('insert into t values (1)')\n\
         told(str(sqlite3.connect('base').execute('select count(*) from t').fetchone()))",
    );
}

#[test]
fn beside_a_daemon_thread() {
    row(
        "import threading, time",
        "threading.Thread(target=time.sleep, args=(99,), daemon=True).start()\nkept.append(Last('request'))",
    );
}

#[test]
fn an_owner_before_what_it_owns() {
    row(
        "",
        "kept.append(Last('outer', Last('inner', Last('innermost'))))",
    );
    row("kept.append(Last('outer', [{'a': Last('inner')}]))", "pass");
}

#[test]
fn objects_in_a_circle() {
    row("", "a = Last('circle')\na.holds = a");
}

#[test]
fn an_object_that_holds_nothing() {
    row("kept.append(Bare())", "pass");
    row("", "kept.append(Bare())");
    row("", "kept.append((Bare(),))");
}

#[test]
fn an_object_that_fails_keeps_no_other_from_its_end() {
    let failing = "class Failing(Last):\n    def __del__(self):\n        raise ValueError\n";
    let text = format!(
        "{COMMON}{failing}kept += [Failing('x'), Last('other')]\ndef application(environ, start_response):\n    \
         start_response('200 OK', [])\n    return [b'']\n"
    );
    let answer = Cgi::source(&text).logs("ValueError").run();
    assert_eq!(
        left(answer.folder.as_ref().expect("kept").path())[0].1,
        "other\n"
    );
}

#[test]
fn a_suspended_generator() {
    row("", "kept.append(waiting('generator'))\nnext(kept[0])");
    row("kept.append(waiting('loaded'))\nnext(kept[0])", "pass");
}

#[test]
fn a_generator_that_has_not_started_or_has_ended_is_left_alone() {
    row(
        "",
        "kept.append(waiting('not begun'))\nkept.append(waiting('over'))\nlist(kept[1])",
    );
}

#[test]
fn files() {
    row("", "kept.append(open('plain', 'w'))\nkept[0].write('x')");
    // A compressed one is complete too, where Python 3.14 itself leaves it without its end (`files_are_complete`).
    row("log = open('plain', 'a')", "log.write('x')");
}

#[test]
fn a_file_that_an_object_writes_to_at_its_end() {
    row(
        "",
        "file = open('plain', 'w')\nclass Footer:\n    def __del__(self, file=file):\n        file.write('end')\n\
         kept.append(Footer())",
    );
}

#[test]
fn a_database_with_a_write_ahead_log() {
    row(
        "import sqlite3",
        "kept.append(sqlite3.connect('base'))\nkept[0].execute('pragma journal_mode=wal')\n\
         kept[0].execute('create table t (a)')\nkept[0].commit()\ntold('committed')",
    );
}

#[test]
fn a_temporary_file() {
    row(
        "",
        "kept.append(tempfile.NamedTemporaryFile(dir='.'))\ntold(str(len(os.listdir('.'))  > 1))",
    );
}

#[test]
fn what_is_registered_for_the_end() {
    row(
        "import atexit\natexit.register(told, 'loading')",
        "atexit.register(told, 'request')",
    );
    row(
        "",
        "kept.append(Last('x'))\nweakref.finalize(kept[0], told, 'finalize')",
    );
}

#[test]
fn a_thread() {
    row(
        "import threading, time",
        "threading.Thread(target=lambda: (time.sleep(0.1), told('thread'))).start()",
    );
}
