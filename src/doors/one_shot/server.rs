//! The meta-variables of a typed request, as a given server sets them. Each server differs in what
//! it makes of RFC 3875, section 4.1; this was taken from real ones in their plainest CGI
//! configuration: Apache 2.4 with mod_cgid, lighttpd 1.4 with mod_cgi, nginx's `fastcgi_params`
//! with fcgiwrap, busybox httpd.

mod fields;

use std::path::Path;

use anyhow::{Result, bail};

use super::{Fields, Typed};
use exchange::MetaVariables;

/// A server to imitate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// None in particular: all that RFC 3875 has, nothing else.
    Plain,
    /// Apache with mod_cgid or mod_cgi.
    Apache,
    /// lighttpd with mod_cgi.
    Lighttpd,
    /// nginx and fcgiwrap.
    Fcgiwrap,
    /// busybox httpd.
    Busybox,
    /// The least that RFC 3875 allows.
    Minimal,
}

/// A typed request, taken apart for a server.
pub(super) struct Described<'a> {
    pub(super) typed: &'a Typed,
    /// Decoded.
    pub(super) path_info: Vec<u8>,
}

/// Where these servers look for files that are not scripts, on Debian.
const DOCUMENT_ROOT: &str = "/var/www/html";

/// PATH as servers have it.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The port of the client; any number will do.
const REMOTE_PORT: &str = "50000";

impl Server {
    /// Whether the script sees the environment that it was typed in, or the server's alone.
    #[must_use]
    pub fn keeps_environment(self) -> bool {
        self == Self::Plain
    }

    /// Where a script would be found by this server, when nothing else was said.
    #[must_use]
    pub fn mount(self, script: &Path) -> Vec<u8> {
        if self == Self::Plain {
            return Vec::new();
        }
        let name = script.file_name().unwrap_or_default();
        [b"/cgi-bin/", name.as_encoded_bytes()].concat()
    }

    pub(super) fn meta_variables(self, request: &Described<'_>) -> Result<MetaVariables> {
        let mut variables = Variables::default();
        self.refuse(request)?;
        self.put_common(request, &mut variables);
        self.put_own(request, &mut variables);
        self.put_content(request, &mut variables);
        self.put_headers(&request.typed.headers, &mut variables);
        Ok(MetaVariables::from_pairs(variables.0))
    }

    /// Refuses requests that the server would answer itself, without running the script.
    fn refuse(self, request: &Described<'_>) -> Result<()> {
        let url = &request.typed.url;
        let has_slash_code = url.path().to_ascii_lowercase().contains("%2f");
        match self {
            Self::Apache | Self::Busybox if has_slash_code => {
                bail!("`{url}`: this server answers 404 itself if a path has `%2F`")
            }
            Self::Busybox if url.path().ends_with('/') => {
                bail!("`{url}`: this server answers 404 itself if a path ends in `/`")
            }
            Self::Busybox if url.is_https() => bail!("`{url}`: this server has no HTTPS"),
            _ => Ok(()),
        }
    }

    /// What every server gives.
    fn put_common(self, request: &Described<'_>, to: &mut Variables) {
        let Typed {
            method, url, mount, ..
        } = request.typed;
        to.put("GATEWAY_INTERFACE", "CGI/1.1");
        to.put("SERVER_PROTOCOL", "HTTP/1.1");
        to.put("SERVER_SOFTWARE", self.software());
        to.put("REQUEST_METHOD", method.as_str());
        to.put("QUERY_STRING", url.query().unwrap_or_default());
        to.put("SCRIPT_NAME", mount.as_slice());
        to.put("REMOTE_ADDR", "127.0.0.1");
        let path_info = match self {
            Self::Plain | Self::Minimal => request.path_info.clone(),
            _ => one_slash(&request.path_info),
        };
        // Unset for the bare script on Apache and lighttpd, and it may be (4.1.5).
        if !path_info.is_empty() || !matches!(self, Self::Apache | Self::Lighttpd | Self::Minimal) {
            to.put("PATH_INFO", path_info.as_slice());
        }
        if !path_info.is_empty() && matches!(self, Self::Apache | Self::Lighttpd) {
            let translated = [DOCUMENT_ROOT.as_bytes(), &path_info].concat();
            to.put("PATH_TRANSLATED", translated);
        }
        if self != Self::Busybox {
            // nginx gives its `server_name`, which is empty where there is none.
            let name = if self == Self::Fcgiwrap {
                ""
            } else {
                url.host()
            };
            to.put("SERVER_NAME", name);
            to.put("SERVER_PORT", url.port().to_string());
        }
    }

    fn software(self) -> &'static str {
        match self {
            Self::Plain | Self::Minimal => concat!("wsgi-cgi/", env!("CARGO_PKG_VERSION")),
            Self::Apache => "Apache/2.4.71 (Debian)",
            Self::Lighttpd => "lighttpd/1.4.69",
            Self::Fcgiwrap => "nginx/1.22.1",
            Self::Busybox => "busybox httpd/1.35.0",
        }
    }

    /// What goes beyond RFC 3875.
    fn put_own(self, request: &Described<'_>, to: &mut Variables) {
        let Typed {
            url, script, mount, ..
        } = request.typed;
        if self == Self::Minimal {
            return;
        }
        to.put("REMOTE_PORT", REMOTE_PORT);
        to.put("SCRIPT_FILENAME", script.as_os_str().as_encoded_bytes());
        if self == Self::Busybox {
            // Decoded, unlike anywhere else.
            let path = [mount.as_slice(), &one_slash(&request.path_info)].concat();
            let query = url.query().map(|query| format!("?{query}"));
            to.put(
                "REQUEST_URI",
                [path, query.unwrap_or_default().into_bytes()].concat(),
            );
            to.put("PATH", PATH);
            return;
        }
        to.put("REQUEST_URI", url.target());
        to.put(
            "REQUEST_SCHEME",
            if url.is_https() { "https" } else { "http" },
        );
        if url.is_https() {
            to.put("HTTPS", "on");
        }
        to.put("SERVER_ADDR", "127.0.0.1");
        if self == Self::Plain {
            return;
        }
        to.put("DOCUMENT_ROOT", DOCUMENT_ROOT);
        match self {
            Self::Apache => {
                let mut folder = script.parent().unwrap_or(Path::new("")).to_owned();
                // With a slash at the end.
                folder.push("");
                to.put(
                    "CONTEXT_DOCUMENT_ROOT",
                    folder.as_os_str().as_encoded_bytes(),
                );
                let slash = mount.iter().rposition(|&byte| byte == b'/');
                to.put(
                    "CONTEXT_PREFIX",
                    &mount[..slash.map_or(0, |slash| slash + 1)],
                );
                to.put("SERVER_ADMIN", "webmaster@localhost");
                to.put("SERVER_SIGNATURE", "");
                to.put("PATH", PATH);
            }
            Self::Lighttpd => {
                to.put("REDIRECT_STATUS", "200");
                // Its normal form of the URL, where the one sent was another.
                let decoded = url.path().replace("%2F", "/").replace("%2f", "/");
                let normal = one_slash(decoded.as_bytes());
                let normal = String::from_utf8_lossy(&normal).into_owned();
                if normal != url.path() {
                    let query = url.query().map(|query| format!("?{query}"));
                    to.put("REDIRECT_URI", normal + &query.unwrap_or_default());
                }
            }
            _ => {
                let path = [mount.as_slice(), &one_slash(&request.path_info)].concat();
                to.put("DOCUMENT_URI", path);
                to.put("FCGI_ROLE", "RESPONDER");
                to.put("NO_BUFFERING", "1");
                to.put("REDIRECT_STATUS", "200");
                to.put("REMOTE_USER", fields::basic_user(&request.typed.headers));
                to.put("PATH", PATH);
            }
        }
    }
}

#[derive(Default)]
struct Variables(Fields);

impl Variables {
    fn put(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.0
            .push((name.as_bytes().to_vec(), value.as_ref().to_vec()));
    }

    fn find(&mut self, name: &[u8]) -> Option<&mut Vec<u8>> {
        self.0
            .iter_mut()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }
}

/// Slashes merged, as all of these servers do before they look for the script.
fn one_slash(path: &[u8]) -> Vec<u8> {
    let mut merged = path.to_vec();
    merged.dedup_by(|next, before| (*next, *before) == (b'/', b'/'));
    merged
}

#[cfg(test)]
mod tests {
    use super::super::content::Content;
    use super::super::url::Url;
    use super::*;

    fn typed(path: &str, headers: &[(&str, &str)]) -> Typed {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        Typed {
            method: "GET".to_owned(),
            url: Url::default().join(path).expect("a URL"),
            mount: b"/cgi-bin/a.py".to_vec(),
            headers: headers.collect(),
            content: None,
            script: "/srv/cgi-bin/a.py".into(),
        }
    }

    /// Tells an empty value from an absent one, which `get` does not.
    fn raw(meta: &MetaVariables, name: &str) -> Option<String> {
        let found = meta.iter().find(|(key, _)| *key == name.as_bytes());
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    fn given(server: Server, request: &Typed, name: &str) -> Option<String> {
        raw(&request.meta(server).expect("meta-variables"), name)
    }

    #[test]
    fn the_bare_script_has_no_path_info_with_some() {
        let bare = typed("/cgi-bin/a.py", &[]);
        for (server, wanted) in [
            (Server::Plain, Some("")),
            (Server::Apache, None),
            (Server::Lighttpd, None),
            (Server::Fcgiwrap, Some("")),
            (Server::Busybox, Some("")),
            (Server::Minimal, None),
        ] {
            let path_info = given(server, &bare, "PATH_INFO");
            assert_eq!(path_info.as_deref(), wanted, "{server:?}");
        }
    }

    #[test]
    fn slashes_are_merged_by_servers_but_not_by_us() {
        let request = typed("/cgi-bin/a.py//x//y", &[]);
        let path = |server| given(server, &request, "PATH_INFO");
        assert_eq!(path(Server::Plain).as_deref(), Some("//x//y"));
        assert_eq!(path(Server::Apache).as_deref(), Some("/x/y"));
        let uri = given(Server::Lighttpd, &request, "REDIRECT_URI");
        assert_eq!(uri.as_deref(), Some("/cgi-bin/a.py/x/y"));
        assert_eq!(
            given(
                Server::Lighttpd,
                &typed("/cgi-bin/a.py/x", &[]),
                "REDIRECT_URI"
            ),
            None
        );
    }

    #[test]
    fn headers_are_passed_on_as_each_server_does() {
        let headers = [
            ("Authorization", "Basic dTpw"),
            ("X-Twice", "1"),
            ("X-Twice", "2"),
            ("X_Under", "1"),
            ("X-Empty", ""),
            ("Proxy", "x"),
            ("Host", "localhost:81"),
        ];
        let request = typed("/cgi-bin/a.py/x", &headers);
        let names = [
            "HTTP_AUTHORIZATION",
            "HTTP_X_TWICE",
            "HTTP_X_UNDER",
            "HTTP_X_EMPTY",
            "HTTP_PROXY",
            "HTTP_HOST",
            "REMOTE_USER",
        ];
        for (server, wanted) in [
            (
                Server::Apache,
                [
                    None,
                    Some("1, 2"),
                    None,
                    Some(""),
                    None,
                    Some("localhost:81"),
                    None,
                ],
            ),
            (
                Server::Lighttpd,
                [
                    Some("Basic dTpw"),
                    Some("1, 2"),
                    Some("1"),
                    None,
                    None,
                    Some("localhost:81"),
                    None,
                ],
            ),
            (
                Server::Fcgiwrap,
                [
                    Some("Basic dTpw"),
                    Some("1"),
                    None,
                    Some(""),
                    Some("x"),
                    Some("localhost"),
                    Some("u"),
                ],
            ),
            (
                Server::Busybox,
                [
                    None,
                    Some("2"),
                    Some("1"),
                    Some(""),
                    Some("x"),
                    Some("localhost:81"),
                    None,
                ],
            ),
        ] {
            let meta = request.meta(server).expect("meta-variables");
            for (name, wanted) in names.into_iter().zip(wanted) {
                assert_eq!(raw(&meta, name).as_deref(), wanted, "{server:?} {name}");
            }
        }
    }

    #[test]
    fn content_is_described_as_each_server_does() {
        let mut request = typed("/cgi-bin/a.py/x", &[]);
        let names = [
            "CONTENT_LENGTH",
            "CONTENT_TYPE",
            "HTTP_CONTENT_LENGTH",
            "HTTP_CONTENT_TYPE",
        ];
        let all = |request: &Typed, server| names.map(|name| given(server, request, name));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(all(&request, Server::Plain), [None, None, None, None]);
        assert_eq!(
            all(&request, Server::Lighttpd),
            [some("0"), None, None, None]
        );
        assert_eq!(
            all(&request, Server::Fcgiwrap),
            [some(""), some(""), None, None]
        );

        request.method = "PUT".to_owned();
        let content = Content::upload("-".as_ref(), &mut &b"hello"[..]);
        request.content = Some(content.expect("content"));
        request.headers = vec![(b"Content-Type".to_vec(), b"text/x".to_vec())];
        let plain = [some("5"), some("text/x"), None, None];
        assert_eq!(all(&request, Server::Apache), plain);
        assert_eq!(all(&request, Server::Lighttpd)[2], some("5"));
        assert_eq!(all(&request, Server::Fcgiwrap)[3], some("text/x"));
        assert_eq!(
            all(&request, Server::Busybox),
            [None, some("text/x"), some("5"), None]
        );
        request.method = "POST".to_owned();
        assert_eq!(all(&request, Server::Busybox), plain);
    }

    #[test]
    fn requests_that_a_server_would_not_pass_on_are_refused() {
        let refused = |server, path| typed(path, &[]).meta(server).is_err();
        assert!(refused(Server::Apache, "/cgi-bin/a.py/a%2fb"));
        assert!(refused(Server::Busybox, "/cgi-bin/a.py/a/"));
        assert!(refused(Server::Busybox, "https://localhost/cgi-bin/a.py"));
        for server in [
            Server::Plain,
            Server::Apache,
            Server::Lighttpd,
            Server::Fcgiwrap,
        ] {
            assert!(refused(server, "/cgi-bin/a.py/%00"));
            assert!(!refused(server, "/cgi-bin/a.py/a/"));
            assert!(refused(server, "/elsewhere"));
        }
        assert!(!refused(Server::Fcgiwrap, "/cgi-bin/a.py/a%2fb"));
    }

    #[test]
    fn a_header_is_one_line_with_a_name() {
        for (name, value) in [("", "x"), ("a b", "x"), ("X", "a\nb"), ("X", "a\rb")] {
            let request = typed("/cgi-bin/a.py", &[(name, value)]);
            assert!(request.meta(Server::Plain).is_err(), "{name:?} {value:?}");
        }
    }
}
