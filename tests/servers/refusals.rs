//! What one kind of server makes possible and the program refuses.

use super::{Kind, Server, Site, run, serve};
use crate::harness::http_client::Request;
use crate::harness::serving::Serve;

/// By its own URL the program would run any file below the document root: only mod_actions, which
/// leaves the handler's name, may name the script.
#[test]
fn the_actions_program_is_not_for_clients() {
    run(Kind::ApacheAction, |kind| {
        let (server, url) = serve(kind, "hello");
        assert_eq!(Request::get(&url).send(server.address).status, 200);
        for path in ["/etc/passwd", "/hello.wsgi", ""] {
            let target = format!("/wsgi-cgi{path}");
            let response = Request::get(&target).send(server.address);
            assert_eq!(response.status, 500, "{target}");
            let page = response.text();
            assert!(!page.contains("hello") && !page.contains("root:"), "{page}");
        }
        server.wait_for_log("REDIRECT_HANDLER is not set");
    });
}

/// What rewrites and error pages lead to the program is not run: each of them sets REDIRECT_STATUS.
#[test]
fn no_rewrite_leads_a_client_to_the_actions_program() {
    run(Kind::ApacheAction, |kind| {
        let site = Site::new()
            .app("server/hello.py")
            .file("sub/x.txt", EVIL)
            .file("sub/photo.jpg", EVIL)
            .file(
                "sub/.htaccess",
                "RewriteEngine On\nRewriteRule ^r/(.*)$ /wsgi-cgi/sub/$1 [L]\n\
                 RewriteRule ^h/(.*)$ /wsgi-cgi/sub/$1 [L,H=wsgi-script]\n\
                 ErrorDocument 404 /wsgi-cgi/sub/x.txt\n",
            )
            .file("other/.htaccess", "FallbackResource /wsgi-cgi/sub/x.txt\n");
        let server = Server::start(kind, &site);
        for target in [
            "/sub/r/x.txt",
            "/sub/r/photo.jpg",
            "/sub/h/x.txt",
            "/sub/none",
            "/other/none",
            "/other/",
        ] {
            let response = Request::get(target).send(server.address);
            let text = response.text();
            assert!(!text.contains("run as Python"), "{target}: {text}");
        }
        let log = server.log();
        assert!(
            log.matches("REDIRECT_HANDLER is not set").count() >= 5,
            "{log}"
        );
    });
}

const EVIL: &str = "
def application(environ, start_response):
    start_response('200 OK', [])
    return [b'run ', b'as Python']
";

/// README's recipes make a script of what ends in the name, and of nothing else: not of an upload. Nor
/// is the source shown of what somebody left beside a script.
fn no_upload_is_run(kind: Kind, ending: &str) {
    let uploads = [
        format!("photo.{ending}.jpg"),
        format!("photo.jpg.{ending}.bak"),
        format!("photo.{ending}~"),
        format!(".photo.{ending}.swp"),
        format!("photo.{ending}_old"),
        format!(".{ending}"),
        "photo.jpg".to_owned(),
        format!("{ending}.txt"),
    ];
    let below = if kind == Kind::BusyboxInterpreter {
        "cgi-bin/"
    } else {
        ""
    };
    let mut site = Site::new().app("server/hello.py");
    for folder in ["", below] {
        for name in &uploads {
            site = site.file(&format!("{folder}{name}"), EVIL);
        }
    }
    let server = Server::start(kind, &site);
    let hello = server.url("hello");
    assert_eq!(Request::get(&hello).send(server.address).status, 200);
    for folder in ["", below] {
        for name in &uploads {
            for rest in ["", "/", &format!("/x.{ending}"), &format!("?x.{ending}")] {
                let target = format!("/{folder}{name}{rest}");
                let content = Request::get(&target)
                    .send(server.address)
                    .bytes_before_reset();
                let text = String::from_utf8_lossy(&content);
                // For these two it is a script like others.
                let is_script = *name == format!(".{ending}") && kind != Kind::ApacheAction;
                assert!(
                    is_script || !text.contains("run as Python"),
                    "{target}: {text}"
                );
                // busybox has scripts in their folder alone, and shows nothing of that.
                let is_beside = kind != Kind::BusyboxInterpreter || !folder.is_empty();
                if is_beside && name.contains(&format!(".{ending}")) {
                    assert!(!text.contains("def application"), "{target}: {text}");
                }
            }
        }
    }
    // What follows a script in a URL is no file.
    let target = format!("{hello}/a.{ending}~/b.{ending}.bak");
    assert_eq!(Request::get(&target).send(server.address).status, 200);
}

#[test]
fn apache_runs_no_upload() {
    run(Kind::ApacheAction, |kind| no_upload_is_run(kind, "wsgi"));
}

#[test]
fn lighttpd_runs_no_upload() {
    run(Kind::LighttpdInterpreter, |kind| {
        no_upload_is_run(kind, "py");
    });
}

#[test]
fn busybox_runs_no_upload() {
    run(Kind::BusyboxInterpreter, |kind| {
        no_upload_is_run(kind, "py");
    });
}

/// nginx with none of its settings changed: the peer and the Host are this machine's.
#[test]
fn nginx_passes_on_no_debug_page_of_serve() {
    run(Kind::Nginx, |kind| {
        let serving = Serve::source("raise LookupError('not today')\n").start();
        let shown = Request::get("/").by_a_person().send(serving.address());
        assert!(shown.text().contains("not today"));
        let site = Site::new().passing_on_to(serving.address());
        let server = Server::start(kind, &site);
        for header in [
            ("Accept", "*/*"),
            ("Host", "localhost"),
            ("X-Real-IP", "127.0.0.1"),
        ] {
            let request =
                Request::new_without_host("GET", "/passed-on/").header(header.0, header.1);
            let request = match header.0 {
                "Host" => request,
                _ => request.header("Host", "intranet.example"),
            };
            let response = request.send(server.address);
            assert_eq!(response.status, 500);
            let text = response.text();
            assert!(!text.contains("today"), "{header:?}: {text}");
        }
        serving.end_logging();
    });
}

/// mini_httpd makes one pipe of standard output and standard error: what is logged there is sent
/// to the client, so without a log of its own the program logs nothing.
#[test]
fn an_error_log_that_is_the_response_is_not_written() {
    run(Kind::MiniHttpd, |kind| {
        let site = Site::new().app("server/failing.py").without_log();
        let server = Server::start(kind, &site);
        let response = Request::get(&server.url("failing")).send(server.address);
        assert_eq!(response.status, 500);
        let page = response.text();
        assert!(page.ends_with("</html>\n"), "not whole: {page}");
        for inside in ["Traceback", "LookupError", "secret", ".py"] {
            assert!(!page.contains(inside), "{inside} in {page}");
        }
    });
}
