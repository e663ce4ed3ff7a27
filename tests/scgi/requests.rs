//! What an application is told, and what of it is answered by the listener.

use std::io::{Read, Write};

use super::{
    ECHO, WAYS, connect, get, head, private, raw, raw_to_the_end, request, serve, serve_it,
    wait_for_image,
};
use crate::harness::server::eventually;

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
    assert_eq!(log.matches("answered without an image").count(), 1, "{log}");
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

/// A URL that looks like the name of an nph- script has no effect: the head is still that of CGI.
#[test]
fn a_url_does_not_make_an_nph_script() {
    for way in WAYS {
        let serving = serve(ECHO, way);
        let bytes = head(&[
            ("CONTENT_LENGTH", "0"),
            ("SCGI", "1"),
            ("REQUEST_METHOD", "GET"),
            ("SCRIPT_NAME", "/nph-shop"),
            ("PATH_INFO", "/a"),
        ]);
        for _ in 0..2 {
            let answer = raw(&serving, &bytes);
            assert!(answer.starts_with("Status: 200 OK\r\n"), "{answer}");
            wait_for_image(&serving, way);
        }
    }
}

/// As over HTTP, the URLs of static files begin at the root, wherever the application is mounted.
#[test]
fn files_are_beside_the_mount() {
    for way in [&[][..], &["--preload"]] {
        let with = ["--script-name", "/shop", "--static", "/files=."];
        let serving = serve(ECHO, &[way, &with].concat());
        assert!(get(&serving, "/files/app.py").contains("def application"));
        assert_eq!(get(&serving, "/shop/a"), "GET [/shop] [/a] - 0\n");
        let answer = raw(&serving, &request("GET", "/other", b""));
        assert!(answer.starts_with("Status: 404 "), "{answer}");
    }
}

/// The listener raises its own limit of open files; processes that it starts get the original limit.
#[test]
fn idle_connections_do_not_block_other_clients() {
    const SHOWS: &str = "
import resource
def application(environ, start_response):
    start_response('200 OK', [])
    return [str(resource.getrlimit(resource.RLIMIT_NOFILE)[0]).encode()]
";
    let (before, _) = limits();
    for way in WAYS {
        let serving = serve(SHOWS, way);
        let bytes = request("POST", "/", b"content");
        let slow: Vec<_> = (0..300)
            .map(|_| {
                let mut stream = connect(&serving);
                stream.write_all(&bytes[..bytes.len() - 1]).expect("sent");
                stream
            })
            .collect();
        for _ in 0..2 {
            assert_eq!(get(&serving, "/"), before.to_string(), "{way:?}");
            wait_for_image(&serving, way);
        }
        for mut stream in slow {
            stream.set_nonblocking(true).expect("set");
            let told = stream.read(&mut [0; 1]).expect_err("nobody said anything");
            assert_eq!(told.kind(), std::io::ErrorKind::WouldBlock, "{way:?}");
        }
        serving.signal(rustix::process::Signal::TERM);
        serving.signal(rustix::process::Signal::TERM);
    }
}

/// The soft and the hard limit of open files of a process started from here.
fn limits() -> (u64, u64) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let (current, maximum) = (limit.current, limit.maximum);
    (current.expect("a limit"), maximum.unwrap_or(u64::MAX))
}

/// Without a free descriptor, open connections stay, and new ones are accepted when a descriptor is free.
#[test]
fn a_listener_without_free_descriptors_lets_clients_wait() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let serving = serve(ECHO, &[]);
    get(&serving, "/");
    let pid = Pid::from_raw(serving.id().cast_signed()).expect("a PID");
    let is_open = |number: &u64| {
        let path = format!("/proc/{}/fd/{number}", serving.id());
        std::fs::symlink_metadata(path).is_ok()
    };
    let free = (0..1024).find(|number| !is_open(number)).expect("a number");
    let set = |current| {
        let limit = Rlimit {
            current: Some(current),
            maximum: Some(limits().1),
        };
        prlimit(Some(pid), Resource::Nofile, limit).expect("a limit")
    };
    let before = set(free + 5);
    let bytes = request("GET", "/", b"");
    let mut streams: Vec<_> = (0..20).map(|_| connect(&serving)).collect();
    for stream in &mut streams {
        stream.write_all(&bytes[..10]).expect("sent");
    }
    let is_told = || {
        serving
            .log()
            .contains(" cannot be accepted: Too many open files")
    };
    assert!(eventually(super::PATIENCE, is_told), "{}", serving.log());
    set(before.current.expect("a limit"));
    for mut stream in streams {
        stream.write_all(&bytes[10..]).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("a proper end");
        assert!(answer.ends_with("GET [] [/] - 0\n"), "{answer}");
    }
    serving.end_logging();
}

/// Whoever may connect is not to choose what code is run.
#[test]
fn no_variable_of_a_request_chooses_code() {
    const SHOWS: &str = "
import os, sys
def application(environ, start_response):
    start_response('200 OK', [])
    names = ['LD_PRELOAD', 'SSL_CERT_FILE', 'PYTHONPATH', 'WSGI_CGI_DEBUG', 'PATH', 'HOME', 'TRAC_ENV', 'SECRET']
    text = ''.join('%s=%s %s\\n' % (n, environ.get(n), os.environ.get(n)) for n in names)
    return [(text + sys.executable).encode()]
";
    for way in WAYS {
        let with = [way, &["--variable", "TRAC_ENV"]].concat();
        let serving = serve_it(SHOWS, &with)
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
            ("SSL_CERT_FILE", &evil),
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
