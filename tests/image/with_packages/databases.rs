//! SQLAlchemy and psycopg: no connection is kept in an image but idle ones to SQLite; what makes one later works.

use super::{Site, cold, restored, site};

/// An engine on a file, of which a request counts its own rows.
const ENGINE: &str = "\
import sqlalchemy
from sqlalchemy import orm
engine = sqlalchemy.create_engine('sqlite:///' + os.path.abspath('data.db'))
class Base(orm.DeclarativeBase): pass
class Row(Base):
    __tablename__ = 'rows'
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
def count():
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add(Row(name='Zoë'))
        session.commit()
        return session.scalar(sqlalchemy.select(sqlalchemy.func.count()).select_from(Row))
";

#[track_caller]
fn refused(site: &Site, reason: &str) {
    let made = site.command(&["make", "app.cgi"]);
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(!made.status.success() && log.contains(reason), "{log}");
    assert!(site.kept("image").is_empty());
}

#[test]
fn an_engine_without_a_connection() {
    let Some(site) = site(ENGINE, "count()") else {
        return;
    };
    site.make();
    assert_eq!(restored(&site), "1");
    assert_eq!(restored(&site), "2");
    assert_eq!(cold(&site).run().text(), "3");
    assert_eq!(restored(&site), "4");
}

#[test]
fn an_engine_whose_pool_was_emptied() {
    let loading = format!("{ENGINE}count()\nengine.dispose()\n");
    let Some(site) = site(&loading, "count()") else {
        return;
    };
    site.make();
    let first: u32 = restored(&site).parse().expect("a number");
    assert_eq!(restored(&site), (first + 1).to_string());
}

#[test]
fn a_connection_that_is_idle_in_the_pool_or_outside() {
    for kept in ["kept = engine.connect()\n", "count()\n"] {
        let Some(site) = site(&format!("{ENGINE}{kept}"), "count()") else {
            return;
        };
        assert!(cold(&site).run().text().parse::<u32>().is_ok());
        site.make();
        let first: u32 = restored(&site).parse().expect("a number");
        assert_eq!(restored(&site), (first + 1).to_string());
    }
}

#[test]
fn a_connection_in_a_transaction() {
    let kept = "count()\nkept = orm.Session(engine)\nkept.add(Row(name='x'))\nkept.flush()\n";
    let Some(site) = site(&format!("{ENGINE}{kept}"), "1") else {
        return;
    };
    refused(&site, "data.db` open");
    let answer = site.request().logs("data.db` open").run();
    assert_eq!(answer.header("X-Restored"), ["no"]);
}

#[test]
fn a_pool_that_hooks_empty_and_fill() {
    let loading = format!(
        "{ENGINE}import snapshot_restore_py\ncount()\n\
         snapshot_restore_py.register_before_snapshot(engine.dispose)\n\
         @snapshot_restore_py.register_after_restore\n\
         def connect():\n    global kept\n    kept = engine.connect()\n"
    );
    let Some(site) = site(&loading, "(count(), kept.closed)") else {
        return;
    };
    site.make();
    let first = restored(&site);
    assert!(first.ends_with(", False)"), "{first}");
    assert_ne!(restored(&site), first);
}

#[test]
fn a_database_in_memory() {
    let loading = ENGINE.replace(
        "'sqlite:///' + os.path.abspath('data.db')",
        "'sqlite://', poolclass=sqlalchemy.StaticPool",
    );
    // Such a database is memory of this process, of which each request has its own copy.
    let Some(site) = site(&format!("{loading}count()\n"), "count()") else {
        return;
    };
    assert_eq!(cold(&site).run().text(), "2");
    site.make();
    assert_eq!(restored(&site), "2");
    assert_eq!(restored(&site), "2");
}

#[test]
fn psycopg_without_a_server() {
    // Nobody listens at a port below 1024 that has no service: the kernel refuses at once.
    let loading = "import psycopg\n\
         def connect():\n    \
         try: psycopg.connect('host=127.0.0.1 port=1 user=x dbname=x connect_timeout=5')\n    \
         except psycopg.OperationalError as error: return str(error).splitlines()[0]\n";
    let expression = "(connect(), psycopg.pq.__impl__, psycopg.sql.SQL('{}').format(\
                      psycopg.sql.Identifier('a\"b')).as_string(None))";
    let Some(site) = site(loading, expression) else {
        return;
    };
    let expected = cold(&site).run().text().to_owned();
    assert!(expected.contains("onnection refused"), "{expected}");
    site.make();
    assert_eq!(restored(&site), expected);
    assert_eq!(restored(&site), expected);
}
