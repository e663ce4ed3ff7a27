//! The URL of a request: a path with its query, or absolute. What a browser would encode is
//! encoded, dot segments are removed (RFC 3986, section 5.2.4), a fragment stays with the client.

mod encoding;
mod typed;

use std::fmt;

use anyhow::Result;
use http::uri::Authority;

use super::Refused;
pub use encoding::decode;
use encoding::{encode, encode_query, without_dots};
pub use typed::{file_name, without_escapes, without_user};

/// An absolute `http` or `https` URL. As text it has no user name and no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    https: bool,
    host: String,
    port: Option<u16>,
    path: String,
    query: Option<String>,
    /// `USER:PASSWORD`, decoded.
    user: Option<Vec<u8>>,
}

impl Default for Url {
    fn default() -> Self {
        Self {
            https: false,
            host: "localhost".to_owned(),
            port: None,
            path: "/".to_owned(),
            query: None,
            user: None,
        }
    }
}

impl Url {
    /// Resolves what was typed, or what a `Location` says, against this URL (RFC 3986, section 5.2).
    ///
    /// # Errors
    /// For another scheme, or an invalid host.
    pub fn join(&self, reference: &str) -> Result<Self> {
        let mut url = self.join_as_is(reference)?;
        url.path = without_dots(&url.path);
        Ok(url)
    }

    /// Like `join`, but `/../` and `/./` stay in the path.
    ///
    /// # Errors
    /// For another scheme, or an invalid host.
    pub fn join_as_is(&self, typed: &str) -> Result<Self> {
        let reference = typed.split('#').next().unwrap_or_default();
        let (rest, query) = match reference.split_once('?') {
            Some((rest, query)) => (rest, Some(encode_query(query.as_bytes()))),
            None => (reference, None),
        };
        let mut url = self.clone();
        // A colon before the first slash ends a scheme (section 3).
        let before_slash = rest.split('/').next().unwrap_or_default();
        let authority = if let Some((scheme, _)) = before_slash.split_once(':') {
            let after = rest[scheme.len() + 1..].strip_prefix("//");
            url.https = match (scheme.to_ascii_lowercase().as_str(), after) {
                ("http", Some(_)) => false,
                ("https", Some(_)) => true,
                _ => {
                    return refused(match without_user(reference) {
                        // What comes before the `#` may be the beginning of a password.
                        _ if typed[reference.len()..].contains('@') => {
                            "the URL is neither a path nor an http or https URL".into()
                        }
                        shown => {
                            format!("`{shown}` is neither a path nor an http or https URL")
                        }
                    });
                }
            };
            after
        } else {
            rest.strip_prefix("//")
        };
        let path = match authority {
            Some(after) => {
                let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
                let is_valid = url.set_authority(authority);
                if is_valid.is_none() && typed.contains('@') {
                    return refused(
                        "the URL has no valid host: write `/`, `:` and `@` in a user name or password as %2F, \
                         %3A and %40"
                            .into(),
                    );
                }
                if is_valid.is_none() {
                    return refused(format!("`{authority}` is not a valid host"));
                }
                path.to_owned()
            }
            None if rest.is_empty() => {
                url.query = query.or(url.query);
                return Ok(url);
            }
            None if rest.starts_with('/') => rest.to_owned(),
            None => {
                let folder = self.path.rfind('/').map_or(0, |slash| slash + 1);
                format!("{}{rest}", &self.path[..folder])
            }
        };
        url.path = encode(path.as_bytes());
        if !url.path.starts_with('/') {
            url.path.insert(0, '/');
        }
        url.query = query;
        Ok(url)
    }

    /// The same, at the path `mount` and the path it had below that.
    #[must_use]
    pub fn mounted(mut self, mount: &[u8]) -> Self {
        if self.below(mount).is_none() {
            self.path.insert_str(0, &encode(mount));
        }
        self
    }

    /// The same, at that decoded path.
    #[must_use]
    pub fn at(mut self, path: &[u8]) -> Self {
        self.path = encode(path);
        self
    }

    /// The decoded path below `mount`: empty or with its slash. `None` when it is elsewhere.
    #[must_use]
    pub fn below(&self, mount: &[u8]) -> Option<Vec<u8>> {
        let path = decode(&self.path);
        let rest = path.strip_prefix(mount)?;
        (rest.is_empty() || rest.starts_with(b"/")).then(|| rest.to_vec())
    }

    /// This URL with `more` added to its query; `more` must be encoded.
    #[must_use]
    pub fn with_query(mut self, more: &[u8]) -> Self {
        let more = encode_query(more);
        self.query = Some(match self.query {
            Some(query) if !query.is_empty() => format!("{query}&{more}"),
            _ => more,
        });
        self
    }

    /// This URL, with `name` added to the path if that ends in `/`.
    #[must_use]
    pub fn with_file_name(mut self, name: &[u8]) -> Self {
        if self.path.ends_with('/') {
            self.path.push_str(&encode(name));
        }
        self
    }

    /// `USER:PASSWORD`, if the URL has them.
    #[must_use]
    pub fn user(&self) -> Option<&[u8]> {
        self.user.as_deref()
    }

    /// Whether a request to `other` reaches the same server: the same host and port, or the other
    /// scheme with its own port.
    #[must_use]
    pub fn same_server(&self, other: &Self) -> bool {
        let same_port =
            self.port() == other.port() || self.https != other.https && other.port.is_none();
        self.host.eq_ignore_ascii_case(&other.host) && same_port
    }

    /// `https` or `http`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The name without a port; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, given or the scheme's.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.https { 443 } else { 80 })
    }

    /// What a client sends as `Host`.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The path, encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, encoded and without its `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// What stands in a request line: path and query.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Takes user name, password, host and port from `[USER[:PASSWORD]@]HOST[:PORT]`; `None` if it is not valid.
    fn set_authority(&mut self, text: &str) -> Option<()> {
        let (user, place) = match text.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, text),
        };
        let authority: Authority = place.parse().ok()?;
        let port = authority.port_u16();
        let has_port = place
            .rfind(':')
            .is_some_and(|colon| !place[colon..].contains(']'));
        let is_user = user.is_none_or(|user| !user.contains('@'));
        if authority.host().is_empty() || has_port && port.is_none() || !is_user {
            return None;
        }
        self.user = user.map(|user| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            [decode(name), decode(password)].join(&b':')
        });
        self.host = authority.host().into();
        self.port = port.filter(|&port| port != if self.https { 443 } else { 80 });
        Some(())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.target())
    }
}

fn refused<T>(why: String) -> Result<T> {
    Err(Refused::Url(why).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::default().join(text).expect("a URL")
    }

    #[test]
    fn a_path_is_at_localhost() {
        let url = url("/a?x=1");
        assert_eq!(
            (url.host(), url.port(), url.path(), url.query()),
            ("localhost", 80, "/a", Some("x=1"))
        );
        assert_eq!(url.to_string(), "http://localhost/a?x=1");
        assert_eq!(super::tests::url("").to_string(), "http://localhost/");
        assert_eq!(super::tests::url("?x").to_string(), "http://localhost/?x");
        assert_eq!(
            super::tests::url("a b").to_string(),
            "http://localhost/a%20b"
        );
    }

    #[test]
    fn an_absolute_url_sets_host_port_and_scheme() {
        let secure = url("https://example.org/x");
        assert_eq!((secure.is_https(), secure.port()), (true, 443));
        assert_eq!(url("http://[::1]:8000").authority(), "[::1]:8000");
        assert_eq!(url("http://example.org:80/").authority(), "example.org");
        assert_eq!(
            url("HTTP://example.org?q").to_string(),
            "http://example.org/?q"
        );
        for bad in [
            "ftp://x/",
            "mailto:x",
            "localhost:80/",
            "http://",
            "http://a b/",
            "http://x:99999/",
            "http://u@v:p@h/",
            "http://u:p/w@h/",
            "http://u:p@/",
        ] {
            assert!(Url::default().join(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_browser_encodes_is_encoded_and_dots_are_removed() {
        assert_eq!(
            url("/caf\u{e9}/<x>?q=\"").target(),
            "/caf%C3%A9/%3Cx%3E?q=%22"
        );
        assert_eq!(url("/a%20b#fragment").target(), "/a%20b");
        assert_eq!(url("/a/./b/../c").target(), "/a/c");
    }

    #[test]
    fn a_reference_is_resolved() {
        let base = url("http://example.org:81/blog/post?x=1");
        for (reference, wanted) in [
            ("next", "http://example.org:81/blog/next"),
            ("../", "http://example.org:81/"),
            ("/top", "http://example.org:81/top"),
            ("?y=2", "http://example.org:81/blog/post?y=2"),
            ("#part", "http://example.org:81/blog/post?x=1"),
            ("//other/x", "http://other/x"),
            ("https://example.org/", "https://example.org/"),
        ] {
            let joined = base.join(reference).expect("a URL").to_string();
            assert_eq!(joined, wanted, "{reference}");
        }
    }

    #[test]
    fn braces_in_a_query_and_escaped_brackets_are_sent_unchanged() {
        let typed = without_escapes(r"/a\[1\]?q=\{x\}&y[]=\z");
        assert_eq!(url(&typed).target(), r"/a[1]?q={x}&y[]=\z");
        assert_eq!(
            url("/a?x=1").with_query(b"y=%20 z").target(),
            "/a?x=1&y=%20%20z"
        );
        let as_is = Url::default().join_as_is("/a/../b").expect("a URL");
        assert_eq!(as_is.target(), "/a/../b");
        let upload = url("/up/").with_file_name(b"a b");
        assert_eq!(upload.path(), "/up/a%20b");
    }

    #[test]
    fn user_and_password_are_taken_and_not_shown() {
        for (text, user) in [
            ("http://h/@", None),
            ("http://u:p@h/", Some("u:p")),
            ("http://u@h", Some("u:")),
            ("//:p@h", Some(":p")),
            ("http://@h/", Some(":")),
            ("http://u%40x:p%3A%20q:r@h:81/", Some("u@x:p: q:r")),
        ] {
            let url = url(text);
            assert_eq!(url.user(), user.map(str::as_bytes), "{text}");
            assert!(url.to_string().starts_with("http://h"), "{url}");
        }
        for text in [
            "http://u:secret@h h/",
            "http://u@v:secret@h/",
            "http://u:secret/@h/",
            "ftp://u:secret@h/",
            "u:secret@h/",
            "http://u:secret@h:x/",
            "http://u:secret#2@h/",
            "ftp://u:secret#2@h/",
            "u:secret#2@h/",
        ] {
            let error = Url::default().join(text).expect_err(text).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn below_a_mount() {
        let at = url("/cgi-bin/a.py/x");
        assert_eq!(at.below(b"/cgi-bin/a.py"), Some(b"/x".to_vec()));
        assert_eq!(at.below(b"/cgi-bin/a"), None);
        assert_eq!(url("/x").mounted(b"/a b").path(), "/a%20b/x");
        assert_eq!(at.clone().mounted(b"/cgi-bin/a.py"), at);
    }

    #[test]
    fn the_server_is_the_same_when_only_the_scheme_changes() {
        let plain = url("http://example.org/");
        assert!(plain.same_server(&url("https://EXAMPLE.org/x")));
        assert!(!plain.same_server(&url("http://example.org:81/")));
        assert!(!plain.same_server(&url("http://www.example.org/")));
    }
}
