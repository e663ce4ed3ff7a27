//! `wsgi-cgi request`: one request from the command line.

mod as_curl;
mod asked;
mod beside;
mod closer;
mod copied;
mod env_file;
mod frameworks;
mod profile;
mod redirects;
mod shown;
mod surroundings;

/// Shows what it was asked, a line each.
const ECHO: &str = r#"
def application(environ, start_response):
    content = environ["wsgi.input"].read()
    names = sorted(n for n in environ if n.startswith("HTTP_"))
    names = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"] + names
    lines = ["%s=%s" % (name, environ[name]) for name in names]
    lines += ["CONTENT_TYPE=" + environ.get("CONTENT_TYPE", "-")]
    lines += ["CONTENT_LENGTH=" + environ.get("CONTENT_LENGTH", "-")]
    lines += ["content=" + content.decode("latin-1")]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["".join(line + "\n" for line in lines).encode("latin-1")]
"#;

/// Answers with the status that the path names.
const STATUS: &str = r#"
def application(environ, start_response):
    start_response(environ["PATH_INFO"][1:], [("X-A", "1")])
    return [b"content\n"]
"#;

/// Fails.
const FAILS: &str = r#"
def application(environ, start_response):
    secret = 41 + 1
    raise LookupError("not today")
"#;
