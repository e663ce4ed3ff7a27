//! `from wsgi_cgi import run` in a Python that a host has started: the answers, pages and log entries of the
//! program, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::harness::cgi::{Answer, Cgi};
use crate::harness::{executor, folder, python};

/// The package as a wheel has it.
pub(crate) fn package() -> TempDir {
    let place = folder();
    let package = place.path().join("wsgi_cgi");
    fs::create_dir(&package).expect("made");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/executor/package/wsgi_cgi");
    for name in ["__init__.py", "__main__.py"] {
        fs::copy(sources.join(name), package.join(name)).expect("copied");
    }
    fs::copy(executor(), package.join("_wsgi_cgi.abi3.so")).expect("copied");
    place
}

const HEAD: &str = "import os, sys\nfrom wsgi_cgi import CGIHandler, run\n\
                    def app(environ, start_response):\n    respond = start_response\n";

fn asked(package: &TempDir, body: &str, program: impl Into<PathBuf>) -> Cgi {
    let text = format!("{HEAD}    {}\nrun(app)\n", body.replace('\n', "\n    "));
    Cgi::source(&text)
        .program(program)
        .variable("PYTHONPATH", package.path())
        .variable("PYTHONDONTWRITEBYTECODE", "1")
}

/// What both answer, without the id of an error and without the date.
#[track_caller]
fn same(body: &str, how: impl Fn(Cgi) -> Cgi) -> Answer {
    let package = package();
    let ours = how(asked(&package, body, python())).run();
    let programs = how(asked(&package, body, crate::harness::program())).run();
    let without_id = |answer: &Answer| {
        let text = String::from_utf8_lossy(&answer.raw);
        let text: Vec<&str> = text
            .split('\n')
            .filter(|line| !line.starts_with("Date: "))
            .collect();
        let text = text.join("\n");
        let id = text.split("<code>").nth(1).and_then(|rest| rest.get(..12));
        id.map_or(text.clone(), |id| text.replace(id, "ID"))
    };
    assert_eq!(without_id(&ours), without_id(&programs));
    assert_eq!(ours.exit, programs.exit);
    ours
}

#[test]
fn the_answer_is_that_of_the_program() {
    let answer = same(
        "respond('200 OK', [('X', environ['PATH_INFO'])])\nreturn [environ['wsgi.input'].read()]",
        |asked| asked.post("body").path("/a b"),
    );
    assert_eq!(answer.text(), "body");
    same(
        "print('not for the client')\nrespond('204 No Content', [])\nreturn []",
        Cgi::logs_anything,
    );
    same(
        "write = respond('200 OK', [])\nwrite(b'one')\nreturn [b'two']",
        |asked| asked,
    );
    same(
        "respond('200 OK', [('Content-Length', '3')])\nreturn [b'abc', b'def']",
        Cgi::logs_anything,
    );
    same("respond('200 OK', [])\nreturn [b'no body']", |asked| {
        asked.method("HEAD")
    });
    same(
        "respond('200 OK', [])\nreturn (block for block in (b'', b'a', b'b'))",
        |asked| asked,
    );
    same("respond('200 OK', [])\nreturn [b'nph']", |asked| {
        asked.variable("WSGI_CGI_NPH", "1")
    });
}

#[test]
fn a_failure_is_a_whole_answer_with_a_log_entry() {
    for (body, entry) in [
        ("raise ValueError('oh')", "ValueError: oh"),
        ("respond('200 OK', [('X', 'a\\r\\nb')])\nreturn []", "'X'"),
        ("sys.exit(3)", "SystemExit"),
        ("return None", "None"),
    ] {
        let answer = same(body, |asked| asked.logs_anything().exits(1));
        assert!(answer.status.starts_with("500"), "{}", answer.status);
        assert!(answer.log.contains(entry), "{}", answer.log);
        assert!(answer.log.contains(answer.error_id()), "{}", answer.log);
    }
    let answer = same("respond('200 OK', [])\nreturn []", |asked| {
        asked
            .variable("CONTENT_LENGTH", "many")
            .logs_anything()
            .exits(1)
    });
    assert!(answer.status.starts_with("400"), "{}", answer.status);
}

#[test]
fn an_abort_is_a_whole_answer() {
    let package = package();
    let answer = asked(&package, "os.abort()", python())
        .logs_anything()
        .exits(134)
        .run();
    assert!(answer.status.starts_with("500"), "{}", answer.status);
}

#[test]
fn after_the_answer_the_script_goes_on() {
    let package = package();
    let text = format!(
        "{HEAD}    respond('200 OK', [])\n    return [b'hello']\nCGIHandler().run(app)\n\
         print('after', file=sys.stderr)\n\
         try:\n    run(app)\nexcept RuntimeError as error:\n    print(error, file=sys.stderr)\n"
    );
    let answer = Cgi::source(&text)
        .program(python())
        .variable("PYTHONPATH", package.path())
        .logs_anything()
        .run();
    assert_eq!(answer.text(), "hello");
    assert_eq!(
        answer.log,
        "after\nthis request was already answered: the script must run its handler only once\n"
    );
}

#[test]
fn without_a_request_it_says_what_to_do() {
    let package = package();
    let script = package.path().join("script.py");
    fs::write(&script, format!("{HEAD}    return []\nrun(app)\n")).expect("written");
    let done = std::process::Command::new(python())
        .arg(&script)
        .env_clear()
        .output()
        .expect("started");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        said.contains("no request: ") && said.contains("wsgi-cgi request"),
        "{said}"
    );
    assert!(!done.status.success() && done.stdout.is_empty());
}

/// An archive, a thread, and what was printed before: nothing of it lands in the answer or in its place.
#[test]
fn however_the_script_was_started() {
    let package = package();
    let rest = "    respond('200 OK', [])\n    return [b'hello']\n";
    for call in [
        "print('before')\nrun(app)\n",
        "import threading\none = threading.Thread(target=run, args=(app,))\none.start()\none.join()\n",
        "sys.stdout.close()\nrun(app)\n",
        "sys.stderr = None\nrun(app)\n",
    ] {
        let answer = Cgi::source(&format!("{HEAD}{rest}{call}"))
            .program(python())
            .variable("PYTHONPATH", package.path())
            .logs_anything()
            .run();
        assert!(
            answer.raw.starts_with(b"Status: 200 OK\r\n"),
            "{call}: {answer:?}"
        );
        assert_eq!(answer.text(), "hello", "{call}");
    }
    let archive = package.path().join("site.pyz");
    let folder = package.path().join("site");
    fs::create_dir(&folder).expect("made");
    fs::write(
        folder.join("__main__.py"),
        format!("{HEAD}{rest}run(app)\n"),
    )
    .expect("written");
    let zipped = std::process::Command::new(python())
        .args(["-m", "zipapp"])
        .arg(&folder)
        .arg("-o")
        .arg(&archive)
        .status();
    assert!(zipped.expect("started").success());
    let answer = Cgi::bare()
        .program(python())
        .argument(&archive)
        .variable("PYTHONPATH", package.path())
        .run();
    assert_eq!(answer.text(), "hello");
}
