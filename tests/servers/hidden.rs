//! A script that a rewrite hides: what the application links to begins with what the URL has in the
//! script's place, and leads back to it.

use super::{Kind, Server, Site, run};
use crate::harness::http_client::Request;

/// Answers with a link to its page `/next`, and what it was asked for.
const LINKING: &str = "
def application(environ, start_response):
    start_response('200 OK', [('X-Link', environ['SCRIPT_NAME'] + '/next')])
    return [environ['PATH_INFO'].encode()]
";

const BLOCK: &str = "# /// script\n# [tool.wsgi-cgi]\n# script-name = \"auto\"\n# ///\n";

#[test]
fn no_link_shows_an_index_that_a_rewrite_hides() {
    run(Kind::ApacheAction, |kind| {
        let rewrite = &crate::readme::block("apache", 2).replace("cgi", "wsgi");
        let auto = format!("{BLOCK}{LINKING}");
        let site = Site::new()
            .file("plain/index.wsgi", LINKING)
            .file("plain/.htaccess", rewrite)
            .file("auto/index.wsgi", &auto)
            .file("auto/.htaccess", rewrite)
            .file("back/index.wsgi", &auto)
            .file("back/.htaccess", "FallbackResource /back/index.wsgi\n");
        let server = Server::start(kind, &site);
        for (url, path) in [
            ("/plain/a/b?x=1", "/a/b"),
            ("/plain/a%20b", "/a b"),
            ("/auto/a/b", "/a/b"),
            ("/auto/", "/"),
            ("/auto/index.wsgi/a", "/a"),
            ("/auto/index.wsgi", "/"),
            ("/back/a/b", "/a/b"),
            ("/back/index.wsgi/a", "/a"),
        ] {
            let response = Request::get(url).send(server.address);
            assert_eq!(response.status, 200, "{url}: {}", server.log());
            let link = response.header("X-Link")[0].to_owned();
            assert_eq!(response.text(), path, "{url}");
            let folder = url.split('/').nth(1).expect("a folder");
            assert_eq!(link, format!("/{folder}/next"), "{url}");
            let next = Request::get(&link).send(server.address);
            assert_eq!(
                (next.status, next.text().as_str()),
                (200, "/next"),
                "{link}"
            );
        }
    });
}
