//! A Flask site with sessions, redirects and static files on a host that runs each user's scripts as
//! that user (suEXEC), behind each rewrite that hides its script: somebody who follows every link meets
//! no URL with the script's name, and none that leads nowhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Kind, Server, Site, run};
use crate::harness::http_client::Request;
use crate::harness::instead::{self, Instead};
use crate::harness::{folder, packages, skip};

const SITE: &str = r#"
import os
from flask import Flask, redirect, request, session, url_for

loaded_by = os.getpid()
app = Flask(__name__)
app.secret_key = "known to the test"

def page(*links):
    links = "".join(f'<a href="{link}">x</a>' for link in links)
    style = url_for("static", filename="style.css")
    return f'<link href="{style}">a page for {session.get("name", "nobody")} {links}'

@app.after_request
def mark(response):
    response.set_cookie("seen", "yes", path=request.script_root + "/")
    response.headers["X-Way"] = "restored" if loaded_by != os.getpid() else "cold"
    return response

@app.get("/")
def index():
    return page(
        url_for("item", name="a b/Zoë"), url_for("index", _external=True), url_for("folder"),
        url_for("folder").rstrip("/"), url_for("login"), url_for("logout"), url_for("to_folder"),
        url_for("index") + "?q=/index.html", request.base_url, request.url, request.url_root,
    )

@app.get("/items/<path:name>")
def item(name):
    return page(url_for("index"), request.url, "other", "?q=1")

@app.get("/folder/")
def folder():
    return page("inside", ".", "..")

@app.get("/folder/inside")
def inside():
    return page(".", "inside", request.path.replace("/folder/inside", request.script_root + "/"))

@app.get("/to-folder")
def to_folder():
    return redirect(url_for("folder"))

@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "GET":
        return page() + f'<form method="post" action="{url_for("login")}"></form>'
    session["name"] = request.form["name"]
    return redirect(url_for("index", _external=True), 303)

@app.get("/logout")
def logout():
    session.clear()
    return redirect(url_for("index"))
"#;

/// Each way to the script, with what hides it there.
const CONFIGURATION: &str = r#"
LoadModule suexec_module MODULES/mod_suexec.so
LoadModule userdir_module MODULES/mod_userdir.so
LoadModule rewrite_module MODULES/mod_rewrite.so
LoadModule actions_module MODULES/mod_actions.so
LoadModule dir_module MODULES/mod_dir.so
LoadModule mime_module MODULES/mod_mime.so
TypesConfig /etc/mime.types
DocumentRoot /var/www/site
SuexecUserGroup shopkeeper shopkeeper
UserDir public_html
<Directory "/var/www/site">
    Require all granted
    AllowOverride All
    Options +ExecCGI +SymLinksIfOwnerMatch
    <FilesMatch "\.cgi$">
        SetHandler cgi-script
    </FilesMatch>
</Directory>
<Directory "/home/shopkeeper/public_html">
    Require all granted
    AllowOverride All
    Options +ExecCGI +SymLinksIfOwnerMatch
    <FilesMatch "\.cgi$">
        SetHandler cgi-script
    </FilesMatch>
</Directory>
ScriptAlias "/scripts/" "/var/www/scripts/"
ScriptAlias "/alias" "/var/www/scripts/index.cgi"
<Directory "/var/www/scripts">
    Require all granted
</Directory>
RewriteEngine On
RewriteRule "^/blog/(.*)$" "/scripts/index.cgi/$1" [PT]
<Directory "/var/www/site/action">
    <FilesMatch "\.wsgi$">
        SetHandler wsgi-script
    </FilesMatch>
    Action wsgi-script "/scripts/wsgi-cgi"
</Directory>
"#;

/// What suEXEC asks of everything: it is the user's own, and nobody else may write. No machine has a
/// user of that number.
const SET_UP: &str = "
    chmod 755 .
    mkdir -p www/scripts www/site/rewritten www/site/fallback www/site/action \
             home/shopkeeper/public_html/shop log
    for folder in www/scripts www/site/rewritten www/site/fallback www/site/action \
                  home/shopkeeper/public_html/shop; do
        mkdir $folder/static
        echo 'body { color: green }' >$folder/static/style.css
        cp index.cgi $folder/
    done
    mv www/site/action/index.cgi www/site/action/index.wsgi
    cp wsgi-cgi _wsgi_cgi.abi3.so www/scripts/
    for folder in www/site/rewritten home/shopkeeper/public_html/shop; do
        cp rewrite $folder/.htaccess
    done
    sed 's/cgi/wsgi/' rewrite >www/site/action/.htaccess
    echo 'FallbackResource /fallback/index.cgi' >www/site/fallback/.htaccess
    chmod -R go-w www home
    chown -R 21345:21345 www/scripts www/site home/shopkeeper
    chown 33 log 2>/dev/null || :
    { cat /etc/passwd; echo 'shopkeeper:x:21345:21345::/home/shopkeeper:/bin/sh'; } >passwd
    { cat /etc/group; echo 'shopkeeper:x:21345:'; } >group
    printf '/var/www\\npublic_html\\n' >suexec.conf
";

/// Why the site cannot be here.
fn missing() -> Option<&'static str> {
    let found = [
        "/usr/lib/apache2/suexec",
        "/usr/lib/apache2/modules/mod_suexec.so",
    ];
    let is_there = found.iter().all(|path| Path::new(path).exists());
    (!is_there).then_some("apache2-suexec-pristine is not installed")
}

/// The host, with the folders of that user.
fn host(venv: &Path) -> (TempDir, Site) {
    let machine = folder();
    crate::harness::copy_programs(machine.path());
    let text = format!(
        "#!{}/wsgi-cgi --image\n# /// script\n# [tool.wsgi-cgi]\n# venv = \"{}\"\n\
         # script-name = \"auto\"\n# ///\n{SITE}",
        machine.path().display(),
        venv.display()
    );
    fs::write(machine.path().join("index.cgi"), text).expect("written");
    fs::write(
        machine.path().join("rewrite"),
        crate::readme::block("apache", 2),
    )
    .expect("written");
    let done = Command::new("sh")
        .args(["-euc", &format!("chmod 755 index.cgi\n{SET_UP}")])
        .current_dir(machine.path())
        .status();
    assert!(done.expect("sh").success());
    let at = |name: &str| machine.path().join(name);
    let mut seen = Instead::default()
        .of("/var/www", at("www"))
        .of("/home", at("home"))
        .of("/var/log/apache2", at("log"))
        .of("/etc/passwd", at("passwd"))
        .of("/etc/group", at("group"));
    // The other package reads there what this one has built in.
    let custom = "/etc/apache2/suexec/www-data";
    if Path::new(custom).exists() {
        seen = seen.of(custom, at("suexec.conf"));
    }
    (machine, Site::new().seeing(seen).configured(CONFIGURATION))
}

/// Somebody who follows links, and keeps cookies for the paths that they are for.
struct Visitor<'a> {
    server: &'a Server,
    cookies: BTreeMap<(String, String), String>,
    ways: BTreeSet<String>,
}

/// What came back.
struct Page {
    status: u16,
    location: String,
    text: String,
}

impl Visitor<'_> {
    /// Asks for a URL's path, and keeps the cookies of the answer.
    #[track_caller]
    fn ask(&mut self, url: &str, form: Option<&'static [u8]>) -> Page {
        let request = match form {
            Some(body) => {
                Request::post(url, body).header("Content-Type", "application/x-www-form-urlencoded")
            }
            None => Request::get(url),
        };
        let path = url.split('?').next().unwrap_or_default();
        let cookies = self
            .cookies
            .iter()
            .filter(|((_, at), _)| path.starts_with(at.as_str()));
        let cookies: Vec<_> = cookies
            .map(|((name, _), value)| format!("{name}={value}"))
            .collect();
        let request = request.header("Cookie", &cookies.join("; "));
        let response = request.send(self.server.address);
        for cookie in response.header("Set-Cookie") {
            assert!(is_hidden(cookie), "{url}: {cookie}");
            let (pair, attributes) = cookie.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a value");
            let at = attributes.split("Path=").nth(1).expect("a path");
            let at = at.split(';').next().unwrap_or_default();
            let key = (name.to_owned(), at.to_owned());
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
        let ways = response.header("X-Way").into_iter().map(str::to_owned);
        self.ways.extend(ways);
        Page {
            status: response.status,
            location: response.header("Location").concat(),
            text: response.text(),
        }
    }

    /// Follows every link from there on; gives what was met.
    #[track_caller]
    fn crawl(&mut self, start: &str) -> BTreeSet<String> {
        let mut met = BTreeSet::from([start.to_owned()]);
        let mut left = VecDeque::from([start.to_owned()]);
        while let Some(url) = left.pop_front() {
            let Page {
                status,
                location,
                text,
            } = self.ask(&url, None);
            let links = match status {
                200 if url.contains("/static/") => {
                    assert_eq!(text, "body { color: green }\n");
                    Vec::new()
                }
                200 => {
                    assert!(text.contains("a page for "), "{url}: {text}");
                    links(&text)
                }
                302 | 303 | 308 => vec![location],
                _ => panic!("{url}: {status}: {text}\n{}", self.server.log()),
            };
            for link in links {
                assert!(is_hidden(&link), "{url} leads to {link}");
                let link = absolute(&url, &link);
                if met.insert(link.clone()) {
                    left.push_back(link);
                }
            }
        }
        met
    }
}

/// What a page leads to.
fn links(text: &str) -> Vec<String> {
    let quoted = text.split('"').skip(1).step_by(2);
    let links = quoted.filter(|word| *word != "post").map(str::to_owned);
    links.collect()
}

/// Whether a URL has no script's name where its path is.
fn is_hidden(url: &str) -> bool {
    let path = url.split('?').next().unwrap_or_default();
    !path.contains("index.") && !path.contains("cgi") && !path.contains("scripts")
}

/// The path that a link leads to (RFC 3986, section 5.2, as far as there is such a link).
fn absolute(base: &str, link: &str) -> String {
    let base = base.split('?').next().unwrap_or_default();
    let link = link.strip_prefix("http://localhost").unwrap_or(link);
    assert!(
        !link.contains("://") && !link.starts_with("//"),
        "{link} leads elsewhere"
    );
    if link.starts_with('/') {
        return link.to_owned();
    }
    if link.starts_with('?') {
        return format!("{base}{link}");
    }
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    match link {
        "." => {}
        ".." => _ = parts.pop(),
        link => {
            parts.push(link);
            return parts.join("/");
        }
    }
    parts.join("/") + "/"
}

#[test]
fn no_link_shows_a_hidden_script_and_none_is_dead() {
    run(Kind::ApacheCgid, |kind| {
        let Some(venv) = packages::venv() else { return };
        if let Some(reason) = missing() {
            return skip(reason);
        }
        if !instead::is_possible() {
            return;
        }
        let (machine, site) = host(&venv);
        let server = Server::start(kind, &site);
        for (mount, urls) in [
            (
                "/rewritten",
                &["", "/index.cgi", "/index.cgi/", "/index.cgi/items/x"][..],
            ),
            ("/fallback", &["", "/index.cgi", "/index.cgi/folder/"]),
            (
                "/~shopkeeper/shop",
                &["", "/index.cgi", "/index.cgi/folder"],
            ),
            ("/blog", &["/items/x"]),
            ("/alias", &["", "/items/x"]),
            ("/action", &["", "/index.wsgi/items/x"]),
        ] {
            let visitor = || Visitor {
                server: &server,
                cookies: BTreeMap::new(),
                ways: BTreeSet::new(),
            };
            let all = visitor().crawl(&format!("{mount}/"));
            assert!(all.iter().all(|url| url.starts_with(mount)), "{all:?}");
            assert!(all.len() >= 14, "{all:?}");
            for url in urls {
                let mut visitor = visitor();
                let page = visitor.ask(&format!("{mount}{url}"), None);
                let found = match page.status {
                    200 => links(&page.text),
                    _ => vec![page.location],
                };
                for link in found.iter().filter(|link| link.starts_with(['/', 'h'])) {
                    assert!(is_hidden(link), "{url}: {link}");
                    let link = absolute(mount, link);
                    assert!(link.starts_with(mount), "{url}: {link}");
                    assert!(
                        [200, 302, 308].contains(&visitor.ask(&link, None).status),
                        "{url}: {link}"
                    );
                }
            }
            // A session lasts from page to page, and ends.
            let mut visitor = visitor();
            let answer = visitor.ask(&format!("{mount}/login"), Some(b"name=Ada"));
            assert_eq!(answer.status, 303, "{mount}");
            let location = absolute("/", &answer.location);
            assert_eq!(location, format!("{mount}/"));
            assert!(visitor.ask(&location, None).text.contains("a page for Ada"));
            assert!(
                visitor
                    .cookies
                    .contains_key(&("seen".into(), location.clone()))
            );
            assert_eq!(visitor.ask(&format!("{mount}/logout"), None).status, 302);
            assert!(
                visitor
                    .ask(&location, None)
                    .text
                    .contains("a page for nobody")
            );
            if mount == "/action" {
                continue; // no script of its own, and so no image
            }
            // The same from an image, which is in that user's home.
            let end = Instant::now() + Duration::from_secs(30);
            let mut visitor = Visitor {
                ways: BTreeSet::new(),
                ..visitor
            };
            while !visitor.ways.contains("restored") {
                assert!(Instant::now() < end, "{}", server.whole_log());
                visitor.ask(&format!("{mount}/"), None);
            }
            visitor.ways.clear();
            let again = visitor.crawl(&format!("{mount}/"));
            assert_eq!(
                (again, visitor.ways),
                (all, BTreeSet::from(["restored".into()]))
            );
        }
        assert!(
            machine
                .path()
                .join("home/shopkeeper/.cache/wsgi-cgi")
                .is_dir()
        );
    });
}
