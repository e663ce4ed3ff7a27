//! Scripts that a rewrite hides: the application's links begin with the path that stands for the script in the URL,
//! and lead back to it. If the server's variables do not show that path, they stay unchanged.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::{Kind, Server, Site, run};
use crate::harness::http_client::Request;
use crate::harness::server::eventually;
use crate::harness::{copy_programs, folder, python};

/// Answers with a link to its page `/next`, and with PATH_INFO.
const LINKING: &str = "
import os
loaded_by = os.getpid()
def application(environ, start_response):
    way = 'cold' if loaded_by == os.getpid() else 'restored'
    link = environ['SCRIPT_NAME'] + '/next'
    start_response('200 OK', [('X-Link', link), ('X-Way', way)])
    return [environ['PATH_INFO'].encode('latin-1')]
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
            .file("bare/index.wsgi", &auto)
            .file("bare/.htaccess", &BARE.replace("cgi", "wsgi"))
            .file("back/index.wsgi", &auto)
            .file("back/.htaccess", "FallbackResource /back/index.wsgi\n");
        let server = Server::start(kind, &site);
        for (url, path) in [
            ("/plain/a/b?x=1", "/a/b"),
            ("/plain/a%20b", "/a b"),
            ("/plain//a", "/a"),
            ("/auto/a/b", "/a/b"),
            ("/auto/", "/"),
            ("/auto/index.wsgi/a", "/a"),
            ("/auto/index.wsgi", "/"),
            ("/bare/a%20b", "/a b"),
            ("/bare/index.wsgi/a", "/a"),
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

/// The script takes the whole path from REQUEST_URI.
const BARE: &str = "RewriteEngine On
RewriteCond %{REQUEST_FILENAME} !-f
RewriteRule ^ index.cgi [L]
";

/// The rewrite passes on the path.
const PATH: &str = "RewriteEngine On
RewriteRule ^index\\.cgi - [L]
RewriteRule ^(.*)$ index.cgi/$1 [L]
";

/// The script answers only requests that the server refuses.
const ERRORS: &str = "ErrorDocument 403 /errors/index.cgi
ErrorDocument 404 /errors/index.cgi/missing
<Files secret>
    Require all denied
</Files>
";

/// A rewrite that leads URLs of another folder to the script.
const ABOVE: &str = "RewriteEngine On
RewriteRule ^top/(.*)$ bare/$1 [L]
RewriteRule ^astray/ path/index.cgi/elsewhere [L]
";

const CONFIGURATION: &str = r#"
LoadModule rewrite_module MODULES/mod_rewrite.so
LoadModule dir_module MODULES/mod_dir.so
LoadModule mime_module MODULES/mod_mime.so
LoadModule include_module MODULES/mod_include.so
TypesConfig /dev/null
DocumentRoot "FOLDER"
AllowEncodedSlashes SLASHES
<Directory "FOLDER">
    Require all granted
    AllowOverride All
    Options +ExecCGI +Includes
    <FilesMatch "\.cgi$">
        SetHandler cgi-script
    </FilesMatch>
    <FilesMatch "\.shtml$">
        SetOutputFilter INCLUDES
    </FilesMatch>
</Directory>
"#;

/// A script with the application, and how the server runs it.
fn script(way: &str, machine: &Path, package: &Path) -> String {
    let program = machine.join("wsgi-cgi");
    let (program, package) = (program.display(), package.display());
    match way {
        "cold" => format!("#!{program}\n{BLOCK}{LINKING}"),
        "restored" => format!(
            "#!{program} --image --cache-dir {}/images\n{BLOCK}{LINKING}",
            machine.display()
        ),
        _ => format!(
            "#!{}\n{BLOCK}import sys\nsys.path.insert(0, '{package}')\n\
             from wsgi_cgi import run\n{LINKING}\nrun(application)\n",
            python()
        ),
    }
}

/// The scripts are written by another process, so that none is still open for writing when it is executed.
const SET_UP: &str = "
    mkdir -p images site/bare/folder site/path site/back site/errors
    chmod 700 images
    chown 33 images 2>/dev/null || :
    for folder in bare path back errors; do
        cp index.cgi site/$folder/
        chmod 755 site/$folder/index.cgi
    done
";

fn machine(way: &str, package: &Path) -> TempDir {
    let machine = folder();
    copy_programs(machine.path());
    let write = |name: &str, text: &str| {
        fs::write(machine.path().join(name), text).expect("written");
    };
    write("index.cgi", &script(way, machine.path(), package));
    let done = Command::new("sh")
        .args(["-euc", SET_UP])
        .current_dir(machine.path())
        .status();
    assert!(done.expect("sh").success());
    write("site/.htaccess", ABOVE);
    write("site/bare/.htaccess", BARE);
    write("site/path/.htaccess", PATH);
    write("site/back/.htaccess", "FallbackResource /back/index.cgi\n");
    write("site/errors/.htaccess", ERRORS);
    write("site/errors/secret", "the secret");
    write("site/bare/page.txt", "a page");
    let page = "<!--#include virtual=\"/back/index.cgi\" -->";
    write("site/back/page.shtml", page);
    machine
}

/// URL, status, SCRIPT_NAME and PATH_INFO. The last two are compared only if the status is 200.
type Case = (&'static str, u16, &'static str, &'static str);

/// URLs that give the same result with each value of `AllowEncodedSlashes`.
const ALWAYS: &[Case] = &[
    ("/bare/", 200, "/bare", "/"),
    ("/bare/a/b?c=/d", 200, "/bare", "/a/b"),
    ("/bare/a%20b%2Bc+d", 200, "/bare", "/a b+c+d"),
    ("/bare/Zo%C3%AB", 200, "/bare", "/Zo\u{eb}"),
    ("/bare/Why%3F", 200, "/bare", "/Why?"),
    ("/bare/100%25", 200, "/bare", "/100%"),
    ("/bare/a%252Fb", 200, "/bare", "/a%2Fb"),
    ("/bare/a%0Ab", 200, "/bare", "/a\nb"),
    ("/bare/folder/", 200, "/bare", "/folder/"),
    ("/bare/x/../a", 200, "/bare", "/a"),
    ("/x/..//bare//a", 200, "/bare", "/a"),
    ("//evil.example/../bare/a", 200, "/bare", "/a"),
    ("/%62are/%2E%2E/bare/a", 200, "/bare", "/a"),
    ("/bare/index.cgi", 200, "/bare", "/"),
    ("/bare/index.cgi/a", 200, "/bare", "/a"),
    ("/bare//index%2Ecgi/a", 200, "/bare", "/a"),
    ("/top/a%20b", 200, "/top", "/a b"),
    ("/top/", 200, "/top", "/"),
    ("/path/a%20b", 200, "/path", "/a b"),
    ("/path/", 200, "/path", "/"),
    ("/path//x/../a", 200, "/path", "/a"),
    ("/x/../path/a", 200, "/path", "/a"),
    ("/path/index.cgi", 200, "/path", "/"),
    ("/path/./index.cgi/a", 200, "/path", "/a"),
    ("/back/a/b", 200, "/back", "/a/b"),
    ("/back/", 200, "/back", "/"),
    ("/back/Why%3F", 200, "/back", "/Why?"),
    ("/back/100%25", 200, "/back", "/100%"),
    ("/back//x/%2e%2e/a", 200, "/back", "/a"),
    ("/back/index.cgi/a", 200, "/back", "/a"),
    // The paths are neither that of /secret, which the server refuses, nor that of a missing page.
    ("/errors/secret", 200, "/errors", "/"),
    ("/errors/other/missing", 200, "/errors", "/missing"),
];

/// A value of `AllowEncodedSlashes`, URLs that are clear with it, and URLs that are not: for those the server's
/// variables stay unchanged, and the log has a line.
type Slashes = (&'static str, &'static [Case], &'static [Case]);

const SLASHES: &[Slashes] = &[
    (
        "Off",
        &[("/bare/a%2Fb", 404, "", ""), ("/back/a%2Fb", 404, "", "")],
        &[ASTRAY],
    ),
    (
        "On",
        &[
            ("/bare/a%2Fb", 200, "/bare", "/a/b"),
            ("/bare/x%2F..%2Fa", 200, "/bare", "/a"),
            ("/bare/..%2Fbare/a", 200, "/bare", "/a"),
            ("/bare/index.cgi%2Fa", 200, "/bare", "/a"),
            ("/path/a%2Fb", 200, "/path", "/a/b"),
        ],
        &[
            ASTRAY,
            // Apache decodes the path twice if the rewrite passes it on.
            ("/path/a%252Fb", 200, "/path/index.cgi", "/a/b"),
            // Only the server knows whether these are two segments.
            ("/back/a%2Fb", 200, "/back/index.cgi", ""),
        ],
    ),
    (
        "NoDecode",
        &[
            ("/bare/a%2Fb", 200, "/bare", "/a%2Fb"),
            ("/bare/x%2F..%2Fa", 200, "/bare", "/x%2F..%2Fa"),
            ("/path/a%2Fb", 200, "/path", "/a%2Fb"),
        ],
        &[ASTRAY, ("/back/a%2Fb", 200, "/back/index.cgi", "")],
    ),
];

const ASTRAY: Case = ("/astray/a", 200, "/path/index.cgi", "/elsewhere");

#[track_caller]
fn meets(server: &Server, way: &str, &(url, status, mount, path): &Case) {
    let response = Request::get(url).send(server.address);
    assert_eq!(response.status, status, "{way}: {url}: {}", server.log());
    if status == 200 {
        let link = response.header("X-Link").concat();
        let mode = response.header("X-Way").concat();
        assert_eq!(link, format!("{mount}/next"), "{way}: {url}");
        assert_eq!(mode == "restored", way == "restored", "{way}: {url}");
        assert_eq!(response.text(), path, "{way}: {url}");
    }
}

#[test]
fn the_mount_is_taken_from_the_url_or_stays_unchanged() {
    run(Kind::ApacheCgid, |kind| {
        let package = crate::in_python::package();
        for way in ["cold", "restored", "run"] {
            let machine = machine(way, package.path());
            let folder = machine.path().join("site").display().to_string();
            for &(slashes, cases, unclear) in SLASHES {
                if slashes != "Off" && way == "run" {
                    continue;
                }
                let configuration = CONFIGURATION
                    .replace("FOLDER", &folder)
                    .replace("SLASHES", slashes);
                let server = Server::start(kind, &Site::new().configured(&configuration));
                if way == "restored" {
                    for folder in ["bare", "path", "back", "errors"] {
                        let made = eventually(Duration::from_secs(60), || {
                            let url = format!("/{folder}/index.cgi");
                            let response = Request::get(&url).send(server.address);
                            response.header("X-Way") == ["restored"]
                        });
                        assert!(made, "{folder}: {}", server.whole_log());
                    }
                }
                for case in ALWAYS.iter().chain(cases) {
                    meets(&server, way, case);
                }
                let included = Request::get("/back/page.shtml").send(server.address);
                assert_eq!(included.text(), "/", "not the page that it is a part of");
                let page = Request::get("/bare/page.txt").send(server.address);
                assert_eq!(page.text(), "a page");
                assert!(!server.log().contains("script-name"), "{}", server.log());
                for case in unclear {
                    meets(&server, way, case);
                }
                let log = server.log();
                let said = log.matches("REQUEST_URI=`/").count();
                assert_eq!(said, unclear.len(), "{way}: {log}");
                assert!(
                    log.contains("REQUEST_URI=`/astray/a`, SCRIPT_NAME="),
                    "{log}"
                );
            }
        }
    });
}
