//! What one kind of server makes possible and the program refuses.

use super::{Kind, Server, Site, run, serve};
use crate::harness::http_client::Request;

/// By its own URL the program would run any file below the document root: only Apache's own
/// redirect, which sets REDIRECT_STATUS, may name the script.
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
        server.wait_for_log("REDIRECT_STATUS is not set");
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
