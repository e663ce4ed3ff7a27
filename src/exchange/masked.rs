//! A request without its secrets: parameters of a query, wherever there is one, and of a form. What is
//! called as a secret is called keeps its name and loses its value.

mod json;
mod multipart;
mod urlencoded;

use std::borrow::Cow;
use std::io::{self, BufRead, Write};

use super::query::parameters;
use super::secrets::{MASKED, is_secret_name};

/// The parameters of a query that are no secrets, as they were sent.
#[must_use]
pub(super) fn masked_query(query: &[u8]) -> Cow<'_, [u8]> {
    let is_secret = |pair: &[u8]| {
        let equals = memchr::memchr(b'=', pair);
        equals.is_some_and(|at| at + 1 < pair.len() && is_secret_parameter(&pair[..at]))
    };
    let is_separator = |byte: &u8| *byte == b'&' || *byte == b';';
    if !query.split(is_separator).any(is_secret) {
        return Cow::Borrowed(query);
    }
    let mut masked = Vec::with_capacity(query.len());
    for pair in query.split_inclusive(is_separator) {
        let (pair, separator) = match pair.split_last() {
            Some((last, rest)) if is_separator(last) => (rest, &pair[rest.len()..]),
            _ => (pair, &b""[..]),
        };
        if is_secret(pair) {
            let equals = memchr::memchr(b'=', pair).map_or(pair.len(), |at| at + 1);
            masked.extend_from_slice(&pair[..equals]);
            masked.extend_from_slice(MASKED.as_bytes());
        } else {
            masked.extend_from_slice(pair);
        }
        masked.extend_from_slice(separator);
    }
    Cow::Owned(masked)
}

/// A meta-variable's value: a query, or what has one, as a URL in `Referer`.
#[must_use]
pub fn masked_value<'a>(name: &[u8], value: &'a [u8]) -> Cow<'a, [u8]> {
    if name.ends_with(b"QUERY_STRING") {
        return masked_query(value);
    }
    // A fragment may have parameters too (OAuth's implicit grant).
    let Some(at) = memchr::memchr2(b'?', b'#', value) else {
        return Cow::Borrowed(value);
    };
    let (path, query) = value.split_at(at + 1);
    match masked_query(query) {
        Cow::Borrowed(_) => Cow::Borrowed(value),
        Cow::Owned(query) => Cow::Owned([path, &query].concat()),
    }
}

/// As a form writes it.
fn is_secret_parameter(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    parameters(&name).any(|(name, _)| is_secret_name(name.as_bytes()))
}

/// How a form is written in a request's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// `application/x-www-form-urlencoded`
    Urlencoded,
    /// `multipart/form-data`, with its boundary.
    Multipart(Vec<u8>),
    /// `application/json`, and what is made of it.
    Json,
}

impl Form {
    /// By the request's `CONTENT_TYPE`.
    #[must_use]
    pub fn of(content_type: &[u8]) -> Option<Self> {
        let mut parts = content_type.split(|&byte| byte == b';');
        let kind = parts.next()?.trim_ascii().to_ascii_lowercase();
        match kind.as_slice() {
            b"application/x-www-form-urlencoded" => Some(Self::Urlencoded),
            b"application/json" => Some(Self::Json),
            kind if kind.ends_with(b"+json") => Some(Self::Json),
            kind if kind.starts_with(b"multipart/") => parts.find_map(|part| {
                let part = part.trim_ascii();
                let equals = memchr::memchr(b'=', part)?;
                let value = part[equals + 1..].trim_ascii();
                let value = value.strip_prefix(b"\"").unwrap_or(value);
                let value = value.strip_suffix(b"\"").unwrap_or(value);
                part[..equals]
                    .eq_ignore_ascii_case(b"boundary")
                    .then(|| Self::Multipart(value.to_vec()))
            }),
            _ => None,
        }
    }

    /// Copies a form without its secrets, a piece at a time; whether there were any.
    ///
    /// # Errors
    /// As reading and writing fail.
    pub fn copy(&self, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<bool> {
        match self {
            Self::Urlencoded => urlencoded::copy(from, to),
            Self::Multipart(boundary) => multipart::copy(boundary, from, to),
            Self::Json => json::copy(from, to),
        }
    }
}

/// What one step takes at most.
const PIECE: u64 = 64 * 1024;

/// Reads up to `end`, or a piece if that is far; false at the end.
fn piece(from: &mut impl BufRead, end: u8, into: &mut Vec<u8>) -> io::Result<bool> {
    into.clear();
    Ok(io::Read::take(&mut *from, PIECE).read_until(end, into)? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_keeps_what_is_no_secret() {
        for (query, expected) in [
            ("a=1&b=2", "a=1&b=2"),
            ("a=1&token=abc&b=2", "a=1&token=[masked]&b=2"),
            ("a=1;Password=a=b", "a=1;Password=[masked]"),
            ("%74oken=x&&api_key=", "%74oken=[masked]&&api_key="),
            ("", ""),
        ] {
            assert_eq!(masked_query(query.as_bytes()), expected.as_bytes());
        }
        for (name, value, expected) in [
            (
                "HTTP_REFERER",
                "http://a/?x=1&sessionid=7",
                "http://a/?x=1&sessionid=[masked]",
            ),
            (
                "HTTP_REFERER",
                "http://a/#access_token=7",
                "http://a/#access_token=[masked]",
            ),
            ("REQUEST_URI", "/a?token=x", "/a?token=[masked]"),
            ("REDIRECT_QUERY_STRING", "token=x", "token=[masked]"),
            ("PATH_INFO", "/token=x", "/token=x"),
        ] {
            assert_eq!(
                masked_value(name.as_bytes(), value.as_bytes()),
                expected.as_bytes()
            );
        }
    }

    #[track_caller]
    fn check(kind: &str, content: &str, expected: &str) {
        let form = Form::of(kind.as_bytes()).expect("a form");
        for capacity in [1, 7, 8192] {
            let mut from = io::BufReader::with_capacity(capacity, content.as_bytes());
            let mut to = Vec::new();
            let masked = form.copy(&mut from, &mut to).expect("copied");
            assert_eq!(String::from_utf8_lossy(&to), expected);
            assert_eq!(masked, content != expected);
        }
    }

    #[test]
    fn forms_keep_what_is_no_secret() {
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        check(kind, "a=1&b=2", "a=1&b=2");
        check(
            kind,
            "user=me&password=a%20b&c=3",
            "user=me&password=[masked]&c=3",
        );
        let long = "x".repeat(200_000);
        check(
            kind,
            &format!("password={long}&c={long}"),
            &format!("password=[masked]&c={long}"),
        );

        let kind = "multipart/form-data; boundary=\"xx\"";
        let form = |password: &str| {
            format!(
                "--xx\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nme\r\n--xx\r\n\
                 Content-Disposition: form-data; name=\"password\"\r\nX: y\r\n\r\n{password}\r\n--xx\r\n\
                 content-disposition: form-data; name=file; filename=\"token\"\r\n\r\n{long}\r\n--xx--\r\n"
            )
        };
        check(kind, &form("hush\r\n\r\nhush"), &form("[masked]"));
        check(kind, &form(&long), &form("[masked]"));

        let kind = "application/json";
        check(
            kind,
            "{\"a\": [1, \"b\"], \"c\": {}}",
            "{\"a\": [1, \"b\"], \"c\": {}}",
        );
        check(
            kind,
            "{\"user\": \"me\", \"password\" : \"a\\\"b\", \"pin_token\": 17, \"x\": {\"apiKey\":\"k\"}}",
            "{\"user\": \"me\", \"password\" : \"[masked]\", \"pin_token\": \"[masked]\", \"x\": {\"apiKey\":\"[masked]\"}}",
        );
        check(
            kind,
            "[{\"tokens\": [\"a\", {\"b\": \"c\"}], \"d\": \"e\"}]",
            "[{\"tokens\": \"[masked]\", \"d\": \"e\"}]",
        );
    }

    #[test]
    fn what_is_no_form_is_none() {
        for kind in [
            "",
            "text/plain",
            "multipart/form-data",
            "application/octet-stream",
        ] {
            assert_eq!(Form::of(kind.as_bytes()), None, "{kind}");
        }
    }
}
