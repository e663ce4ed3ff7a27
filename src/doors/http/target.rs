//! The request-target (RFC 9112, section 3.2): a path and query, an absolute URI, or `*`. The
//! path is decoded here, once, so that one that cannot be is refused with the request line.

use super::Refusal;
use super::authority;
use super::grammar::percent_decoded;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The form it came in.
    pub form: Form,
    /// The path as sent, with a leading `/`; empty for `*`.
    pub path: Vec<u8>,
    /// The path with its percent-encoded bytes decoded once; never a NUL in it.
    pub decoded_path: Vec<u8>,
    /// The query as sent, without the `?`.
    pub query: Option<Vec<u8>>,
}

/// The form of a request-target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Section 3.2.1, `/path?query`.
    Origin,
    /// Section 3.2.2, `http://authority/path?query`.
    Absolute {
        /// Host and port, which count instead of the Host field's.
        authority: Vec<u8>,
    },
    /// Section 3.2.4, `*`: the server as a whole.
    Asterisk,
}

impl Target {
    pub(super) fn parse(text: &[u8], method: &[u8]) -> Result<Self, Refusal> {
        // RFC 3986, section 2: a URI is visible ASCII. Browsers do send some of it that should be
        // encoded, such as `|` and `"`, and applications expect it; nothing can be confused by it.
        if !text.iter().all(u8::is_ascii_graphic) {
            return Err(Refusal::bad(
                "the target holds a byte that must be percent-encoded",
            ));
        }
        // Section 3.2: no form has a fragment. Servers that guess differ on what it belongs to.
        if text.contains(&b'#') {
            return Err(Refusal::bad("the target has a fragment"));
        }
        match text {
            b"*" if method == b"OPTIONS" => Ok(Self::asterisk()),
            b"*" => Err(Refusal::bad("`*` is a target for OPTIONS only")),
            [b'/', ..] => Self::with_path(Form::Origin, text),
            _ => Self::absolute(text, method),
        }
    }

    /// `scheme "://" authority path-abempty [ "?" query ]`; section 3.2.2: must be accepted.
    fn absolute(text: &[u8], method: &[u8]) -> Result<Self, Refusal> {
        // The scheme is case-insensitive (RFC 3986, section 3.1).
        let after = |scheme: &[u8]| {
            let (start, rest) = text.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        };
        let Some(rest) = after(b"http://") else {
            return Err(match after(b"https://") {
                // RFC 9110, section 7.4: https must be refused on a connection that is not secured.
                Some(_) => Refusal::new(421, "https is not supported here"),
                None => Refusal::bad("the target is neither a path nor an http URI"),
            });
        };
        let end = rest.iter().position(|byte| b"/?".contains(byte));
        let (authority, rest) = rest.split_at(end.unwrap_or(rest.len()));
        // RFC 9110, section 4.2.1: a host is required; section 4.2.4: userinfo is an error.
        if authority.is_empty() || authority[0] == b':' {
            return Err(Refusal::bad("the target names no host"));
        }
        authority::check(authority)?;
        // Section 3.2.4: what a proxy would have turned into `*`.
        if rest.is_empty() && method == b"OPTIONS" {
            return Ok(Self::asterisk());
        }
        let form = Form::Absolute {
            authority: authority.to_vec(),
        };
        // Section 3.2.1: an empty path is sent as `/`.
        if rest.starts_with(b"/") {
            Self::with_path(form, rest)
        } else {
            Self::with_path(form, &[b"/", rest].concat())
        }
    }

    fn with_path(form: Form, text: &[u8]) -> Result<Self, Refusal> {
        let (path, query) = match text.iter().position(|&byte| byte == b'?') {
            Some(mark) => (&text[..mark], Some(text[mark + 1..].to_vec())),
            None => (text, None),
        };
        let decoded_path = percent_decoded(path).ok_or(Refusal::bad(
            "a `%` in the path is not followed by two hexadecimal digits",
        ))?;
        // RFC 3875, section 4.1.5: a server may refuse values. No meta-variable can hold a NUL.
        if decoded_path.contains(&0) {
            return Err(Refusal::bad("a NUL in the path"));
        }
        Ok(Self {
            form,
            path: path.to_vec(),
            decoded_path,
            query,
        })
    }

    fn asterisk() -> Self {
        Self {
            form: Form::Asterisk,
            path: Vec::new(),
            decoded_path: Vec::new(),
            query: None,
        }
    }

    /// Path and query as sent, or `*`: what Apache calls REQUEST_URI and what a log shows.
    #[must_use]
    pub fn request_uri(&self) -> Vec<u8> {
        match (&self.form, &self.query) {
            (Form::Asterisk, _) => b"*".to_vec(),
            (_, None) => self.path.clone(),
            (_, Some(query)) => [&self.path, &b"?"[..], query].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(text: &str) -> Target {
        Target::parse(text.as_bytes(), b"GET").expect("a good target")
    }

    #[test]
    fn a_query_is_kept_raw_and_only_the_first_mark_divides() {
        let target = get("/a%20b?x=%zz?&y");
        assert_eq!(target.path, b"/a%20b");
        assert_eq!(target.decoded_path, b"/a b");
        assert_eq!(target.query.as_deref(), Some(&b"x=%zz?&y"[..]));
        assert_eq!(target.request_uri(), b"/a%20b?x=%zz?&y");
        assert_eq!(get("/?").query.as_deref(), Some(&b""[..]));
        assert_eq!(get("/").query, None);
    }

    #[test]
    fn an_absolute_target_without_a_path_means_the_root() {
        for (text, uri) in [
            ("http://h", "/"),
            ("HTTP://h?q", "/?q"),
            ("http://h:80/a?q", "/a?q"),
        ] {
            let target = get(text);
            assert_eq!(target.request_uri(), uri.as_bytes(), "{text}");
            assert!(matches!(target.form, Form::Absolute { .. }));
        }
        let options = Target::parse(b"http://h", b"OPTIONS").expect("a good target");
        assert_eq!(options.form, Form::Asterisk);
    }
}
