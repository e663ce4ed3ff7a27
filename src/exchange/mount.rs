//! Where an application is mounted when a rewrite hides its script: `index.cgi` is in SCRIPT_NAME, but not
//! in the requested URL. The links of the application begin with SCRIPT_NAME, so it has to match the URL. If
//! the server's variables leave the mount unclear, they are not changed: links then show the script, but work.

use super::MetaVariables;
use super::meta_variables::before_redirects;
use super::url_path::{has_encoded_slash, interpretations, path_of};

/// The value of `--script-name` that turns this on.
pub const AUTO: &[u8] = b"auto";

/// SCRIPT_NAME and PATH_INFO.
type Mounted = (Vec<u8>, Vec<u8>);

/// The server's variables contradict each other.
struct Unclear;

impl MetaVariables {
    /// Sets SCRIPT_NAME to the part of the URL that stands for the script, for any rewrite. Returns a
    /// message for the log if the mount is unclear.
    pub(super) fn mount_by_url(&mut self) -> Option<String> {
        let part = |name| self.get(name).unwrap_or_default();
        // Servers that do not set it have no rewrites.
        let uri = self.get("REQUEST_URI")?;
        match self.mounted(part("SCRIPT_NAME"), part("PATH_INFO"), uri) {
            Ok(Some((mount, path_info))) => {
                self.set("SCRIPT_NAME", mount);
                self.set("PATH_INFO", path_info);
                None
            }
            Ok(None) => None,
            Err(Unclear) => {
                let shown = |value| String::from_utf8_lossy(value).into_owned();
                Some(format!(
                    "script-name = \"auto\": the URL path of the application cannot be derived from \
                     REQUEST_URI=`{}`, SCRIPT_NAME=`{}` and PATH_INFO=`{}`, so its links contain the \
                     script's name: if a rewrite rule leads to the script, set the path: script-name = \
                     \"/PATH\"",
                    shown(path_of(uri).unwrap_or(uri)),
                    shown(part("SCRIPT_NAME")),
                    shown(part("PATH_INFO")),
                ))
            }
        }
    }

    /// The default without `auto`: changes SCRIPT_NAME only if the URL is the folder of an `index.*` script
    /// followed by PATH_INFO. A rewrite to such a script applies to the whole folder; a rewrite to another
    /// script may apply to a single page.
    pub(super) fn mount_at_folder(&mut self) {
        let script = self.get("SCRIPT_NAME").unwrap_or_default();
        let path_info = self.get("PATH_INFO").unwrap_or_default();
        let folder = folder(script);
        // If PATH_INFO is empty, a rewrite looks the same as a request for the folder's index.
        if !is_index(script) || path_info.is_empty() || !is_mount(folder) {
            return;
        }
        let path = [folder, path_info].concat();
        let uri = self.get("REQUEST_URI").unwrap_or_default();
        if interpretations(uri).contains(&path) {
            self.set("SCRIPT_NAME", folder.to_vec());
        }
    }

    /// Sets SCRIPT_NAME to `mount` and PATH_INFO to the rest of the path, however the path was split before;
    /// false if the path is not below `mount`.
    #[must_use]
    pub fn strip_mount(&mut self, mount: &[u8]) -> bool {
        let part = |name| self.get(name).unwrap_or_default();
        let path = [part("SCRIPT_NAME"), part("PATH_INFO")].concat();
        let Some(rest) = below(&path, mount) else {
            return false;
        };
        self.set("SCRIPT_NAME", mount);
        self.set("PATH_INFO", rest);
        true
    }

    /// SCRIPT_NAME and PATH_INFO for a request for `uri` that led to `script` with `path_info`; `None` if the
    /// server's values are right.
    fn mounted(
        &self,
        script: &[u8],
        path_info: &[u8],
        uri: &[u8],
    ) -> Result<Option<Mounted>, Unclear> {
        let paths = interpretations(uri);
        // The script's own URL was requested. Only an `index.*` script is also reached by its folder's URL;
        // a script with another name (`ScriptAlias "/shop"`, a script in cgi-bin) is not.
        if self.is_part_of_another() || paths.iter().any(|path| below(path, script).is_some()) {
            let own = (folder(script).to_vec(), or_root(path_info));
            return match (is_index(script), is_mount(&own.0)) {
                (true, true) => Ok(Some(own)),
                (true, false) => Err(Unclear),
                (false, _) => Ok(None),
            };
        }
        // The rewrite passes on what follows the mount, or, as `FallbackResource` does, nothing.
        let rest = match path_info {
            b"" => self.rest(script, uri, &paths).ok_or(Unclear)?,
            path_info => path_info.to_vec(),
        };
        let mut mounts = paths.iter().filter_map(|path| path.strip_suffix(&rest[..]));
        let mount = mounts.find(|mount| is_mount(mount)).ok_or(Unclear)?;
        Ok(Some((mount.to_vec(), or_root(&rest))))
    }

    /// The part of the URL that follows the script's folder.
    fn rest(&self, script: &[u8], uri: &[u8], paths: &[Vec<u8>]) -> Option<Vec<u8>> {
        // After a rewrite it is the path as the server read it; after an `Action`, the script's URL.
        let rewritten = self.get("REDIRECT_URL");
        let rewritten = rewritten.filter(|url| below(url, script).is_none());
        let path = match rewritten {
            Some(url) => url,
            // What the server took for one segment, and allowed, must not become two.
            None if has_encoded_slash(uri) => return None,
            None => paths.first()?,
        };
        below(path, folder(script)).map(<[u8]>::to_vec)
    }

    /// Whether the requested URL belongs to another page: an error document replaces a page, which may be
    /// forbidden; a server-side include (`INCLUDED`, RFC 3875, section 4.1.16) is a part of a page.
    fn is_part_of_another(&self) -> bool {
        let is_error = self.iter().any(|(name, status)| {
            before_redirects(name) == Some(b"STATUS") && !matches!(status, b"" | b"200")
        });
        is_error || self.get("SERVER_PROTOCOL") == Some(b"INCLUDED")
    }
}

/// Whether links can begin with it. Two leading slashes would be followed by a host name, and browsers treat a
/// backslash as a slash.
fn is_mount(path: &[u8]) -> bool {
    let is_bad = |byte: &u8| *byte == b'\\' || byte.is_ascii_control();
    path.is_empty()
        || (path.starts_with(b"/")
            && !path.ends_with(b"/")
            && !path.windows(2).any(|two| two == b"//")
            && !path.iter().any(is_bad))
}

/// Whether a script is the index of its folder.
fn is_index(script: &[u8]) -> bool {
    script[folder(script).len()..].starts_with(b"/index.")
}

/// The folder of the script's URL, without a slash at its end.
fn folder(script: &[u8]) -> &[u8] {
    let end = script.iter().rposition(|&byte| byte == b'/');
    &script[..end.unwrap_or(0)]
}

/// What follows `start` in a path that is there or below.
fn below<'a>(path: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(start)?;
    (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
}

fn or_root(rest: &[u8]) -> Vec<u8> {
    if rest.is_empty() {
        b"/".to_vec()
    } else {
        rest.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(uri: &str, script: &str, path_info: &str) -> MetaVariables {
        let pairs = [
            ("REQUEST_URI", uri),
            ("SCRIPT_NAME", script),
            ("PATH_INFO", path_info),
        ];
        let pairs = pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.into()));
        MetaVariables::from_pairs(pairs)
    }

    fn mounted(meta: &MetaVariables) -> (String, String) {
        let value = |name| String::from_utf8_lossy(meta.get(name).unwrap_or_default()).into_owned();
        (value("SCRIPT_NAME"), value("PATH_INFO"))
    }

    /// The same, and whether there is a message for the log.
    fn by_url(mut meta: MetaVariables) -> ((String, String), bool) {
        let said = meta.mount_by_url();
        (mounted(&meta), said.is_some())
    }

    fn pair(mount: &str, path_info: &str) -> (String, String) {
        (mount.to_owned(), path_info.to_owned())
    }

    #[test]
    fn the_mount_is_not_in_the_path() {
        for (name, path, expected) in [
            ("", "/app/x", Some("/x")),
            ("/app/x", "", Some("/x")),
            ("/app", "/x", Some("/x")),
            ("", "/app", Some("")),
            ("", "/app/", Some("/")),
            ("", "/apple", None),
            ("", "/", None),
        ] {
            let pairs = [("SCRIPT_NAME", name), ("PATH_INFO", path)];
            let pairs = pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.into()));
            let mut meta = MetaVariables::from_pairs(pairs);
            assert_eq!(meta.strip_mount(b"/app"), expected.is_some(), "{path}");
            if let Some(expected) = expected {
                let value = |name| meta.get(name).unwrap_or_default();
                assert_eq!(value("PATH_INFO"), expected.as_bytes(), "{path}");
                assert_eq!(value("SCRIPT_NAME"), b"/app");
            }
        }
    }

    const SCRIPT: &str = "/~me/shop/index.cgi";

    #[test]
    fn no_url_that_leads_there_shows_the_script() {
        for (uri, script, path_info, mount, rest) in [
            // .htaccess: RewriteRule ^(.*)$ index.cgi/$1
            ("/~me/shop/a/b?x=/y", SCRIPT, "/a/b", "/~me/shop", "/a/b"),
            ("/~me/shop/a%20b", SCRIPT, "/a b", "/~me/shop", "/a b"),
            ("/~me/shop/", SCRIPT, "/", "/~me/shop", "/"),
            // FallbackResource, DirectoryIndex
            ("/~me/shop/a/b", SCRIPT, "", "/~me/shop", "/a/b"),
            ("/~me/shop/a%3Fb", SCRIPT, "", "/~me/shop", "/a?b"),
            ("/~me/shop/", SCRIPT, "", "/~me/shop", "/"),
            ("/~me/shop", SCRIPT, "", "/~me/shop", "/"),
            ("/a", "/index.cgi", "", "", "/a"),
            // Its own URL.
            ("/~me/shop/index.cgi/a", SCRIPT, "/a", "/~me/shop", "/a"),
            ("/~me/shop/index.cgi", SCRIPT, "", "/~me/shop", "/"),
            ("/~me/shop//index.cgi/a", SCRIPT, "/a", "/~me/shop", "/a"),
            ("/x/../~me/shop/index%2Ecgi", SCRIPT, "", "/~me/shop", "/"),
            // From elsewhere: RewriteRule ^/blog/(.*)$ /cgi-bin/index.cgi/$1
            ("/blog/a", "/cgi-bin/index.cgi", "/a", "/blog", "/a"),
            ("/a", "/cgi-bin/index.cgi", "/a", "", "/a"),
            // A whole URL (RFC 9112, section 3.2.2).
            (
                "http://a.example/blog/a?x",
                "/cgi-bin/index.cgi",
                "/a",
                "/blog",
                "/a",
            ),
        ] {
            let expected = (pair(mount, rest), false);
            assert_eq!(by_url(meta(uri, script, path_info)), expected, "{uri}");
        }
    }

    /// A client that writes the same path differently does not change the links.
    #[test]
    fn different_spellings_of_a_path_have_the_same_mount() {
        for (uri, path_info) in [
            ("/~me//shop/a", "/a"),
            ("//~me/shop/a", "/a"),
            ("//evil.example/../~me/shop/a", "/a"),
            ("/~me/shop/./a", "/a"),
            ("/~me/shop/x/%2e%2e/a", "/a"),
            ("/~me/shop//a", "/a"),
            ("/~me/shop//a", "//a"),
            ("/~me/shop/x%2F..%2Fa", "/a"),
            ("/~me/shop/x%2fa", "/x/a"),
            ("/~me/shop/x%2fa", "/x%2fa"),
        ] {
            let expected = (pair("/~me/shop", path_info), false);
            assert_eq!(by_url(meta(uri, SCRIPT, path_info)), expected, "{uri}");
        }
        // A server that forbids everything below `forbidden` may still allow `forbidden/../a`.
        for uri in ["/~me/shop/forbidden/../a", "/~me/shop//a"] {
            let expected = (pair("/~me/shop", "/a"), false);
            assert_eq!(by_url(meta(uri, SCRIPT, "")), expected, "{uri}");
        }
    }

    /// After a rewrite, REDIRECT_URL is the path as the server read it.
    #[test]
    fn a_rewrite_that_names_the_script_alone_has_the_path_in_redirect_url() {
        for (uri, redirect_url, mount, rest) in [
            ("/~me/shop/a%3Fb", "/~me/shop/a?b", "/~me/shop", "/a?b"),
            ("/~me/shop/a%2Fb", "/~me/shop/a%2Fb", "/~me/shop", "/a%2Fb"),
            ("/~me/shop/a%2Fb", "/~me/shop/a/b", "/~me/shop", "/a/b"),
            // The folder is the whole of another site.
            ("/a%20b", "/~me/shop/a b", "", "/a b"),
            ("/", "/~me/shop/", "", "/"),
            // Behind an `Action`.
            ("/~me/shop/a", SCRIPT, "/~me/shop", "/a"),
        ] {
            let mut meta = meta(uri, SCRIPT, "");
            meta.set("REDIRECT_STATUS", "200");
            meta.set("REDIRECT_URL", redirect_url);
            assert_eq!(by_url(meta), (pair(mount, rest), false), "{uri}");
        }
    }

    /// The URL of a page that the server refused does not become the mount of the error document.
    #[test]
    fn an_error_document_is_not_the_page_that_was_refused() {
        for (name, value) in [
            ("REDIRECT_STATUS", "403"),
            ("REDIRECT_REDIRECT_STATUS", "404"),
            ("SERVER_PROTOCOL", "INCLUDED"),
        ] {
            for (path_info, rest) in [("", "/"), ("/refused", "/refused")] {
                let mut meta = meta("/~me/shop/secret/refused", SCRIPT, path_info);
                meta.set("REDIRECT_URL", "/~me/shop/secret/refused");
                meta.set(name, value);
                assert_eq!(by_url(meta), (pair("/~me/shop", rest), false), "{name}");
            }
        }
        // A header field of the client is not a status.
        let mut meta = meta("/~me/shop/a", SCRIPT, "");
        meta.set("REDIRECT_HTTP_STATUS", "403");
        assert_eq!(by_url(meta), (pair("/~me/shop", "/a"), false));
    }

    #[test]
    fn an_unclear_mount_is_logged_and_changes_nothing() {
        for (uri, script, path_info) in [
            ("/error", "/cgi-bin/index.cgi", ""),
            ("/x", "/cgi-bin/index.cgi", "/y"),
            ("//evil.example/a", "/cgi-bin/index.cgi", "//evil.example/b"),
            ("*", "/index.cgi", ""),
            ("http://a.example", "/index.cgi", ""),
            ("/%5cevil.example/a", "/cgi-bin/index.cgi", "/a"),
            ("/%5Cevil.example/a", "/cgi-bin/index.cgi", "/a"),
            ("/%0a/a", "/cgi-bin/index.cgi", "/a"),
            ("/blog%7f/a", "/cgi-bin/index.cgi", "/a"),
            // Apache decodes twice if a rewrite passes the path on.
            ("/~me/shop/a%252Fb", SCRIPT, "/a/b"),
            // One segment, or two?
            ("/~me/shop/a%2Fb", SCRIPT, ""),
        ] {
            let expected = (pair(script, path_info), true);
            assert_eq!(by_url(meta(uri, script, path_info)), expected, "{uri}");
        }
        let said = meta("/x?password=y", "/cgi-bin/index.cgi", "/y").mount_by_url();
        let said = said.expect("said");
        assert!(
            said.contains("`/x`") && !said.contains("password"),
            "{said}"
        );
    }

    #[test]
    fn a_script_that_no_rewrite_hides_is_mounted_at_its_own_url() {
        for (uri, script, path_info) in [
            ("/shop/a", "/shop", "/a"),
            ("/shop", "/shop", ""),
            ("/cgi-bin/shop.cgi/a", "/cgi-bin/shop.cgi", "/a"),
            ("/a", "", "/a"),
        ] {
            let expected = (pair(script, path_info), false);
            assert_eq!(by_url(meta(uri, script, path_info)), expected, "{uri}");
        }
    }

    #[test]
    fn two_leading_slashes_do_not_become_a_host_name() {
        let (found, _) = by_url(meta("//evil.example/a", "/cgi-bin/index.cgi", "/a"));
        assert_eq!(found, pair("/evil.example", "/a"));
    }

    #[test]
    fn without_auto_only_clear_cases_are_changed() {
        let by_folder = |uri, script, path_info| {
            let mut meta = meta(uri, script, path_info);
            meta.mount_at_folder();
            mounted(&meta)
        };
        for uri in ["/shop/a", "/shop//a", "/x/../shop/a"] {
            assert_eq!(by_folder(uri, "/shop/index.cgi", "/a"), pair("/shop", "/a"));
        }
        let home = by_folder("/shop/", "/shop/index.cgi", "/");
        assert_eq!(home, pair("/shop", "/"));
        for (uri, script, path_info) in [
            ("/shop/index.cgi/a", "/shop/index.cgi", "/a"),
            ("/shop/", "/shop/index.cgi", ""),
            ("/blog/a", "/cgi-bin/index.cgi", "/a"),
            ("/shop/a", "/shop/app.cgi", "/a"),
            ("/a", "", "/a"),
        ] {
            let found = by_folder(uri, script, path_info);
            assert_eq!(found, pair(script, path_info), "{uri}");
        }
    }
}
