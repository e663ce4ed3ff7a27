//! What an application is told, and what of it is answered by the listener.

use super::{
    ECHO, WAYS, get, head, private, raw, raw_to_the_end, request, serve, serve_it, wait_for_image,
};

#[test]
fn each_way_answers_the_same() {
    for way in WAYS {
        let serving = serve(ECHO, way);
        for _ in 0..3 {
            assert_eq!(get(&serving, "/a/b?c"), "GET [] [/a/b] - 0\n", "{way:?}");
        }
        let large = vec![b'x'; 3_000_000];
        for content in [&b""[..], b"x", &large] {
            let answer = raw(&serving, &request("POST", "/p", content));
            let expected = format!("POST [] [/p] {0} {0}\n", content.len());
            assert!(answer.ends_with(&expected), "{way:?}: {answer}");
        }
        let answer = raw(&serving, &request("HEAD", "/h", b""));
        assert!(answer.ends_with("\r\n\r\n"), "{way:?}: {answer}");
        // A web server may have said all that it has to say.
        let answer = raw_to_the_end(&serving, &request("GET", "/", b""));
        assert!(answer.ends_with("GET [] [/] - 0\n"), "{way:?}: {answer}");
    }
}

#[test]
fn images_answer_once_there_is_one() {
    let serving = serve(ECHO, &["--image"]);
    get(&serving, "/");
    wait_for_image(&serving, &["--image"]);
    // A query that names the script is no word of the command line's.
    for path in ["/", "/?app.py", "/?--debug", "/?x+app.py"] {
        get(&serving, path);
    }
    let (_, log) = serving.end_logging();
    assert_eq!(log.matches("a cold request").count(), 1, "{log}");
}

#[test]
fn the_mount_is_where_it_was_said() {
    for way in WAYS {
        let with = [way, &["--script-name", "/shop"]].concat();
        let serving = serve(ECHO, &with);
        assert_eq!(
            get(&serving, "/shop/a"),
            "GET [/shop] [/a] - 0\n",
            "{way:?}"
        );
        assert_eq!(get(&serving, "/shop"), "GET [/shop] [] - 0\n", "{way:?}");
        let split = head(&[
            ("CONTENT_LENGTH", "0"),
            ("SCGI", "1"),
            ("REQUEST_METHOD", "GET"),
            ("SCRIPT_NAME", "/shop"),
            ("PATH_INFO", "/a"),
        ]);
        let answer = raw(&serving, &split);
        assert!(answer.ends_with("GET [/shop] [/a] - 0\n"), "{answer}");
        for path in ["/shopping", "/", "/a/shop"] {
            let answer = raw(&serving, &request("GET", path, b""));
            assert!(
                answer.starts_with("Status: 404 Not Found\r\n"),
                "{path}: {answer}"
            );
        }
    }
}

#[test]
fn the_health_path_is_the_listeners() {
    for way in WAYS {
        let with = [way, &["--health", "/health", "--script-name", "/shop"]].concat();
        let serving = serve(ECHO, &with);
        assert_eq!(get(&serving, "/health"), "ready\n", "{way:?}");
        assert_eq!(get(&serving, "/shop/health"), "GET [/shop] [/health] - 0\n");
        let (out, _) = serving.end_logging();
        assert!(!out.contains(" /health "), "{out}");
    }
}

/// The client's address is the one that the web server names.
#[test]
fn the_access_log_names_the_client() {
    let serving = serve(ECHO, &["--log-format", "combined"]);
    get(&serving, "/x?y");
    let (out, _) = serving.end_logging();
    assert!(out.contains("192.0.2.7 - - ["), "{out}");
    assert!(out.contains("\"GET /x?y HTTP/1.1\" 200 "), "{out}");
}

/// Whoever may connect is not to choose what code is run.
#[test]
fn no_variable_of_a_request_chooses_code() {
    const SHOWS: &str = "
import os, sys
def application(environ, start_response):
    start_response('200 OK', [])
    names = ['LD_PRELOAD', 'PYTHONPATH', 'WSGI_CGI_DEBUG', 'PATH', 'HOME', 'TRAC_ENV', 'SECRET']
    text = ''.join('%s=%s %s\\n' % (n, environ.get(n), os.environ.get(n)) for n in names)
    return [(text + sys.executable).encode()]
";
    for way in WAYS {
        let serving = serve_it(SHOWS, way)
            .variable("PATH", "/usr/bin:/bin")
            .variable("SECRET", "the operator's")
            .start();
        private(&serving.folder().join("images"));
        let evil = serving.folder().display().to_string();
        let bytes = head(&[
            ("CONTENT_LENGTH", "0"),
            ("SCGI", "1"),
            ("REQUEST_METHOD", "GET"),
            ("LD_PRELOAD", &evil),
            ("PYTHONPATH", &evil),
            ("WSGI_CGI_DEBUG", "1"),
            ("WSGI_CGI_PYTHON", &evil),
            ("PATH", &evil),
            ("HOME", &evil),
            ("TRAC_ENV", "/srv/trac"),
            ("SECRET", &evil),
        ]);
        for _ in 0..2 {
            let answer = raw(&serving, &bytes);
            assert!(
                answer.starts_with("Status: 200 OK\r\n"),
                "{way:?}: {answer}"
            );
            assert!(!answer.contains(&evil), "{way:?}: {answer}");
            assert!(
                answer.contains("WSGI_CGI_DEBUG=None None"),
                "{way:?}: {answer}"
            );
            assert!(
                answer.contains("TRAC_ENV=/srv/trac /srv/trac"),
                "{way:?}: {answer}"
            );
        }
        let (_, log) = serving.end_logging();
        assert_eq!(log.matches("the variable LD_PRELOAD").count(), 1, "{log}");
    }
}
