//! What `install` wrote, behind each real server: the script answers at the URL that was printed, with what
//! follows it in the URL and the header that Apache holds back; nothing else of its folder is run or shown.

use std::fs;
use std::path::Path;

use super::Machine;
use crate::harness::http_client::Request;
use crate::harness::server::{Kind, Server, Site, available};
use crate::harness::skip;

/// Whether that server is here; says so where it is not.
fn is_here(kind: Kind) -> bool {
    available(kind).map_err(|reason| skip(&reason)).is_ok()
}

/// Asks the script at that URL.
#[track_caller]
fn answers(server: &Server, url: &str, mount: &str) {
    for (path, path_info) in [("", ""), ("/", "/"), ("/a%20b/c", "/a b/c")] {
        // Behind a rewrite there is no URL without a slash.
        if path.is_empty() && !url.ends_with("shop") && !url.contains("shop.") {
            continue;
        }
        let request = Request::get(&format!("{url}{path}")).header("Authorization", "Basic YTpi");
        let response = request.send(server.address);
        assert_eq!(response.status, 200, "{url}{path}: {}", server.log());
        assert_eq!(
            response.text(),
            format!("{mount}|{path_info}|Basic YTpi"),
            "{url}{path}"
        );
    }
    assert!(!server.log().contains("wsgi-cgi: "), "{}", server.log());
}

/// The script answers for the whole site.
#[track_caller]
fn answers_everything(server: &Server) {
    for (path, path_info) in [
        ("/", "/"),
        ("/a%20b/c", "/a b/c"),
        ("/shop.cgi", "/shop.cgi"),
    ] {
        let response = Request::get(path).send(server.address);
        assert_eq!(response.status, 200, "{path}: {}", server.log());
        assert_eq!(response.text(), format!("|{path_info}|-"), "{path}");
    }
    assert!(!server.log().contains("wsgi-cgi: "), "{}", server.log());
}

/// `--url /`.
#[test]
fn a_whole_site() {
    for (kind, name) in [
        (Kind::ApacheCgid, "apache"),
        (Kind::LighttpdHashBang, "lighttpd"),
        (Kind::Nginx, "nginx"),
    ] {
        if !is_here(kind) {
            continue;
        }
        let machine = Machine::new();
        let words = ["--to", "../cgi-bin", "--no-image", "--url", "/"];
        let words = [&[name, "shop.py"], &words[..]].concat();
        let printed = machine.install(&[&words[..], &["--name", "printed"]].concat());
        assert!(printed.contains(" answer / with printed.cgi"), "{printed}");
        let block = block(&machine, &words);
        let site = match kind {
            Kind::ApacheCgid => Site::new().configured_first(&block),
            _ => Site::new().configured(&block),
        };
        answers_everything(&Server::start(kind, &site));
    }
}

/// Outside of `cgi-bin`, busybox runs a script by an interpreter.
#[test]
fn busybox_with_an_interpreter() {
    if !is_here(Kind::BusyboxHashBang) {
        return;
    }
    let machine = Machine::new();
    let block = block(&machine, &["busybox", "shop.py", "--to", "../pages"]);
    let server = Server::start(Kind::BusyboxHashBang, &Site::new().configured(&block));
    let script = server.script("shop");
    let pages = script.ancestors().nth(2).expect("the document root");
    let to = format!("--to={}", pages.display());
    let done = machine.install(&["busybox", "shop.py", "--no-image", &to]);
    let expected = format!(
        "To serve it at /shop.cgi: busybox httpd -p 8080 -u www-data -h {}",
        pages.display()
    );
    assert!(done.contains(&expected), "{done}");
    let response = Request::get("/shop.cgi?x").send(server.address);
    assert_eq!(response.status, 200, "{}", server.log());
    assert_eq!(response.text(), "/shop.cgi||-", "{}", server.log());
    // As the note says.
    assert_eq!(status(&server, "/shop.cgi/login"), 404);
}

#[track_caller]
fn status(server: &Server, url: &str) -> u16 {
    Request::get(url).send(server.address).status
}

/// What it says of a server whose configuration is the administrator's: the block that it prints is the one
/// that it writes.
#[track_caller]
fn block(machine: &Machine, words: &[&str]) -> String {
    let printed = machine.install(&[words, &["--name", "printed"]].concat());
    machine.install(&[words, &["--config", "../conf"]].concat());
    let written = machine.read("conf");
    let lines: Vec<&str> = written.lines().collect();
    let inner = &lines[1..lines.len() - 1];
    let expected = format!("\n    {}\n", inner.join("\n    "));
    let printed = printed
        .replace("printed.", "shop.")
        .replace("printed\\.", "shop\\.");
    assert!(printed.contains(&expected), "{printed}\n{expected}");
    written
}

#[test]
fn apache_in_cgi_bin() {
    for kind in [Kind::ApacheCgid, Kind::ApacheCgi] {
        if !is_here(kind) {
            continue;
        }
        for url in ["/cgi-bin/shop.cgi", "/shop"] {
            let machine = Machine::new();
            let words = [
                "apache",
                "shop.py",
                "--to",
                "../cgi-bin",
                "--no-image",
                "--url",
                url,
            ];
            let block = block(&machine, &words);
            // Only the Alias of that URL leads there, before the README's that leads elsewhere.
            let server = Server::start(kind, &Site::new().configured_first(&block));
            answers(&server, url, url);
            assert_eq!(status(&server, &format!("{url}~")), 404);
        }
    }
}

#[test]
fn apaches_action() {
    if !is_here(Kind::ApacheAction) {
        return;
    }
    let machine = Machine::new();
    machine.write("pages/shop.wsgi~", "secret");
    let block = block(&machine, &["apache-action", "shop.py", "--to", "../pages"]);
    assert!(
        !machine.read("pages/shop.wsgi").contains("image"),
        "none is made behind an Action"
    );
    let pages = machine.at("pages");
    let further = format!(
        "LoadModule actions_module MODULES/mod_actions.so\n\
         DocumentRoot {0}\n<Directory {0}>\nRequire all granted\n</Directory>\n{block}",
        pages.display()
    );
    let server = Server::start(Kind::ApacheCgid, &Site::new().configured(&further));
    answers(&server, "/shop.wsgi", "/shop.wsgi");
    assert_eq!(status(&server, "/shop.wsgi~"), 403);
}

/// A folder of a host's, which allows what `install` says that it needs, and nothing else.
fn host(folder: &Path) -> String {
    format!(
        "LoadModule rewrite_module MODULES/mod_rewrite.so\n\
         LoadModule dir_module MODULES/mod_dir.so\n\
         LoadModule mime_module MODULES/mod_mime.so\n\
         TypesConfig /etc/mime.types\n\
         Alias \"/~ada/\" \"{0}/\"\n\
         <Directory \"{0}\">\n\
         Require all granted\nOptions Indexes SymLinksIfOwnerMatch\nAllowOverride AuthConfig FileInfo Options\n\
         </Directory>\n",
        folder.display()
    )
}

#[test]
fn a_folder_of_a_hosts() {
    if !is_here(Kind::ApacheCgid) {
        return;
    }
    let machine = Machine::new();
    machine.write("home/public_html/page.txt", "a page");
    machine.install(&["host", "shop.py", "--no-image"]);
    let site = Site::new().configured(&host(&machine.at("home/public_html")));
    let server = Server::start(Kind::ApacheCgid, &site);
    answers(&server, "/~ada/shop.cgi", "/~ada/shop.cgi");
    assert_eq!(status(&server, "/~ada/page.txt"), 200);
    // A second one, for all that is no file, while the server runs.
    machine.install(&["host", "shop.py", "--no-image", "--root"]);
    answers(&server, "/~ada", "/~ada");
    answers(&server, "/~ada/shop.cgi", "/~ada/shop.cgi");
    let page = Request::get("/~ada/page.txt").send(server.address);
    assert_eq!(page.text(), "a page");
    // Names of wiki pages with `?` and `%`, and backup copies that editors leave.
    for (path, path_info) in [("/Why%3F", "/Why?"), ("/100%25", "/100%")] {
        let page = Request::get(&format!("/~ada{path}")).send(server.address);
        assert_eq!(page.text(), format!("/~ada|{path_info}|-"));
    }
    for left in ["index.cgi~", ".index.cgi.swp", "%23index.cgi%23"] {
        let name = left.replace("%23", "#");
        machine.write(&format!("home/public_html/{name}"), "secret");
        assert_eq!(status(&server, &format!("/~ada/{left}")), 403, "{left}");
        fs::remove_file(machine.at(format!("home/public_html/{name}"))).expect("removed");
    }
    // With `--script-name /~ada` the rewrite passes on the path after it.
    let named = ["--script-name", "/~ada", "--force"];
    machine.install(&[&["host", "shop.py", "--no-image", "--root"], &named[..]].concat());
    answers(&server, "/~ada", "/~ada");
    machine.install(&["host", "--remove", "--root"]);
    assert_eq!(status(&server, "/~ada/a"), 404);
    answers(&server, "/~ada/shop.cgi", "/~ada/shop.cgi");
}

#[test]
fn lighttpd() {
    if !is_here(Kind::LighttpdHashBang) {
        return;
    }
    for url in ["/cgi-bin/shop.cgi", "/shop"] {
        let machine = Machine::new();
        machine.write("cgi-bin/shop.cgi~", "secret");
        let words = [
            "lighttpd",
            "shop.py",
            "--to",
            "../cgi-bin",
            "--no-image",
            "--url",
            url,
        ];
        let block = block(&machine, &words);
        // A second script is a second block.
        machine.install(&[
            "lighttpd",
            "shop.py",
            "--to",
            "../cgi-bin",
            "--name",
            "two",
            "--config",
            "../two",
        ]);
        let both = block + &machine.read("two");
        let server = Server::start(Kind::LighttpdHashBang, &Site::new().configured(&both));
        answers(&server, url, url);
        assert_eq!(status(&server, &format!("{url}~")), 404);
    }
}

#[test]
fn nginx_with_fcgiwrap() {
    if !is_here(Kind::Nginx) {
        return;
    }
    for url in ["/cgi-bin/shop.cgi", "/shop"] {
        let machine = Machine::new();
        machine.write("cgi-bin/shop.cgi~", "secret");
        let words = [
            "nginx",
            "shop.py",
            "--to",
            "../cgi-bin",
            "--no-image",
            "--url",
            url,
        ];
        let block = block(&machine, &words);
        machine.install(&[
            "nginx",
            "shop.py",
            "--to",
            "../cgi-bin",
            "--name",
            "two",
            "--config",
            "../two",
        ]);
        let both = block + &machine.read("two");
        let server = Server::start(Kind::Nginx, &Site::new().configured(&both));
        answers(&server, url, url);
        assert_ne!(status(&server, &format!("{url}~")), 200);
    }
}

#[test]
fn busybox_and_mini_httpd() {
    for (kind, name) in [
        (Kind::BusyboxHashBang, "busybox"),
        (Kind::MiniHttpd, "mini_httpd"),
    ] {
        if !is_here(kind) {
            continue;
        }
        let machine = Machine::new();
        let server = Server::start(kind, &Site::new());
        let script = server.script("shop");
        let folder = script.parent().expect("a folder");
        let log = machine.at("log");
        fs::write(&log, "").expect("written");
        let (to, log) = (
            format!("--to={}", folder.display()),
            format!("--log={}", log.display()),
        );
        let done = machine.install(&[name, "shop.py", "--no-image", &to, &log]);
        let pages = folder.parent().expect("a folder").display();
        assert!(done.contains(&format!(" {pages}")), "{done}");
        let url = "/cgi-bin/shop.cgi";
        for (path, path_info) in [("", ""), ("/a%20b/c", "/a b/c")] {
            let response = Request::get(&format!("{url}{path}")).send(server.address);
            assert_eq!(response.status, 200, "{}", server.log());
            assert!(
                response.text().starts_with(&format!("{url}|{path_info}|")),
                "{path}"
            );
        }
        machine.install(&[name, "shop.py", &to, "--remove"]);
        assert_eq!(status(&server, url), 404);
    }
}
