//! The cookies that a client keeps from one request to the next, of one host (RFC 6265).

use std::time::SystemTime;

use super::url::{Url, decode};

/// The cookies of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jar(Vec<Cookie>);

/// One cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: Vec<u8>,
    value: Vec<u8>,
    path: Vec<u8>,
    secure: bool,
}

impl Jar {
    /// Cookies as `-b` has them: `a=1; b=2`, for every path.
    pub fn add_typed(&mut self, text: &[u8]) {
        for pair in text.split(|&byte| byte == b';') {
            let (name, value) = split_pair(pair);
            if !name.is_empty() {
                self.put(Cookie {
                    name,
                    value,
                    path: b"/".to_vec(),
                    secure: false,
                });
            }
        }
    }

    /// Keeps, replaces or removes a cookie as a `Set-Cookie` that came from `url` says (5.2, 5.3).
    pub fn store(&mut self, url: &Url, line: &[u8]) {
        let mut words = line.split(|&byte| byte == b';');
        let (name, value) = split_pair(words.next().unwrap_or_default());
        if name.is_empty() {
            return;
        }
        let path = decode(url.path());
        let slash = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        let mut cookie = Cookie {
            name,
            value,
            path: path[..slash.max(1)].to_vec(),
            secure: false,
        };
        let (mut max_age, mut expires) = (None, None);
        for word in words {
            let (attribute, value) = split_pair(word);
            match attribute.to_ascii_lowercase().as_slice() {
                b"path" if value.starts_with(b"/") => cookie.path = value,
                b"secure" => cookie.secure = true,
                b"domain" if !is_domain_of(&value, url.host()) => return,
                b"max-age" => max_age = parse_number(&value),
                b"expires" => expires = parse_date(&value),
                _ => {}
            }
        }
        let over = match (max_age, expires) {
            (Some(seconds), _) => seconds <= 0,
            (None, Some(date)) => date <= SystemTime::now(),
            (None, None) => false,
        };
        if over {
            self.0.retain(|kept| !kept.is_same(&cookie));
        } else {
            self.put(cookie);
        }
    }

    /// The `Cookie` field of a request to `url`: longer paths first (5.4).
    #[must_use]
    pub fn header(&self, url: &Url) -> Option<Vec<u8>> {
        let path = decode(url.path());
        let mut sent: Vec<&Cookie> = self
            .0
            .iter()
            .filter(|cookie| covers(&cookie.path, &path) && (!cookie.secure || url.is_https()))
            .collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<Vec<u8>> = sent
            .iter()
            .map(|cookie| [cookie.name.as_slice(), b"=", &cookie.value].concat())
            .collect();
        (!pairs.is_empty()).then(|| pairs.join(&b"; "[..]))
    }

    /// Each cookie as a line that [`restore`](Self::restore) takes.
    pub fn lines(&self) -> impl Iterator<Item = Vec<u8>> {
        self.0.iter().map(|cookie| {
            let secure = if cookie.secure { "secure" } else { "" };
            [&cookie.name, &cookie.value, &cookie.path, secure.as_bytes()].join(&b'\t')
        })
    }

    /// Takes a line back.
    pub fn restore(&mut self, line: &[u8]) {
        let fields: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
        if let [name, value, path, secure] = fields[..] {
            self.put(Cookie {
                name: name.to_vec(),
                value: value.to_vec(),
                path: path.to_vec(),
                secure: !secure.is_empty(),
            });
        }
    }

    fn put(&mut self, cookie: Cookie) {
        match self.0.iter_mut().find(|kept| kept.is_same(&cookie)) {
            Some(kept) => *kept = cookie,
            None => self.0.push(cookie),
        }
    }
}

impl Cookie {
    fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.path) == (&other.name, &other.path)
    }
}

/// `name=value`, without the spaces around them. A tab, which RFC 6265 has in neither, is left out.
fn split_pair(text: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let equals = text.iter().position(|&byte| byte == b'=');
    let (name, value) = text.split_at(equals.unwrap_or(text.len()));
    let clean = |text: &[u8]| -> Vec<u8> {
        let text = text.trim_ascii();
        text.iter().copied().filter(|&byte| byte != b'\t').collect()
    };
    (clean(name), clean(value.get(1..).unwrap_or_default()))
}

/// Whether a cookie's path is that of a request, or a folder above it (5.1.4).
fn covers(cookie: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with(b"/") || rest.starts_with(b"/"))
}

/// Whether a host is in a cookie's domain (5.1.3).
fn is_domain_of(domain: &[u8], host: &str) -> bool {
    let domain = domain.strip_prefix(b".").unwrap_or(domain);
    let (domain, host) = (domain.to_ascii_lowercase(), host.to_ascii_lowercase());
    let host = host.as_bytes();
    domain.is_empty()
        || host
            .strip_suffix(domain.as_slice())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(b"."))
}

fn parse_number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Also in the form of the first cookies, with hyphens in the date.
fn parse_date(text: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(text).ok()?;
    httpdate::parse_http_date(text)
        .or_else(|_| httpdate::parse_http_date(&text.replace('-', " ")))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::default().join(text).expect("a URL")
    }

    fn header(jar: &Jar, at: &str) -> String {
        String::from_utf8(jar.header(&url(at)).unwrap_or_default()).expect("UTF-8")
    }

    #[test]
    fn typed_cookies_are_replaced_by_those_that_are_set() {
        let mut jar = Jar::default();
        jar.add_typed(b"a=1; b=2");
        jar.store(&url("/login"), b"a=3; Path=/; HttpOnly");
        assert_eq!(header(&jar, "/x"), "a=3; b=2");
    }

    #[test]
    fn a_cookie_goes_where_its_path_is() {
        let mut jar = Jar::default();
        jar.store(&url("/blog/post"), b"a=1");
        jar.store(&url("/"), b"b=2");
        jar.store(&url("/"), b"c=3; path=/blog/post");
        assert_eq!(header(&jar, "/blog/other"), "a=1; b=2");
        assert_eq!(header(&jar, "/blog/post/x"), "c=3; a=1; b=2");
        assert_eq!(header(&jar, "/blogs"), "b=2");
    }

    #[test]
    fn a_secure_cookie_goes_over_https_only_and_a_strange_domain_is_refused() {
        let mut jar = Jar::default();
        jar.store(&url("/"), b"s=1; Secure");
        jar.store(&url("/"), b"d=1; Domain=example.org");
        jar.store(&url("/"), b"e=1; Domain=.localhost");
        assert_eq!(header(&jar, "/"), "e=1");
        assert_eq!(header(&jar, "https://localhost/"), "s=1; e=1");
    }

    #[test]
    fn a_cookie_whose_time_is_over_is_removed() {
        for over in [
            &b"a=; Max-Age=0"[..],
            b"a=; expires=Thu, 01 Jan 1970 00:00:00 GMT",
            b"a=; expires=Thu, 01-Jan-1970 00:00:00 GMT",
        ] {
            let mut jar = Jar::default();
            jar.add_typed(b"a=1");
            jar.store(&url("/"), over);
            assert_eq!(jar, Jar::default(), "{}", over.escape_ascii());
        }
    }

    #[test]
    fn a_jar_survives_being_written_down() {
        let mut jar = Jar::default();
        jar.store(&url("/x/y"), b"a=b=c; Secure");
        jar.add_typed(b"b=");
        let mut restored = Jar::default();
        jar.lines().for_each(|line| restored.restore(&line));
        assert_eq!(restored, jar);
    }
}
