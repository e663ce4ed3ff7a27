//! The cookies that a client keeps from one request to the next (RFC 6265). `file` reads and writes them.

mod file;

use std::time::{Duration, SystemTime};

use super::url::{Url, decode};

/// Cookies that were set, and those that were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jar {
    set: Vec<Cookie>,
    /// The cookies of `-b NAME=VALUE`, which are sent unchanged.
    typed: Vec<u8>,
}

/// One cookie that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: Vec<u8>,
    value: Vec<u8>,
    /// The host, or the domain, in small letters.
    domain: String,
    /// Whether it is sent to all hosts of the domain.
    is_of_domain: bool,
    path: Vec<u8>,
    secure: bool,
    http_only: bool,
    /// When it expires, in seconds since 1970; `None` for the end of the session.
    expires: Option<u64>,
}

impl Jar {
    /// Cookies as `-b` has them: `a=1; b=2`, for every path.
    pub fn add_typed(&mut self, text: &[u8]) {
        if !self.typed.is_empty() {
            self.typed.push(b';');
        }
        self.typed.extend_from_slice(text);
    }

    /// The typed cookies, without those that a response has set since.
    #[must_use]
    pub fn typed(&self) -> &[u8] {
        &self.typed
    }

    /// Stores, replaces or removes a cookie according to a `Set-Cookie` from `url` (5.2, 5.3). It replaces a
    /// typed cookie of the same name.
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
            domain: url.host().to_ascii_lowercase(),
            is_of_domain: false,
            path: path[..slash.max(1)].to_vec(),
            secure: false,
            http_only: false,
            expires: None,
        };
        let (mut max_age, mut expires) = (None, None);
        for word in words {
            let (attribute, value) = split_pair(word);
            match attribute.to_ascii_lowercase().as_slice() {
                b"path" if value.starts_with(b"/") => cookie.path = value,
                b"secure" => cookie.secure = true,
                b"httponly" => cookie.http_only = true,
                b"domain" => {
                    let domain = value.strip_prefix(b".").unwrap_or(&value);
                    let domain = String::from_utf8_lossy(domain).to_ascii_lowercase();
                    if !is_domain_of(&domain, url.host()) {
                        return;
                    }
                    if !domain.is_empty() {
                        (cookie.domain, cookie.is_of_domain) = (domain, true);
                    }
                }
                b"max-age" => max_age = parse_number(&value),
                b"expires" => expires = parse_date(&value),
                _ => {}
            }
        }
        let now = SystemTime::now();
        let until = match (max_age, expires) {
            (Some(seconds), _) => {
                let seconds = u64::try_from(seconds).unwrap_or_default();
                now.checked_add(Duration::from_secs(seconds))
            }
            (None, expires) => expires,
        };
        self.forget_typed(&cookie.name);
        if until.is_some_and(|until| until <= now) {
            self.set.retain(|kept| !kept.is_same(&cookie));
            return;
        }
        cookie.expires = until.map(seconds);
        self.put(cookie);
    }

    /// The `Cookie` field of a request to `url`: longer paths first (5.4), then in curl's order, then the typed
    /// cookies if `with_typed`.
    #[must_use]
    pub fn header(&self, url: &Url, with_typed: bool) -> Option<Vec<u8>> {
        let path = decode(url.path());
        let now = seconds(SystemTime::now());
        let mut sent: Vec<&Cookie> = self
            .set
            .iter()
            .filter(|cookie| cookie.is_for(url) && covers(&cookie.path, &path))
            .filter(|cookie| cookie.expires.is_none_or(|expires| expires > now))
            .collect();
        sent.sort_by_key(|cookie| (cookie.path.len(), cookie.domain.len(), cookie.name.len()));
        sent.reverse();
        let mut pairs: Vec<Vec<u8>> = sent
            .iter()
            .map(|cookie| [cookie.name.as_slice(), b"=", &cookie.value].concat())
            .collect();
        if with_typed && !self.typed.is_empty() {
            pairs.push(self.typed.clone());
        }
        (!pairs.is_empty()).then(|| pairs.join(&b"; "[..]))
    }

    fn forget_typed(&mut self, name: &[u8]) {
        let pairs: Vec<&[u8]> = self.typed.split(|&byte| byte == b';').collect();
        if pairs.iter().any(|pair| split_pair(pair).0 == name) {
            let others = pairs.into_iter().filter(|pair| split_pair(pair).0 != name);
            let others: Vec<&[u8]> = others.map(<[u8]>::trim_ascii).collect();
            self.typed = others.join(&b"; "[..]);
        }
    }

    fn put(&mut self, cookie: Cookie) {
        match self.set.iter_mut().find(|kept| kept.is_same(&cookie)) {
            Some(kept) => *kept = cookie,
            None => self.set.push(cookie),
        }
    }
}

impl Cookie {
    fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.domain, &self.path) == (&other.name, &other.domain, &other.path)
    }

    /// Whether it is sent to that host. A `Secure` cookie is also sent to this machine over HTTP, as by curl and
    /// browsers.
    fn is_for(&self, url: &Url) -> bool {
        let host = url.host();
        let is_its_host = if self.is_of_domain {
            is_domain_of(&self.domain, host)
        } else {
            self.domain.eq_ignore_ascii_case(host)
        };
        let is_here = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
        is_its_host && (!self.secure || url.is_https() || is_here)
    }
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
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
fn is_domain_of(domain: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    domain.is_empty()
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
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
        String::from_utf8(jar.header(&url(at), true).unwrap_or_default()).expect("UTF-8")
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
    fn a_secure_cookie_goes_over_https_or_stays_here_and_a_strange_domain_is_refused() {
        let mut jar = Jar::default();
        let at = |path: &str| format!("http://www.example.org{path}");
        jar.store(&url(&at("/")), b"s=1; Secure");
        jar.store(&url(&at("/")), b"d=1; Domain=example.com");
        jar.store(&url(&at("/")), b"e=1; Domain=.Example.org");
        jar.store(&url("/"), b"l=1; Secure");
        assert_eq!(header(&jar, &at("/")), "e=1");
        assert_eq!(header(&jar, "https://www.example.org/"), "s=1; e=1");
        assert_eq!(header(&jar, "http://example.org/"), "e=1");
        assert_eq!(header(&jar, "/"), "l=1");
    }

    #[test]
    fn typed_cookies_are_sent_unchanged() {
        let mut jar = Jar::default();
        jar.add_typed(b"a=1;  a=2; x");
        jar.add_typed(b"c=3");
        assert_eq!(header(&jar, "/"), "a=1;  a=2; x;c=3");
        assert_eq!(jar.header(&url("/"), false), None);
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
}
