//! Connections to SQLite that are open when the image is made: an idle one is no obstacle, and its file is
//! opened again in each process.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;

use super::Site;
use crate::harness::python;

/// A connection that loading made, and a request that adds a row and counts.
fn site(loading: &str) -> Site {
    let site = Site::new(&format!(
        "import os, sqlite3\nloaded_by = os.getpid()\n\
         base = sqlite3.connect(os.path.abspath('data.db'), timeout=60)\n{loading}\n\
         def application(environ, start_response):\n    \
         with base: base.execute('insert into t values (1)')\n    \
         [(count,)] = base.execute('select count(*) from t')\n    \
         start_response('200 OK', [('X-Restored', str(loaded_by != os.getpid()))])\n    \
         return [str(count).encode()]\n"
    ));
    sql(&site, "create table t (x); insert into t values (0)");
    site
}

/// What another process does.
fn sql(site: &Site, statements: &str) -> String {
    let text = format!(
        "import sqlite3\nbase = sqlite3.connect('data.db', timeout=60)\nbase.executescript({statements:?})\n\
         print(*base.execute('pragma integrity_check').fetchone(), *base.execute('select count(*) from t').fetchone())"
    );
    let done = Command::new(python())
        .args(["-c", &text])
        .current_dir(site.folder())
        .output()
        .expect("python");
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout)
        .expect("UTF-8")
        .trim()
        .to_owned()
}

#[track_caller]
fn is_refused(site: &Site) {
    let made = site.command(&["make", "app.cgi"]);
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(
        !made.status.success() && log.contains("data.db` open"),
        "{log}"
    );
}

const USED: &str = "base.execute('select * from t').fetchall()";

#[test]
fn an_idle_connection_is_opened_again() {
    for loading in [
        "",
        USED,
        "with base: base.execute('insert into t values (1)')",
    ] {
        let site = site(loading);
        site.make();
        let first: usize = site.restored().parse().expect("a number");
        assert_eq!(site.restored(), (first + 1).to_string());
        // What another process writes meanwhile is seen.
        assert_eq!(
            sql(&site, "insert into t values (2)"),
            format!("ok {}", first + 2)
        );
        assert_eq!(site.restored(), (first + 3).to_string());
        sql(&site, "delete from t; create table other (y); vacuum");
        assert_eq!(site.restored(), "1");
        assert_eq!(sql(&site, ""), "ok 1");
    }
}

#[test]
fn a_warm_up_may_leave_an_idle_connection() {
    let site = site("");
    let made = site.command(&["make", "app.cgi", "--warm-up", "/"]);
    assert!(made.status.success(), "{made:?}");
    let first: usize = site.restored().parse().expect("a number");
    assert_eq!(site.restored(), (first + 1).to_string());
}

#[test]
fn a_connection_in_a_transaction_is_an_obstacle() {
    for loading in [
        "base.execute('insert into t values (1)')",
        "base.execute('begin')",
        "busy = base.execute('select * from t')\nbase.execute('insert into t values (3)')",
        "base.execute('pragma locking_mode = exclusive')\nbase.execute('select * from t').fetchall()",
        "base.execute('pragma journal_mode = wal')\nbase.execute('select * from t').fetchall()",
        "base.execute('pragma journal_mode = memory')\nbase.execute('select * from t').fetchall()",
        "other = sqlite3.connect('data.db')\nother.execute('begin immediate')",
    ] {
        is_refused(&site(loading));
    }
}

#[test]
fn a_connection_with_an_open_statement_is_an_obstacle() {
    let site = site("busy = base.execute('select * from t')\nnext(busy)");
    sql(&site, "insert into t values (4); insert into t values (5)");
    is_refused(&site);
}

#[test]
fn a_replaced_database_makes_the_image_stale() {
    let site = site(USED);
    site.make();
    assert_eq!(site.restored(), "2");
    fs::rename(site.file("data.db"), site.file("old.db")).expect("moved");
    sql(&site, "create table t (x)");
    assert_eq!(site.cold("`"), "1");
    assert_eq!(sql(&site, ""), "ok 1");
}

/// Pages of the one before would pass for its own.
#[test]
fn a_database_overwritten_in_place_makes_the_image_stale() {
    let site = site(USED);
    let same = "create table t (x); insert into t values (0)";
    fs::rename(site.file("data.db"), site.file("kept.db")).expect("moved");
    sql(&site, &format!("{same}; update t set x = 'other'"));
    fs::rename(site.file("data.db"), site.file("new.db")).expect("moved");
    fs::rename(site.file("kept.db"), site.file("data.db")).expect("moved");
    sql(&site, "update t set x = 'first'");
    site.make();
    let both = ["new.db", "data.db"].map(|name| fs::read(site.file(name)).expect("a file"));
    assert_eq!(both[0][24..44], both[1][24..44], "the heads differ");
    fs::write(site.file("data.db"), &both[0]).expect("written in place");
    assert_eq!(site.cold("the content of the database"), "2");
    assert!(sql(&site, "").starts_with("ok "));
}

/// Its number may be the same.
#[test]
fn a_database_created_again_makes_the_image_stale() {
    let site = site(USED);
    site.make();
    for _ in 0..20 {
        fs::remove_file(site.file("data.db")).expect("removed");
        sql(&site, "create table t (x); insert into t values (0)");
        let answer = site.request().logs_anything().run();
        assert_eq!(answer.text(), "2", "{answer:?}");
        assert!(sql(&site, "").starts_with("ok "));
    }
}

#[test]
fn a_hot_journal_is_rolled_back() {
    let site = site(USED);
    site.make();
    // A process that ends in the middle of a transaction, with its pages in the file.
    let text = "import os, sqlite3\nbase = sqlite3.connect('data.db')\nbase.execute('pragma cache_size = 1')\n\
        base.execute('begin immediate')\n\
        base.executemany('insert into t values (?)', [('x' * 1000,)] * 500)\nos._exit(0)";
    let done = Command::new(python())
        .args(["-c", text])
        .current_dir(site.folder())
        .status();
    assert!(done.expect("python").success());
    assert!(site.file("data.db-journal").exists());
    // Its pages are others now, and its head is not: a process without an image sees to it.
    let answer = site.request().logs_anything().run();
    assert_eq!(answer.text(), "2");
    assert_eq!(sql(&site, ""), "ok 2");
}

/// A thousand requests from an image, and another process all the while: no row is lost.
#[test]
fn a_thousand_write_while_another_process_does() {
    const AT_A_TIME: usize = 4;
    const EACH: usize = 250;
    let site = site(USED);
    site.make();
    let text = "import sqlite3, sys, threading\nbase = sqlite3.connect('data.db', timeout=60)\n\
                over = threading.Thread(target=sys.stdin.read)\nover.start()\nrows = 0\n\
                while over.is_alive() or not rows:\n    \
                with base: base.execute('insert into t values (9)')\n    rows += 1\n    \
                over.join(0.01)\nprint(rows)";
    let mut other = Command::new(python())
        .args(["-c", text])
        .current_dir(site.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                for _ in 0..EACH {
                    let answer = site.request().run();
                    assert_eq!(answer.header("X-Restored"), ["True"]);
                }
            });
        }
    });
    drop(other.stdin.take());
    let done = other.wait_with_output().expect("its end");
    let text = String::from_utf8_lossy(&done.stdout);
    let rows: usize = text.trim().parse().expect("a number");
    assert_eq!(
        sql(&site, ""),
        format!("ok {}", 1 + AT_A_TIME * EACH + rows)
    );
}
