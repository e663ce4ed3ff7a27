//! What `snapshot_restore_py` registers is called around an image.

use super::super::{HELLO, Site};
use crate::harness::packages;

/// A database that is open while the application is loaded.
const DATABASE: &str = "\
import sqlite3, snapshot_restore_py
database = None
seen = []
def connect():
    global database
    database = sqlite3.connect('data.db')
    database.execute('create table if not exists t (x)')
connect()
@snapshot_restore_py.register_before_snapshot
def first():
    seen.append('first')
    database.close()
snapshot_restore_py.register_before_snapshot(seen.append, 'second')
snapshot_restore_py.register_after_restore(connect)
snapshot_restore_py.register_after_restore(seen.append, 'third')
def application(environ, start_response):
    start_response('200 OK', [])
    database.execute('insert into t values (1)')
    database.commit()
    count = database.execute('select count(*) from t').fetchone()
    return [repr((seen, count)).encode()]
";

#[test]
fn hooks_of_aws_lambda() {
    let Some(venv) = packages::venv() else { return };
    let site = Site::with_options(&format!("--venv {}", venv.display()), DATABASE);
    site.make();
    let seen = "['second', 'first', 'third']";
    assert_eq!(site.restored(), format!("({seen}, (1,))"));
    assert_eq!(site.restored(), format!("({seen}, (2,))"));
}

#[test]
fn a_hook_that_fails_after_the_restore_makes_the_request_cold() {
    let Some(venv) = packages::venv() else { return };
    let text = format!(
        "import os, snapshot_restore_py\n\
         maker = os.getpid()\n\
         def fails():\n    if 'REQUEST_METHOD' in os.environ: raise LookupError('no server')\n\
         snapshot_restore_py.register_after_restore(fails)\n{HELLO}"
    );
    let site = Site::with_options(&format!("--venv {}", venv.display()), &text);
    site.make();
    let answer = site
        .request()
        .post("a body")
        .logs("failed to start: LookupError: no server")
        .logs("answered without an image: the restored process could not start")
        .run();
    assert_eq!(answer.text(), "cold");
}

#[test]
fn a_hook_that_fails_before_the_snapshot_prevents_the_image() {
    let Some(venv) = packages::venv() else { return };
    let text = format!(
        "import snapshot_restore_py\n@snapshot_restore_py.register_before_snapshot\n\
         def fails(): raise LookupError('still open')\n{HELLO}"
    );
    let site = Site::with_options(&format!("--venv {}", venv.display()), &text);
    let made = site.command(&["make", "app.cgi"]);
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(
        !made.status.success() && log.contains("still open"),
        "{log}"
    );
}
