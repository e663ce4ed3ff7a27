//! `wsgi-cgi serve`: the mini HTTP mode, over real connections.

mod browser;
mod connections;
mod ending;
mod environ;
mod exchanges;
mod failures;
mod files;
mod logs;
mod places;
mod preload;
mod refusals;
mod slow;
mod unnamed;

/// Shows what it was asked.
const ECHO: &str = r#"
def application(environ, start_response):
    content = environ["wsgi.input"].read()
    text = "%s %s %s %s %d\n" % (
        environ["REQUEST_METHOD"], environ["SCRIPT_NAME"], environ["PATH_INFO"],
        environ.get("CONTENT_LENGTH", "-"), len(content))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text.encode("latin-1")]
"#;

/// Says that it runs, and waits until a file named `go` is there.
const WAITS: &str = r#"
import os, sys, time
def application(environ, start_response):
    print("running", environ["PATH_INFO"], flush=True)
    if environ["PATH_INFO"] != "/quick":
        while not os.path.exists("go"):
            time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done\n"]
"#;
