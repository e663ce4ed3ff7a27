//! Each file in `examples/` does what it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::cgi::{Answer, Cgi};
use crate::harness::{folder, program};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
}

#[track_caller]
fn plain(answer: &Answer, text: &str) {
    assert_eq!(answer.status, "200 OK");
    assert_eq!(answer.text(), text);
}

#[test]
fn hello() {
    let answer = Cgi::file(&example("hello.py")).run();
    plain(&answer, "Hello, world!\n");
    assert_eq!(answer.header("Content-Type"), ["text/plain; charset=utf-8"]);
    assert_eq!(answer.header("Content-Length"), ["14"]);
}

#[test]
fn class() {
    plain(&Cgi::file(&example("class.py")).run(), "Hello, world!\n");
    plain(
        &Cgi::file(&example("class.py")).path("/Zoë").run(),
        "Hello, Zoë!\n",
    );
}

#[test]
fn generator() {
    plain(
        &Cgi::file(&example("generator.py")).run(),
        "line 1\nline 2\nline 3\n",
    );
    let asked = |query| {
        Cgi::file(&example("generator.py"))
            .variable("QUERY_STRING", query)
            .run()
    };
    plain(&asked("count=1"), "line 1\n");
    assert_eq!(asked("count=many").status, "400 Bad Request");
}

#[test]
fn middleware() {
    plain(
        &Cgi::file(&example("middleware.py")).run(),
        "HELLO, WORLD!\n",
    );
}

#[test]
fn write() {
    let text = "written first\nwritten second\nreturned last\n";
    plain(&Cgi::file(&example("write.py")).run(), text);
}

#[test]
fn exc_info() {
    let divided = |query| Cgi::file(&example("exc_info.py")).variable("QUERY_STRING", query);
    plain(&divided("10/4").run(), "2.5\n");
    let answer = divided("10/0").logs("ZeroDivisionError: ").run();
    assert_eq!(answer.status, "500 Internal Server Error");
    assert_eq!(answer.text(), "Give two numbers to divide, such as ?10/4\n");
}

#[test]
fn file_wrapper() {
    let file = example("file_wrapper.py");
    let answer = Cgi::file(&file).run();
    plain(&answer, &fs::read_to_string(&file).expect("the example"));
    assert_eq!(
        answer.header("Content-Length"),
        [answer.body.len().to_string()]
    );
}

#[test]
fn cgihandler() {
    plain(
        &Cgi::file(&example("cgihandler.py")).run(),
        "Hello from CGIHandler().run\n",
    );
}

mod upload {
    use super::*;

    fn send(body: impl Into<Vec<u8>>) -> Cgi {
        Cgi::file(&example("upload.py")).post(body).variable(
            "CONTENT_TYPE",
            "multipart/form-data; boundary=\"--frontier\"",
        )
    }

    /// A form with these files.
    fn form(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, content) in files {
            let head = format!(
                "----frontier\r\nContent-Disposition: form-data; name=\"file\"; \
                 filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"----frontier--\r\n");
        body
    }

    /// The list items of the answer.
    #[track_caller]
    fn items(answer: &Answer) -> Vec<String> {
        assert_eq!(answer.status, "200 OK");
        let items = answer
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix("<li>"));
        items.map(str::to_owned).collect()
    }

    /// What the application should say of a file, by the word of another program.
    fn item(name: &str, content: &[u8]) -> String {
        let folder = folder();
        let file = folder.path().join("content");
        fs::write(&file, content).expect("a file");
        let sum = Command::new("sha256sum")
            .arg(&file)
            .output()
            .expect("sha256sum");
        let sum = String::from_utf8(sum.stdout).expect("a checksum");
        let sum = sum.split(' ').next().expect("a checksum");
        format!("{name}: {} bytes, SHA-256 {sum}", content.len())
    }

    #[test]
    fn shows_a_form() {
        let answer = Cgi::file(&example("upload.py")).run();
        assert_eq!(answer.status, "200 OK");
        assert!(answer.text().contains("enctype=\"multipart/form-data\""));
    }

    #[test]
    fn reads_files_whatever_is_in_them() {
        let long = [b"x".repeat(200_000), b"\r\n".repeat(70_000)].concat();
        let across = [b"x".repeat(65_535), b"\r\n--".to_vec()].concat();
        let files: [(&str, &[u8]); 8] = [
            ("empty", b""),
            ("text", b"one\r\ntwo\nthree"),
            ("ends", b"in a line end\r\n\r\n"),
            ("returns", b"\r\r\n\r"),
            (
                "almost",
                b"\r\n----frontie\r\n\n----frontier\r\nx----frontier\r\n",
            ),
            ("long", &long),
            ("across", &across),
            ("Zoë &amp; &lt;b&gt;", b"\0\xff"),
        ];
        let sent = files.map(|(name, content)| match content {
            b"\0\xff" => ("Zoë & <b>", content),
            _ => (name, content),
        });
        let expected = files.map(|(name, content)| item(name, content));
        assert_eq!(items(&send(form(&sent)).run()), expected);
    }

    #[test]
    fn refuses_what_is_no_such_form() {
        let mut cut = form(&[("name", b"content")]);
        cut.truncate(cut.len() - 20);
        for body in [cut, b"name=value".to_vec(), Vec::new()] {
            assert_eq!(send(body).run().status, "400 Bad Request");
        }
        let answer = send("a=b").variable("CONTENT_TYPE", "application/x-www-form-urlencoded");
        assert_eq!(answer.run().status, "400 Bad Request");
    }
}

/// Every example says by itself what runs it: the line that a user copies.
#[test]
fn each_script_runs_through_its_first_line() {
    let folder = folder();
    for entry in fs::read_dir(example("")).expect("the examples") {
        let file = entry.expect("an entry").path();
        if file.is_dir() || file.ends_with("site.ini") || file.ends_with("paste_app.py") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("an example");
        assert!(
            text.starts_with("#!/usr/local/bin/wsgi-cgi\n\"\"\""),
            "{}",
            file.display()
        );
    }
    let script = installed("hello.py", &folder);
    plain(
        &Cgi::bare()
            .program(&script)
            .variable("SCRIPT_FILENAME", script)
            .run(),
        "Hello, world!\n",
    );
}

/// Copies an example as a user would, naming this build of the program in its first line. Another
/// process does so: a script that this one wrote might still be open in a test that is just
/// starting a program, and cannot be executed as long.
fn installed(name: &str, folder: &TempDir) -> PathBuf {
    let script = folder.path().join(name);
    let ran = Command::new("sh")
        .args([
            "-c",
            "sed \"1s,/usr/local/bin/wsgi-cgi,$1,\" \"$2\" >\"$3\" && chmod 755 \"$3\"",
        ])
        .args(["sh".as_ref(), program(), &example(name), &script])
        .status();
    assert!(ran.expect("sh").success());
    script
}

/// Those that need packages, which are found as they say: in a folder `venv` beside them.
mod with_packages {
    use super::*;
    use crate::harness::packages;

    /// The examples with a virtual environment beside them.
    fn site() -> Option<TempDir> {
        let venv = packages::venv()?;
        let folder = folder();
        std::os::unix::fs::symlink(venv, folder.path().join("venv")).expect("a link");
        Some(folder)
    }

    fn run(folder: &TempDir, name: &str) -> Cgi {
        let script = installed(name, folder);
        Cgi::bare()
            .program(&script)
            .variable("SCRIPT_FILENAME", script)
    }

    #[test]
    fn flask() {
        let Some(site) = site() else { return };
        let answer = run(&site, "flask_app.py").run();
        assert!(
            answer.text().contains("action=\"/app/greet\""),
            "{}",
            answer.text()
        );
        let form = "application/x-www-form-urlencoded";
        let greeted = run(&site, "flask_app.py")
            .path("/greet")
            .variable("CONTENT_TYPE", form);
        let greeted = greeted.post("name=Ada+%26+Zo%C3%AB").run();
        assert!(
            greeted.text().ends_with("<p>Hello, Ada &amp; Zoë!\n"),
            "{}",
            greeted.text()
        );
    }

    #[test]
    fn django() {
        let Some(site) = site() else { return };
        plain(&run(&site, "django_app.py").run(), "Ask /app/hello/Ada\n");
        plain(
            &run(&site, "django_app.py").path("/hello/Zoë").run(),
            "Hello, Zoë!\n",
        );
    }

    #[test]
    fn trac() {
        let Some(site) = site() else { return };
        let environment = site.path().join("trac");
        let made = Command::new(site.path().join("venv/bin/trac-admin"))
            .arg(&environment)
            .args(["initenv", "Example", "sqlite:db/trac.db"])
            .output()
            .expect("trac-admin");
        assert!(made.status.success(), "{made:?}");
        let answer = run(&site, "trac_site.py")
            .variable("TRAC_ENV", environment)
            .path("/wiki");
        let answer = answer.run();
        assert_eq!(answer.status, "200 Ok");
        assert!(
            answer.text().contains("Welcome to Trac"),
            "{}",
            answer.text()
        );
    }

    #[test]
    fn paste_deploy() {
        let Some(site) = site() else { return };
        for name in ["site.ini", "paste_app.py"] {
            fs::copy(example(name), site.path().join(name)).expect("a copy");
        }
        let named = |part| {
            let name = format!("config:{}{part}", site.path().join("site.ini").display());
            Cgi::bare().variable("WSGI_CGI_APP", name)
        };
        plain(&named("").run(), "Hello from PasteDeploy!\n");
        plain(&named("#plain").run(), "Hello from PasteDeploy!\n");
        let packed = named("").variable("HTTP_ACCEPT_ENCODING", "gzip").run();
        assert_eq!(packed.header("Content-Encoding"), ["gzip"]);
        assert!(packed.body.starts_with(b"\x1f\x8b"));
    }
}
