//! `--env-file`: variables of the application's from a file.

use crate::harness::by_hand::ByHand;
use crate::harness::serving::Serve;

const SHOWS: &str = r#"
import os
at_loading = os.environ.get("NEW")
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = "NEW", "SET", "LONG", "REQUEST_METHOD"
    text = " ".join("%s=%s" % (name, os.environ.get(name)) for name in names)
    return [("%s %s\n" % (at_loading, text)).encode()]
"#;

const FILE: &str = "# for development\nexport NEW=new # a word\nSET=file\n\
                    LONG=\"${SET} ${NEW}\"\nREQUEST_METHOD=PUT\n";

fn request() -> ByHand {
    ByHand::request(SHOWS)
        .file(".env", FILE)
        .variable("SET", "before")
}

#[test]
fn variables_are_set_unless_they_are_set_already() {
    assert_eq!(
        request().with(&["--env-file", ".env"]).prints(),
        "new NEW=new SET=before LONG=before new REQUEST_METHOD=GET\n"
    );
}

#[test]
fn nobody_has_them_who_did_not_ask() {
    assert_eq!(
        request().prints(),
        "None NEW=None SET=before LONG=None REQUEST_METHOD=GET\n"
    );
}

/// Where a server's environment takes the place of the shell's, the file's variables are there all the same.
#[test]
fn as_another_server_too() {
    for server in ["apache", "minimal"] {
        assert_eq!(
            request()
                .with(&["--env-file", ".env", "--as", server])
                .prints(),
            "new NEW=new SET=file LONG=before new REQUEST_METHOD=GET\n",
            "{server}"
        );
    }
}

/// Of several files the first counts; an option of this program's may be in one too.
#[test]
fn files_are_read_in_order() {
    let printed = request()
        .file("first", "NEW=first\nWSGI_CGI_SCRIPT_NAME=/app\n")
        .with(&[
            "--env-file",
            "first",
            "--env-file",
            ".env",
            "--env",
            "/app/",
        ])
        .prints();
    assert!(printed.contains("\nNEW='first'\n"), "{printed}");
    assert!(printed.contains("\nSCRIPT_NAME='/app'\n"), "{printed}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let with = |file: &str| request().with(&["--env-file", file]).exits(2);
    with("nothing")
        .logs("--env-file: `nothing` cannot be read: ")
        .run();
    let wrong = with("wrong").file("wrong", "A=1\nB=the secret\n");
    let log = wrong
        .logs("--env-file: `wrong`, line 2: NAME=VALUE is expected")
        .run();
    assert!(!log.stderr.contains("secret"), "{}", log.stderr);
}

#[test]
fn serve_has_them_too_and_an_edit_shows_at_the_next_request() {
    for with in [&[][..], &["--preload"]] {
        let serving = Serve::source(SHOWS)
            .file(".env", FILE)
            .with(&["--env-file", ".env"])
            .with(with)
            .start();
        assert_eq!(
            serving.get("/"),
            "new NEW=new SET=file LONG=file new REQUEST_METHOD=GET\n"
        );
        std::fs::write(serving.folder().join(".env"), "NEW=newer\n").expect("written");
        assert_eq!(
            serving.get("/"),
            "newer NEW=newer SET=None LONG=None REQUEST_METHOD=GET\n"
        );
        serving.end();
    }
}
