//! What the launcher says in the log, and when it had better say nothing.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use super::{HELLO, Site, eventually};
use crate::harness::cgi::Answer;

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
        let reason = "GET /app/: a cold request: there is no image yet\n";
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
