//! `wsgi-cgi request --as SERVER` gives the variables that the real server gives: the same
//! application is asked the same through both, and what it saw is compared.

use std::collections::BTreeMap;

use crate::harness::by_hand::ByHand;
use crate::harness::http_client::Request;
use crate::harness::server::{Kind, Server};

/// What depends on the machine, the version or the configuration: there or not, but not compared.
const DIFFER: [&str; 8] = [
    "CONTEXT_DOCUMENT_ROOT",
    "DOCUMENT_ROOT",
    "PATH",
    "PATH_TRANSLATED",
    "REMOTE_PORT",
    "SERVER_ADMIN",
    "SERVER_PORT",
    "SERVER_SOFTWARE",
];

/// What `server/environ.py` showed, a line each.
fn seen(text: &str) -> BTreeMap<String, String> {
    let pairs = text
        .lines()
        .map(|line| line.split_once('=').expect("NAME=VALUE"));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// One request, as it goes over the wire and as it is typed.
struct Asked {
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    content: Option<&'static [u8]>,
}

impl Asked {
    fn of(&self, server: &Server) -> BTreeMap<String, String> {
        let url = server.url("environ") + self.path;
        let mut request = match self.content {
            Some(content) if self.method == "POST" => Request::post(&url, content),
            _ => Request::new(self.method, &url),
        };
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let response = request.send(server.address);
        let status = response.status;
        let text = response.text();
        assert_eq!(status, 200, "{text}");
        seen(&text)
    }

    fn typed(&self, name: &str, server: &Server, script: &str) -> BTreeMap<String, String> {
        let url = server.url("environ") + self.path;
        let mut typed = ByHand::command(&["request", "--as", name, "-X", self.method])
            .with(&["-H", "Host: localhost", "-H", "Connection: close"])
            .with(&["-H", "User-Agent:", "-H", "Accept:"]);
        for (name, value) in self.headers {
            let header = if value.is_empty() {
                format!("{name};")
            } else {
                format!("{name}: {value}")
            };
            typed = typed.with(&["-H", &header]);
        }
        if let Some(content) = self.content {
            let content = std::str::from_utf8(content).expect("UTF-8");
            typed = typed.with(&["-d", content]);
        }
        seen(&typed.with(&[script, &url]).prints())
    }
}

#[track_caller]
fn compare(name: &str, kind: Kind, requests: &[Asked]) {
    let (server, _) = super::serve(kind, "environ");
    for asked in requests {
        let mut real = asked.of(&server);
        let script = real["SCRIPT_FILENAME"].clone();
        let mut ours = asked.typed(name, &server, &script);
        for variables in [&mut real, &mut ours] {
            for (name, value) in variables.iter_mut() {
                if DIFFER.contains(&name.as_str()) {
                    value.clear();
                }
            }
        }
        assert_eq!(ours, real, "{} {}", asked.method, asked.path);
    }
}

const HEADERS: &[(&str, &str)] = &[
    ("X-Plain", "1"),
    ("X_Under", "1"),
    ("X-Odd.Name", "1"),
    ("X-Twice", "1"),
    ("X-Twice", "2"),
    ("X-Empty", ""),
    ("Cookie", "a=1"),
    ("Proxy", "http://example.org"),
];

const BARE: Asked = Asked {
    method: "GET",
    path: "",
    headers: &[],
    content: None,
};

const WITH_HEADERS: Asked = Asked {
    method: "GET",
    path: "/a%20b/caf%C3%A9?x=1&y=%20+2",
    headers: HEADERS,
    content: None,
};

const SLASHES: Asked = Asked {
    method: "GET",
    path: "/a//b",
    headers: &[],
    content: None,
};

const POSTED: Asked = Asked {
    method: "POST",
    path: "/up",
    headers: &[("Content-Type", "application/octet-stream")],
    content: Some(b"hello"),
};

const LOGGED_IN: Asked = Asked {
    method: "DELETE",
    path: "/x",
    headers: &[("Authorization", "Basic dTpw")],
    content: None,
};

const ENCODED_SLASH: Asked = Asked {
    method: "GET",
    path: "/a%2Fb",
    headers: &[],
    content: None,
};

const TRAILING_SLASH: Asked = Asked {
    method: "GET",
    path: "/",
    headers: &[],
    content: None,
};

#[test]
fn apache() {
    // The README's configuration has `CGIPassAuth On`.
    super::run(Kind::ApacheCgid, |kind| {
        compare(
            "apache",
            kind,
            &[BARE, WITH_HEADERS, SLASHES, POSTED, TRAILING_SLASH],
        );
    });
}

#[test]
fn lighttpd() {
    super::run(Kind::LighttpdHashBang, |kind| {
        let more = [LOGGED_IN, ENCODED_SLASH, TRAILING_SLASH];
        compare("lighttpd", kind, &[BARE, WITH_HEADERS, SLASHES, POSTED]);
        compare("lighttpd", kind, &more);
    });
}

#[test]
fn fcgiwrap() {
    super::run(Kind::Nginx, |kind| {
        let more = [LOGGED_IN, ENCODED_SLASH, TRAILING_SLASH];
        compare("fcgiwrap", kind, &[BARE, WITH_HEADERS, SLASHES, POSTED]);
        compare("fcgiwrap", kind, &more);
    });
}

#[test]
fn busybox() {
    super::run(Kind::BusyboxHashBang, |kind| {
        compare(
            "busybox",
            kind,
            &[BARE, WITH_HEADERS, SLASHES, POSTED, LOGGED_IN],
        );
    });
}
