//! What the launcher says in the log, and when it had better say nothing.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use super::{HELLO, Site, eventually};
use crate::harness::cgi::{Answer, Cgi};

#[test]
fn nothing_where_log_and_response_are_one_pipe() {
    let site = Site::new(HELLO);
    let respond = || {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let copy = writer.try_clone().expect("a copy");
        let mut command = Command::new(site.script());
        command
            .env_clear()
            .env("REQUEST_METHOD", "GET")
            .env("WSGI_CGI_CACHE_DIR", site.cache())
            .current_dir(site.folder.path())
            .stdin(Stdio::null())
            .stdout(OwnedFd::from(writer))
            .stderr(OwnedFd::from(copy));
        let status = command.status().expect("started");
        // It has the pipe too.
        drop(command);
        let mut response = Vec::new();
        reader.read_to_end(&mut response).expect("readable");
        assert!(status.success());
        Answer::parse(response).text().to_owned()
    };
    assert_eq!(respond(), "cold");
    eventually("an image", || !site.kept("image").is_empty());
    assert_eq!(respond(), "restored");
}

/// Why a request is cold is for the log that the script names, wherever it names it.
#[test]
fn why_a_request_is_cold_goes_to_the_scripts_log() {
    let block = "# /// script\n# [tool.wsgi-cgi]\n# log = \"own.log\"\n# ///\n";
    for (options, text) in [("--log own.log", HELLO), ("", &format!("{block}{HELLO}"))] {
        let site = Site::with_options(options, text);
        site.request().run();
        let log = std::fs::read_to_string(site.file("own.log")).expect("a log");
        assert!(log.starts_with('['), "{log}");
        let script = site.script();
        let reason = "GET /app/: answered without an image: there is no image yet\n";
        let reason = format!("] wsgi-cgi: {}: {reason}", script.display());
        assert!(log.contains(&reason), "{log}");
    }
}

/// A script with a log of its own has images as any other, and who makes one by hand hears why there is none.
#[test]
fn a_script_with_a_log_has_an_image() {
    let with_log = |text: &str| {
        let block = "# /// script\n# [tool.wsgi-cgi]\n# log = \"own.log\"\n# ///\n";
        Site::new(&format!("{block}{text}"))
    };
    let site = with_log(&HELLO.replace("start_response(", "print('said'); start_response("));
    site.make();
    assert_eq!(site.restored(), "restored");
    let log = std::fs::read_to_string(site.file("own.log")).expect("a log");
    assert!(log.contains("said") && !log.contains("cold"), "{log}");
    let refused = with_log("import os\nkept = os.pipe()\napplication = None\n");
    let made = refused.command(&["make", "app.cgi"]);
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(
        !made.status.success() && said.contains("no image: "),
        "{said}"
    );
}

/// What a request says in the log, with temporary files in a folder of the test.
fn said(site: &Site, request: Cgi) -> String {
    let answer = request.variable("TMPDIR", site.folder()).logs_anything();
    let answer = answer.run();
    assert_eq!(answer.text(), "cold", "{}", answer.log);
    answer.log
}

/// Where there is no folder for images, a lasting reason is logged once all the same.
#[test]
fn that_there_can_be_no_image_is_said_once() {
    let site = Site::new(HELLO);
    std::fs::write(site.file("file"), "").expect("written");
    let below_a_file = site.file("file").join("cache");
    let no_folder = || site.request().variable("WSGI_CGI_CACHE_DIR", &below_a_file);
    let published = || site.request().variable("DOCUMENT_ROOT", site.folder());
    let module = || {
        let request = site.request().program(super::programs().join("wsgi-cgi"));
        let request = request.variable("WSGI_CGI_APP", site.script());
        request.variable("WSGI_CGI_IMAGE", "on")
    };
    for (reason, request) in [
        (
            "answered without an image: cannot make an image: ",
            &no_folder as &dyn Fn() -> Cgi,
        ),
        (
            "answered without an image: an image needs a script",
            &module,
        ),
    ] {
        let first = said(&site, request());
        assert!(first.contains(reason), "{first}");
        assert_eq!(said(&site, request()), "", "{reason}");
    }
    // Nor is the note itself written to where a server may send it to anybody.
    for _ in 0..2 {
        let log = said(&site, published());
        assert!(log.contains("is below the document root"), "{log}");
    }
}

/// A Python that is killed, with the process that waits for it, before it has logged anything.
#[test]
fn a_reason_that_did_not_reach_the_log_is_said_by_the_next_request() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::ExitStatusExt;

    let site = Site::with_options("--python ./python", HELLO);
    let python = "#!/bin/sh\nif [ -e killed ]; then rm killed; kill -9 $PPID $$; fi\n\
                  exec /usr/bin/python3 \"$@\"\n";
    std::fs::write(site.file("python"), python).expect("written");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(site.file("python"), executable).expect("executable");
    std::fs::write(site.file("file"), "").expect("written");
    let request = || {
        let request = site.request().variable("TMPDIR", site.folder());
        let request = request.variable("WSGI_CGI_CACHE_DIR", site.file("file").join("cache"));
        request.logs_anything()
    };
    std::fs::write(site.file("killed"), "").expect("written");
    let killed = Command::new(site.script())
        .env_clear()
        .env("REQUEST_METHOD", "GET")
        .env("SCRIPT_FILENAME", site.script())
        .env("TMPDIR", site.folder())
        .env("WSGI_CGI_CACHE_DIR", site.file("file").join("cache"))
        .current_dir(site.folder())
        .output()
        .expect("started");
    assert_eq!(killed.status.signal(), Some(9));
    assert_eq!((killed.stdout, killed.stderr), (vec![], vec![]));
    let next = request().run();
    assert!(
        next.log.contains("answered without an image: "),
        "{}",
        next.log
    );
    let last = request().run();
    assert_eq!((last.text(), &*last.log), ("cold", ""));
}
