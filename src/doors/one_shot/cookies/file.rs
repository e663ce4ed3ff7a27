//! Cookies in a file, one per line, in Netscape's format, which curl and other programs use:
//!
//! ```text
//! #HttpOnly_.example.org  TRUE  /path  FALSE  1767225600  name  value
//! ```
//!
//! The fields, separated by tabs, are: domain, whether it is sent to all hosts of the domain, path, whether it is
//! sent over HTTPS only, when it expires (0: with the session), name, value.

use super::{Cookie, Jar, Url};

const HEAD: &[u8] = b"# Netscape HTTP Cookie File\n\n";
const HTTP_ONLY: &[u8] = b"#HttpOnly_";

impl Jar {
    /// The content of a file with the cookies that were set.
    #[must_use]
    pub fn file(&self) -> Vec<u8> {
        let mut file = HEAD.to_vec();
        for line in self.lines() {
            file.extend(line);
            file.push(b'\n');
        }
        file
    }

    /// Each cookie that was set as a line of such a file.
    pub fn lines(&self) -> impl Iterator<Item = Vec<u8>> {
        self.set.iter().map(|cookie| {
            let word = |is: bool| if is { &b"TRUE"[..] } else { b"FALSE" };
            let begin = if cookie.http_only { HTTP_ONLY } else { b"" };
            let dot = if cookie.is_of_domain { "." } else { "" };
            let domain = [begin, dot.as_bytes(), cookie.domain.as_bytes()].concat();
            let expires = cookie.expires.unwrap_or(0).to_string();
            let fields = [
                domain.as_slice(),
                word(cookie.is_of_domain),
                &cookie.path,
                word(cookie.secure),
                expires.as_bytes(),
                &cookie.name,
                &cookie.value,
            ];
            fields.join(&b'\t')
        })
    }

    /// Adds the cookies of a file, session cookies only if `with_session`. `Set-Cookie` lines of an HTTP head
    /// are read too, as if they came from `url`.
    pub fn restore(&mut self, file: &[u8], url: &Url, with_session: bool) {
        for line in file.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let is_set_cookie = line
                .get(..11)
                .is_some_and(|begin| begin.eq_ignore_ascii_case(b"Set-Cookie:"));
            if is_set_cookie {
                self.store(url, &line[11..]);
            } else if let Some(cookie) = parse(line) {
                self.put(cookie);
            }
        }
        if !with_session {
            self.set.retain(|cookie| cookie.expires.is_some());
        }
    }
}

fn parse(line: &[u8]) -> Option<Cookie> {
    let (http_only, line) = match line.strip_prefix(HTTP_ONLY) {
        Some(line) => (true, line),
        None => (false, line),
    };
    if line.starts_with(b"#") {
        return None;
    }
    let mut fields = line.split(|&byte| byte == b'\t');
    let mut next = || fields.next();
    let domain = std::str::from_utf8(next()?).ok()?;
    let is_of_domain = next()?.eq_ignore_ascii_case(b"TRUE");
    let path = next()?.to_vec();
    let secure = next()?.eq_ignore_ascii_case(b"TRUE");
    let expires: u64 = std::str::from_utf8(next()?).ok()?.parse().ok()?;
    Some(Cookie {
        name: next()?.to_vec(),
        value: next().unwrap_or_default().to_vec(),
        domain: domain
            .strip_prefix('.')
            .unwrap_or(domain)
            .to_ascii_lowercase(),
        is_of_domain,
        path,
        secure,
        http_only,
        expires: (expires > 0).then_some(expires),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::default().join(text).expect("a URL")
    }

    #[test]
    fn a_jar_survives_being_written_down() {
        let mut jar = Jar::default();
        jar.store(&url("/x/y"), b"a=b=c; Secure; HttpOnly");
        jar.store(
            &url("http://www.example.org/"),
            b"d=; Domain=example.org; Max-Age=1000",
        );
        let file = jar.file();
        let text = String::from_utf8_lossy(&file).into_owned();
        assert!(
            text.contains("\n#HttpOnly_localhost\tFALSE\t/x\tTRUE\t0\ta\tb=c\n"),
            "{text}"
        );
        assert!(text.contains("\n.example.org\tTRUE\t/\tFALSE\t"), "{text}");
        let mut restored = Jar::default();
        restored.restore(&file, &url("/"), true);
        assert_eq!(restored, jar);
        let mut lasting = Jar::default();
        lasting.restore(&file, &url("/"), false);
        assert_eq!(lasting.lines().count(), 1);
    }

    #[test]
    fn set_cookie_lines_are_read_and_other_lines_ignored() {
        let mut jar = Jar::default();
        let file = b"HTTP/1.1 200 OK\r\nset-cookie: a=1; Path=/\r\n\r\n# text\nlocalhost\tFALSE\n";
        jar.restore(file, &url("/"), true);
        assert_eq!(jar.header(&url("/"), true), Some(b"a=1".to_vec()));
    }
}
