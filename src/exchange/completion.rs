//! Completes and corrects the meta-variables where servers leave some out or get them wrong.
//!
//! Each rule names the clause or the server behind it. After this, PATH_INFO, SCRIPT_NAME,
//! QUERY_STRING, SERVER_NAME and SERVER_PORT are there, as PEP 3333 requires.

use super::MetaVariables;
use super::mount::AUTO;

impl MetaVariables {
    /// Applies every rule; `script_name` replaces the server's SCRIPT_NAME, or is [`AUTO`]. Returns a message
    /// for the log if [`AUTO`] could not determine the mount.
    #[must_use]
    pub fn complete(&mut self, script_name: Option<&[u8]>) -> Option<String> {
        let mut unclear = None;
        match script_name {
            Some(AUTO) => unclear = self.mount_by_url(),
            Some(path) => self.set("SCRIPT_NAME", path),
            None => self.mount_at_folder(),
        }
        // RFC 3875, 4.1.13: "" or a path; an application mounted at the root is at "".
        match self.get("SCRIPT_NAME") {
            None | Some(b"/") => self.set("SCRIPT_NAME", ""),
            Some(_) => {}
        }
        // 4.1.5, 4.1.13: empty, or with a leading slash, which a rewrite may have removed.
        for name in ["SCRIPT_NAME", "PATH_INFO"] {
            if let Some(path) = self.get(name).filter(|path| !path.starts_with(b"/")) {
                self.set(name, [b"/", path].concat());
            }
        }
        // Unset for the bare script URL on Apache, lighttpd and mini_httpd.
        for name in ["PATH_INFO", "QUERY_STRING"] {
            if self.get(name).is_none() {
                self.set(name, "");
            }
        }
        // PEP 3333: it may be empty only where the URL can end with SCRIPT_NAME, and at the root
        // the URL is `/`. nginx's usual settings give that as SCRIPT_NAME.
        if self.get("SCRIPT_NAME").is_none() && self.get("PATH_INFO").is_none() {
            self.set("PATH_INFO", "/");
        }
        if self.get("SERVER_PROTOCOL").is_none() {
            self.set("SERVER_PROTOCOL", "HTTP/1.0");
        }
        // RFC 3875, 4.1.2: empty is the same as unset, and so is an application's `int()` of it.
        for name in ["CONTENT_LENGTH", "CONTENT_TYPE"] {
            if self.get(name).is_none() {
                self.remove(name);
            }
        }
        // nginx sends both; wsgiref.validate forbids them.
        self.remove("HTTP_CONTENT_LENGTH");
        self.remove("HTTP_CONTENT_TYPE");
        // What the application reads is decoded and of known length (RFC 9112, section 6.3).
        self.remove("HTTP_TRANSFER_ENCODING");
        // The client's `Proxy:` header, not a setting (CVE-2016-5385).
        self.remove("HTTP_PROXY");
        // 4.1.18: Apache renames it when it redirects internally.
        if self.get("HTTP_AUTHORIZATION").is_none()
            && let Some(value) = self
                .get_redirected("HTTP_AUTHORIZATION")
                .map(<[u8]>::to_vec)
        {
            self.set("HTTP_AUTHORIZATION", value);
        }
        self.complete_server();
        unclear
    }

    /// `https` or `http`. SERVER_PROTOCOL is not the scheme: it may say `INCLUDED` (4.1.16).
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        let is = |name, wanted: &[&str]| {
            self.get(name).is_some_and(|value| {
                wanted
                    .iter()
                    .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
            })
        };
        if is("HTTPS", &["on", "1", "yes"]) || is("REQUEST_SCHEME", &["https"]) {
            return "https";
        }
        let says_http = is("HTTPS", &["off", "0", "no"]) || is("REQUEST_SCHEME", &["http"]);
        if !says_http && is("SERVER_PORT", &["443"]) {
            "https"
        } else {
            "http"
        }
    }

    /// SERVER_NAME without a port (4.1.14) and SERVER_PORT; busybox httpd sends neither, lighttpd
    /// an empty name for HTTP/1.0, mini_httpd and Go's server a name with its port.
    fn complete_server(&mut self) {
        let (name, port) = split_port(self.get("SERVER_NAME").unwrap_or_default());
        let (name, port) = (name.to_vec(), port.map(<[u8]>::to_vec));
        let (host, host_port) = split_port(self.get("HTTP_HOST").unwrap_or_default());
        let (host, host_port) = (host.to_vec(), host_port.map(<[u8]>::to_vec));

        let name = if name.is_empty() {
            let address = self.get("SERVER_ADDR").map(<[u8]>::to_vec);
            let known = Some(host).filter(|host| is_host(host)).or(address);
            known.unwrap_or_else(|| b"localhost".to_vec())
        } else {
            name
        };
        // An IPv6 address has brackets in a name, and none in SERVER_ADDR.
        let name = if name.contains(&b':') && !name.starts_with(b"[") {
            [b"[", &name[..], b"]"].concat()
        } else {
            name
        };
        self.set("SERVER_NAME", name);
        if self.get("SERVER_PORT").is_none() {
            let default = if self.scheme() == "https" {
                "443"
            } else {
                "80"
            };
            self.set(
                "SERVER_PORT",
                port.or(host_port).unwrap_or_else(|| default.into()),
            );
        }
    }
}

/// `host[:port]`; an IPv6 address keeps its brackets.
fn split_port(name: &[u8]) -> (&[u8], Option<&[u8]>) {
    let after_address = name
        .iter()
        .rposition(|&byte| byte == b']')
        .map_or(0, |end| end + 1);
    match name[after_address..].iter().position(|&byte| byte == b':') {
        Some(colon) => {
            let (host, port) = name.split_at(after_address + colon);
            let port = &port[1..];
            let is_port = !port.is_empty() && port.iter().all(u8::is_ascii_digit);
            if is_port || port.is_empty() {
                (host, is_port.then_some(port))
            } else {
                (name, None)
            }
        }
        None => (name, None),
    }
}

/// Whether the client's Host may be used as SERVER_NAME.
fn is_host(name: &[u8]) -> bool {
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]%".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(pairs: &[(&str, &str)]) -> MetaVariables {
        let mut variables = MetaVariables::from_pairs(
            pairs
                .iter()
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())),
        );
        assert_eq!(variables.complete(None), None);
        variables
    }

    /// Tells an empty value from an absent one, which `get` does not.
    fn raw(variables: &MetaVariables, name: &str) -> Option<String> {
        let found = variables.iter().find(|(key, _)| *key == name.as_bytes());
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    #[test]
    fn what_pep_3333_requires_is_always_supplied() {
        let variables = completed(&[("REQUEST_METHOD", "GET")]);
        for (name, value) in [
            ("PATH_INFO", "/"),
            ("SCRIPT_NAME", ""),
            ("QUERY_STRING", ""),
            ("SERVER_NAME", "localhost"),
            ("SERVER_PORT", "80"),
            ("SERVER_PROTOCOL", "HTTP/1.0"),
        ] {
            assert_eq!(raw(&variables, name).as_deref(), Some(value), "{name}");
        }
    }

    #[test]
    fn the_root_as_script_name_means_the_empty_one() {
        assert_eq!(
            raw(&completed(&[("SCRIPT_NAME", "/")]), "SCRIPT_NAME").as_deref(),
            Some("")
        );
    }

    #[test]
    fn path_info_is_empty_below_a_script_name_only() {
        let below = completed(&[("SCRIPT_NAME", "/app")]);
        assert_eq!(raw(&below, "PATH_INFO").as_deref(), Some(""));
        let root = completed(&[("SCRIPT_NAME", "/"), ("PATH_INFO", "")]);
        assert_eq!(raw(&root, "PATH_INFO").as_deref(), Some("/"));
    }

    #[test]
    fn a_double_slash_in_path_info_is_kept() {
        let variables = completed(&[("PATH_INFO", "//a//b")]);
        assert_eq!(raw(&variables, "PATH_INFO").as_deref(), Some("//a//b"));
    }

    #[test]
    fn server_name_loses_its_port_and_an_ipv6_address_keeps_its_brackets() {
        for (given, name, port) in [
            ("example.org:8080", "example.org", "8080"),
            ("[::1]:8080", "[::1]", "8080"),
            ("[::1]", "[::1]", "80"),
            ("::1", "[::1]", "80"),
            ("example.org:", "example.org", "80"),
        ] {
            let variables = completed(&[("SERVER_NAME", given)]);
            assert_eq!(raw(&variables, "SERVER_NAME").as_deref(), Some(name));
            assert_eq!(raw(&variables, "SERVER_PORT").as_deref(), Some(port));
        }
    }

    #[test]
    fn an_address_that_stands_in_for_the_name_gets_its_brackets() {
        let variables = completed(&[("SERVER_ADDR", "2001:db8::1")]);
        assert_eq!(
            raw(&variables, "SERVER_NAME").as_deref(),
            Some("[2001:db8::1]")
        );
        let variables = completed(&[("SERVER_ADDR", "192.0.2.1")]);
        assert_eq!(raw(&variables, "SERVER_NAME").as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn a_host_header_that_is_no_host_is_not_taken_for_the_server() {
        let variables = completed(&[("HTTP_HOST", "<script>")]);
        assert_eq!(raw(&variables, "SERVER_NAME").as_deref(), Some("localhost"));
        let variables = completed(&[("HTTP_HOST", "example.org:81")]);
        assert_eq!(
            raw(&variables, "SERVER_NAME").as_deref(),
            Some("example.org")
        );
        assert_eq!(raw(&variables, "SERVER_PORT").as_deref(), Some("81"));
    }

    #[test]
    fn the_proxy_header_and_the_doubled_content_headers_are_gone() {
        let variables = completed(&[
            ("HTTP_PROXY", "http://evil"),
            ("HTTP_CONTENT_LENGTH", "3"),
            ("HTTP_CONTENT_TYPE", "x/y"),
            ("CONTENT_LENGTH", ""),
        ]);
        for name in [
            "HTTP_PROXY",
            "HTTP_CONTENT_LENGTH",
            "HTTP_CONTENT_TYPE",
            "CONTENT_LENGTH",
        ] {
            assert_eq!(raw(&variables, name), None, "{name}");
        }
    }

    #[test]
    fn authorization_comes_back_from_a_redirect() {
        let variables = completed(&[("REDIRECT_HTTP_AUTHORIZATION", "Basic x")]);
        assert_eq!(
            raw(&variables, "HTTP_AUTHORIZATION").as_deref(),
            Some("Basic x")
        );
    }

    #[test]
    fn the_scheme_follows_https_then_request_scheme_then_the_port() {
        for (pairs, scheme) in [
            (&[("HTTPS", "on")][..], "https"),
            (&[("HTTPS", "1")], "https"),
            (&[("HTTPS", "YES")], "https"),
            (&[("HTTPS", "off")], "http"),
            (&[("HTTPS", "off"), ("SERVER_PORT", "443")], "http"),
            (&[("REQUEST_SCHEME", "https")], "https"),
            (
                &[("REQUEST_SCHEME", "http"), ("SERVER_PORT", "443")],
                "http",
            ),
            (&[("SERVER_PORT", "443")], "https"),
            (&[("SERVER_PROTOCOL", "INCLUDED")], "http"),
        ] {
            assert_eq!(completed(pairs).scheme(), scheme, "{pairs:?}");
        }
    }
}
