//! Real applications that take uploads, behind each kind of server that takes chunks: what a client
//! sends so is to them what a client that knows the length sends. One test a cell, named
//! `servers::uploads::SERVER::APPLICATION`.

mod git;
mod webdav;

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::bodies::{LARGE, MIB, checksum};
use super::{Kind, Server, Site};
use crate::harness::http_client::{Request, Response};
use crate::harness::server::available;
use crate::harness::serving::{Serve, Serving};
use crate::harness::{folder, packages, skip};

/// Who starts the script; `None` is `wsgi-cgi serve`.
type Host = Option<Kind>;

/// One application and who serves it.
struct Upload {
    address: SocketAddr,
    /// The path of the script's URL.
    url: String,
    /// Where the application keeps what it gets.
    kept: TempDir,
    server: Running,
}

enum Running {
    Server(Server),
    Serve(Serving),
}

impl Upload {
    /// Serves `tests/applications/uploads/NAME.py`; `prepare` fills its folder, where everybody may
    /// then write.
    fn start(host: Host, name: &str, prepare: impl FnOnce(&Path)) -> Option<Self> {
        let venv = packages::venv()?;
        if let Some(Err(reason)) = host.map(available) {
            skip(&reason);
            return None;
        }
        let kept = folder();
        prepare(kept.path());
        open_to_all(kept.path());
        let file = format!("tests/applications/uploads/{name}.py");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = fs::read_to_string(file).expect("an application");
        let place = kept.path().to_str().expect("UTF-8");
        let block = "# /// script\n# [tool.wsgi-cgi]\n# venv = ";
        let text = format!(
            "{block}\"{}\"\n# ///\n{}",
            venv.display(),
            text.replace("@folder@", place)
        );
        let (address, url, server) = if let Some(kind) = host {
            let server = Server::start(kind, &Site::new().source(name, &text));
            (server.address, server.url(name), Running::Server(server))
        } else {
            let serving = Serve::source(&text).start();
            (serving.address(), String::new(), Running::Serve(serving))
        };
        Some(Self {
            address,
            url,
            kept,
            server,
        })
    }

    /// Sends the same content in chunks, and checks that the answer is the one to content whose length
    /// is announced; but a page with what failed has an id.
    #[track_caller]
    fn both(
        &self,
        method: &str,
        path: &str,
        body: &'static [u8],
        dressed: impl Fn(Request) -> Request,
    ) -> String {
        let target = format!("{}{path}", self.url);
        let [announced, chunked] = [Request::with_length, Request::chunked].map(|request| {
            let response = dressed(request(method, &target, body)).send(self.address);
            (response.status, response.text())
        });
        assert_eq!(chunked.0, announced.0, "{method} {path}: {}", self.log());
        assert!(
            chunked.0 == 500 || chunked.1 == announced.1,
            "{chunked:?} {announced:?}"
        );
        chunked.1
    }

    #[track_caller]
    fn chunked(&self, method: &str, path: &str, body: &'static [u8]) -> Response {
        let target = format!("{}{path}", self.url);
        Request::chunked(method, &target, body)
            .header("Authorization", "Basic YWRhOng=")
            .send(self.address)
    }

    fn log(&self) -> String {
        match &self.server {
            Running::Server(server) => server.log(),
            Running::Serve(serving) => serving.log(),
        }
    }
}

pub(super) fn open_to_all(path: &Path) {
    let is_folder = path.is_dir();
    let mode = if is_folder { 0o777 } else { 0o666 };
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
    if is_folder {
        for entry in fs::read_dir(path).expect("a folder") {
            open_to_all(&entry.expect("an entry").path());
        }
    }
}

/// What the application says of content that arrived whole.
fn told(body: &[u8]) -> String {
    format!("{} {}", body.len(), checksum(body))
}

const BOUNDARY: &str = "multipart/form-data; boundary=line";

/// A form with a file of 1 MiB.
fn form() -> &'static [u8] {
    let mut body =
        b"--line\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nmine\r\n--line\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n"
            .to_vec();
    body.extend_from_slice(&LARGE[..MIB]);
    body.extend_from_slice(b"\r\n--line--\r\n");
    body.leak()
}

/// The content as the framework gives it, raw and as a file of a form; `most` bytes at most, as time
/// asks for it.
fn of_a_framework(host: Host, name: &str, most: usize) {
    let Some(upload) = Upload::start(host, name, |_| {}) else {
        return;
    };
    for size in [0, 1, 65_536, MIB, 64 * MIB] {
        if size > most {
            break;
        }
        let body = &LARGE[..size];
        let response = upload.chunked("POST", "/raw", body);
        assert_eq!(response.status, 200, "{size}: {}", upload.log());
        assert_eq!(response.text(), told(body));
    }
    for method in ["PUT", "PATCH"] {
        let response = upload.chunked(method, "/raw", &LARGE[..1000]);
        assert_eq!(response.text(), told(&LARGE[..1000]), "{method}");
    }
    let target = format!("{}/form", upload.url);
    let response = Request::post_chunked(&target, form())
        .header("Content-Type", BOUNDARY)
        .send(upload.address);
    assert_eq!(response.text(), told(&LARGE[..MIB]));
}

fn bottle(host: Host) {
    of_a_framework(host, "bottle_site", 64 * MIB);
}

fn django(host: Host) {
    of_a_framework(host, "django_site", MIB);
}

fn flask(host: Host) {
    of_a_framework(host, "flask_site", MIB);
}

macro_rules! with_each_host {
    ($($module:ident: $host:expr),* $(,)?) => {
        $(mod $module {
            use super::*;

            const HOST: Host = $host;

            #[test]
            fn bottle() {
                super::bottle(HOST);
            }

            #[test]
            fn django() {
                super::django(HOST);
            }

            #[test]
            fn flask() {
                super::flask(HOST);
            }

            #[test]
            fn git_push() {
                git::push(HOST);
            }

            #[test]
            fn radicale() {
                webdav::radicale(HOST);
            }

            #[test]
            fn wsgidav() {
                webdav::wsgidav(HOST);
            }
        })*
    };
}

with_each_host! {
    apache_cgid: Some(Kind::ApacheCgid),
    lighttpd: Some(Kind::LighttpdHashBang),
    nginx: Some(Kind::Nginx),
    nginx_scgi: Some(Kind::NginxScgi),
    lighttpd_scgi: Some(Kind::LighttpdScgi),
    serve: None,
}
