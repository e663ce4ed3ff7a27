//! Where an application is mounted when a rewrite hides its script: SCRIPT_NAME has `index.cgi`,
//! the requested URL does not. Links of the application begin with SCRIPT_NAME, so it has to be as
//! in the URL.

use percent_encoding::percent_decode;

use super::MetaVariables;

/// The value of `--script-name` that asks for it.
pub const AUTO: &[u8] = b"auto";

/// SCRIPT_NAME and PATH_INFO.
type Mounted = (Vec<u8>, Vec<u8>);

impl MetaVariables {
    /// Sets SCRIPT_NAME to the part of the URL that stands for the script. Unless `asked` to, does
    /// so only for a script `index.*` where the URL is its folder and PATH_INFO: a rewrite that
    /// hides such a script does so for the whole folder; another rewrite may be for a single page.
    pub(super) fn mount_by_url(&mut self, asked: bool) {
        let script = self.get("SCRIPT_NAME").unwrap_or_default();
        let path_info = self.get("PATH_INFO").unwrap_or_default();
        let path = self.get("REQUEST_URI").and_then(path_of);
        let found = path.and_then(|path| {
            if asked {
                return mounted(&path, script, path_info);
            }
            let folder = folder(script);
            // With an empty PATH_INFO a rewrite looks like a request for the folder's index.
            let is_hidden = !path_info.is_empty() && path == [folder, path_info].concat();
            (is_index(script) && is_hidden).then(|| (folder.to_vec(), path_info.to_vec()))
        });
        // Two slashes at the start of a link would name another host, and browsers take a backslash for one.
        if let Some((mount, path_info)) = found
            && !mount.windows(2).any(|two| two == b"//")
            && !mount
                .iter()
                .any(|byte| *byte == b'\\' || byte.is_ascii_control())
        {
            self.set("SCRIPT_NAME", mount);
            self.set("PATH_INFO", path_info);
        }
    }
}

impl MetaVariables {
    /// Sets SCRIPT_NAME to that mount and PATH_INFO to what follows it, however the path was split
    /// before; false where the path is not below the mount.
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
}

/// SCRIPT_NAME and PATH_INFO for a request for `path` that led to that script with that PATH_INFO.
fn mounted(path: &[u8], script: &[u8], path_info: &[u8]) -> Option<Mounted> {
    let folder = folder(script);
    // The script may also be requested by its own URL. One that is not an index (`ScriptAlias
    // "/shop"`, a script in cgi-bin) is then its own mount: nothing shows that its folder leads to
    // it.
    if let Some(rest) = below(path, script) {
        return is_index(script).then(|| (folder.to_vec(), or_root(rest)));
    }
    // The rewrite says what follows the mount ...
    if !path_info.is_empty() {
        let mount = path.strip_suffix(path_info)?;
        return Some((mount.to_vec(), path_info.to_vec()));
    }
    // ... or, as `FallbackResource`, says nothing.
    below(path, folder).map(|rest| (folder.to_vec(), or_root(rest)))
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

/// The path of a URL or of a request-target, which may be a whole URL (RFC 9112, section 3.2.2), decoded as
/// PATH_INFO is (RFC 3875, section 4.1.5).
fn path_of(uri: &[u8]) -> Option<Vec<u8>> {
    let path = uri.split(|&byte| byte == b'?').next()?;
    let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let path = match memchr::memmem::find(path, b"://") {
        Some(colon) if path[..colon].iter().all(is_scheme) => {
            let rest = &path[colon + 3..];
            &rest[memchr::memchr(b'/', rest)?..]
        }
        _ => path,
    };
    path.starts_with(b"/")
        .then(|| percent_decode(path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_url(uri: &str, script: &str, path_info: &str, asked: bool) -> (String, String) {
        let pairs = [
            ("REQUEST_URI", uri),
            ("SCRIPT_NAME", script),
            ("PATH_INFO", path_info),
        ];
        let pairs = pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.into()));
        let mut meta = MetaVariables::from_pairs(pairs);
        meta.mount_by_url(asked);
        let value = |name| String::from_utf8_lossy(meta.get(name).unwrap_or_default()).into_owned();
        (value("SCRIPT_NAME"), value("PATH_INFO"))
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

    #[test]
    fn no_url_that_leads_there_shows_the_script() {
        const SCRIPT: &str = "/~me/shop/index.cgi";
        for (uri, script, path_info, mount, rest) in [
            // .htaccess: RewriteRule ^(.*)$ index.cgi/$1
            ("/~me/shop/a/b?x=/y", SCRIPT, "/a/b", "/~me/shop", "/a/b"),
            ("/~me/shop/a%20b", SCRIPT, "/a b", "/~me/shop", "/a b"),
            ("/~me/shop/", SCRIPT, "/", "/~me/shop", "/"),
            // FallbackResource, DirectoryIndex
            ("/~me/shop/a/b", SCRIPT, "", "/~me/shop", "/a/b"),
            ("/~me/shop/", SCRIPT, "", "/~me/shop", "/"),
            ("/a", "/index.cgi", "", "", "/a"),
            // Its own URL.
            ("/~me/shop/index.cgi/a", SCRIPT, "/a", "/~me/shop", "/a"),
            ("/~me/shop/index.cgi", SCRIPT, "", "/~me/shop", "/"),
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
            let expected = (mount.to_owned(), rest.to_owned());
            assert_eq!(by_url(uri, script, path_info, true), expected, "{uri}");
        }
    }

    #[test]
    fn an_unclear_mount_is_left_alone() {
        for (uri, script, path_info) in [
            ("/error", "/cgi-bin/index.cgi", ""),
            ("/x", "/cgi-bin/index.cgi", "/y"),
            ("//evil.example/a", "/cgi-bin/index.cgi", "/a"),
            ("*", "/index.cgi", ""),
            ("http://a.example", "/index.cgi", ""),
            ("/%5cevil.example/a", "/cgi-bin/index.cgi", "/a"),
            ("/%5Cevil.example/a", "/cgi-bin/index.cgi", "/a"),
            ("/%0a/a", "/cgi-bin/index.cgi", "/a"),
            ("/blog%7f/a", "/cgi-bin/index.cgi", "/a"),
            ("/shop/a", "/shop", "/a"),
            ("/shop", "/shop", ""),
            ("/cgi-bin/shop.cgi/a", "/cgi-bin/shop.cgi", "/a"),
        ] {
            let expected = (script.to_owned(), path_info.to_owned());
            assert_eq!(by_url(uri, script, path_info, true), expected, "{uri}");
        }
    }

    #[test]
    fn without_being_asked_only_a_certain_mount_is_used() {
        let hidden = by_url("/shop/a", "/shop/index.cgi", "/a", false);
        assert_eq!(hidden, ("/shop".to_owned(), "/a".to_owned()));
        let home = by_url("/shop/", "/shop/index.cgi", "/", false);
        assert_eq!(home, ("/shop".to_owned(), "/".to_owned()));
        for (uri, script, path_info) in [
            ("/shop/index.cgi/a", "/shop/index.cgi", "/a"),
            ("/shop/", "/shop/index.cgi", ""),
            ("/blog/a", "/cgi-bin/index.cgi", "/a"),
            ("/shop/a", "/shop/app.cgi", "/a"),
            ("/a", "", "/a"),
        ] {
            let expected = (script.to_owned(), path_info.to_owned());
            assert_eq!(by_url(uri, script, path_info, false), expected, "{uri}");
        }
    }
}
