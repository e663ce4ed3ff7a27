//! `--env-file`: environment variables for the application from a file.

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
fn a_file_is_not_read_without_the_option() {
    assert_eq!(
        request().prints(),
        "None NEW=None SET=before LONG=None REQUEST_METHOD=GET\n"
    );
}

/// With `--as SERVER` the environment is that server's, with the file's variables added.
#[test]
fn variables_are_set_with_the_environment_of_a_server() {
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

/// If several files set a variable, the first one counts. Files may also set options of this program.
#[test]
fn the_first_file_that_sets_a_variable_counts() {
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
fn a_file_that_cannot_be_read_is_an_error() {
    let with = |file: &str| request().with(&["--env-file", file]).exits(2);
    with("nothing")
        .logs("--env-file: cannot read `nothing`: ")
        .run();
    let wrong = with("wrong").file("wrong", "A=1\nB=the secret\n");
    let log = wrong
        .logs("--env-file: `wrong`, line 2: expected NAME=VALUE")
        .run();
    assert!(!log.stderr.contains("secret"), "{}", log.stderr);
}

#[test]
fn serve_reads_the_file_again_after_a_change() {
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
