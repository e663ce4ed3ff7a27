//! A request without its secrets: in a query, wherever there is one, and in a form, a parameter
//! with the name of a secret keeps its name and loses its value.

mod json;
mod multipart;
mod urlencoded;

use std::borrow::Cow;
use std::io::{self, BufRead, Write};

use super::query::{decoded, parameters};
use super::secrets::{MASKED, has_password, is_secret_name};

/// The query with the values of secret parameters masked, else as it was sent.
#[must_use]
pub(super) fn masked_query(query: &[u8]) -> Cow<'_, [u8]> {
    let is_secret = |pair: &[u8]| {
        let equals = memchr::memchr(b'=', pair);
        equals.is_some_and(|at| {
            at + 1 < pair.len()
                && (is_secret_parameter(&pair[..at]) || carries_secret(&pair[at + 1..]))
        })
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

/// A meta-variable's value with secrets masked: a query, or a URL such as `Referer`.
#[must_use]
pub fn masked_value<'a>(name: &[u8], value: &'a [u8]) -> Cow<'a, [u8]> {
    if name.ends_with(b"QUERY_STRING") {
        return masked_query(value);
    }
    // A fragment may have parameters too (OAuth's implicit grant).
    let at = memchr::memchr2(b'?', b'#', value).map_or(value.len(), |at| at + 1);
    let (path, query) = value.split_at(at);
    match (masked_path(path), masked_query(query)) {
        (Cow::Borrowed(_), Cow::Borrowed(_)) => Cow::Borrowed(value),
        (path, query) => Cow::Owned([path, query].concat()),
    }
}

/// A path's own parameters: `/shop;jsessionid=0123` (RFC 3986, section 3.3).
fn masked_path(path: &[u8]) -> Cow<'_, [u8]> {
    let is_end = |byte: &u8| b";/?#".contains(byte);
    let mut masked = Vec::with_capacity(path.len());
    let mut is_parameter = false;
    for part in path.split_inclusive(is_end) {
        let equals = memchr::memchr(b'=', part);
        let end = part.len() - usize::from(part.last().is_some_and(is_end));
        match equals.filter(|&at| is_parameter && at + 1 < end && is_secret_parameter(&part[..at]))
        {
            Some(at) => {
                masked.extend_from_slice(&part[..=at]);
                masked.extend_from_slice(MASKED.as_bytes());
                masked.extend_from_slice(&part[end..]);
            }
            None => masked.extend_from_slice(part),
        }
        is_parameter = part.ends_with(b";");
    }
    if masked == path {
        return Cow::Borrowed(path);
    }
    Cow::Owned(masked)
}

/// How often a value is decoded, as a URL within a URL is encoded more than once.
const DEEPEST: usize = 4;

/// Whether a value holds a URL or a form that has a secret: `next=/a%3Ftoken%3Dx`. Then all of it
/// is masked.
fn carries_secret(value: &[u8]) -> bool {
    let mut text = String::from_utf8_lossy(value).into_owned();
    for _ in 0..DEEPEST {
        let pairs = text.split(|letter: char| "?#&;\r\n".contains(letter));
        let is_secret = |pair: &str| {
            pair.split_once('=')
                .is_some_and(|(name, value)| !value.is_empty() && is_secret_name(name.as_bytes()))
        };
        let mut pairs = pairs;
        if pairs.any(is_secret) || has_password(text.as_bytes()) {
            return true;
        }
        let decoded = decoded(&text);
        if decoded == text {
            break;
        }
        text = decoded;
    }
    false
}

/// Whether the name of a parameter, as it was sent, is that of a secret.
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
    /// `application/json` and formats that are based on it.
    Json,
    /// Of an unknown type: its first bytes decide.
    Unknown,
}

/// Media types that have no fields.
const NO_FORMS: [&[u8]; 7] = [
    b"audio/",
    b"font/",
    b"image/",
    b"video/",
    b"application/gzip",
    b"application/pdf",
    b"application/zip",
];

impl Form {
    /// By the request's `CONTENT_TYPE`.
    #[must_use]
    pub fn of(content_type: &[u8]) -> Option<Self> {
        let mut parts = content_type.split(|&byte| byte == b';');
        let kind = parts.next()?.trim_ascii().to_ascii_lowercase();
        Some(match kind.as_slice() {
            b"application/x-www-form-urlencoded" => Self::Urlencoded,
            kind if memchr::memmem::find(kind, b"json").is_some() => Self::Json,
            kind if kind.starts_with(b"multipart/") => {
                boundary(parts).map_or(Self::Unknown, Self::Multipart)
            }
            kind if NO_FORMS.iter().any(|start| kind.starts_with(start)) => return None,
            _ => Self::Unknown,
        })
    }

    /// Copies a form without its secrets, a piece at a time; returns whether there were any.
    ///
    /// # Errors
    /// As reading and writing fail.
    pub fn copy(&self, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<bool> {
        match self {
            Self::Urlencoded => urlencoded::copy(from, to),
            Self::Multipart(boundary) => multipart::copy(boundary, from, to),
            Self::Json => json::copy(from, to),
            Self::Unknown => match guessed(from.fill_buf()?) {
                Some(Self::Json) => json::copy(from, to),
                Some(Self::Multipart(boundary)) => multipart::copy(&boundary, from, to),
                Some(_) => urlencoded::copy(from, to),
                None => io::copy(from, to).map(|_| false),
            },
        }
    }
}

fn boundary<'a>(mut parameters: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    parameters.find_map(|part| {
        let part = part.trim_ascii();
        let equals = memchr::memchr(b'=', part)?;
        let value = part[equals + 1..].trim_ascii();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let value = value.strip_suffix(b"\"").unwrap_or(value);
        let is_boundary = part[..equals].eq_ignore_ascii_case(b"boundary");
        is_boundary.then(|| value.to_vec())
    })
}

/// The type of content that begins like this; `None` if it is not text.
fn guessed(start: &[u8]) -> Option<Form> {
    if start
        .iter()
        .any(|&byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
    {
        return None;
    }
    let text = start.trim_ascii_start();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    match text {
        [b'{' | b'[', ..] => Some(Form::Json),
        [b'-', b'-', rest @ ..] => {
            let line = rest.split(|&byte| byte == b'\n').next()?;
            Some(Form::Multipart(line.trim_ascii_end().to_vec()))
        }
        _ => Some(Form::Urlencoded),
    }
}

/// The most bytes of one step.
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
    fn a_query_keeps_all_but_secrets() {
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
    fn forms_keep_all_but_secrets() {
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
    fn content_without_fields_is_not_a_form() {
        for kind in ["image/png", "video/mp4", "application/pdf"] {
            assert_eq!(Form::of(kind.as_bytes()), None, "{kind}");
        }
        let binary = "\u{0}\u{1}&password=x";
        check("application/octet-stream", binary, binary);
    }

    #[test]
    fn the_first_bytes_decide_for_an_unknown_type() {
        for kind in [
            "",
            "text/plain",
            "application/octet-stream",
            "multipart/form-data",
        ] {
            check(kind, "a=1&pwd=x", "a=1&pwd=[masked]");
            check(kind, "just words", "just words");
            check(kind, "{\"pwd\": 1}", "{\"pwd\": \"[masked]\"}");
        }
        check("text/json", "{\"pwd\": 1}", "{\"pwd\": \"[masked]\"}");
    }

    #[test]
    fn a_name_is_read_however_it_is_written() {
        for (kind, content, expected) in [
            (
                "application/x-www-form-urlencoded",
                "pass+word=x&a=1",
                "pass+word=[masked]&a=1",
            ),
            (
                "application/json",
                r#"{"pass\u0077ord": "x"}"#,
                r#"{"pass\u0077ord": "[masked]"}"#,
            ),
            (
                "application/json",
                r#"[{"name": "password", "value": "x"}, {"name": "b", "value": "y"}]"#,
                r#"[{"name": "password", "value": "[masked]"}, {"name": "b", "value": "y"}]"#,
            ),
            (
                "application/json",
                r#"{"a": {"key":"otp","extra":[{"value":1}],"value":[1,{"b":2}]},"value":3}"#,
                r#"{"a": {"key":"otp","extra":[{"value":1}],"value":"[masked]"},"value":3}"#,
            ),
            (
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition:\r\n form-data;\r\n\tname=\"password\"\r\n\r\nhush\r\n--x--\r\n",
                "--x\r\nContent-Disposition:\r\n form-data;\r\n\tname=\"password\"\r\n\r\n[masked]\r\n--x--\r\n",
            ),
            (
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition: form-data; name=\"a;password\"\r\n\r\nhush\r\n--x--\r\n",
                "--x\r\nContent-Disposition: form-data; name=\"a;password\"\r\n\r\n[masked]\r\n--x--\r\n",
            ),
            (
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition: form-data; filename=\"a; name=token\"; name=b\r\n\r\nc\r\n--x--\r\n",
                "--x\r\nContent-Disposition: form-data; filename=\"a; name=token\"; name=b\r\n\r\nc\r\n--x--\r\n",
            ),
        ] {
            check(kind, content, expected);
        }
    }

    #[test]
    fn a_secret_within_a_value_is_found() {
        for (query, expected) in [
            ("next=/a%3Ftoken%3Dx&b=1", "next=[masked]&b=1"),
            ("next=%252Fa%253Ftoken%253Dx", "next=[masked]"),
            ("a=b?token=x", "a=[masked]"),
            ("u=http://x/?token=x", "u=[masked]"),
            ("u=http%3A%2F%2Fme%3Apw%40host%2F", "u=[masked]"),
            ("next=/tokens/list?id=5", "next=/tokens/list?id=5"),
        ] {
            assert_eq!(
                masked_query(query.as_bytes()),
                expected.as_bytes(),
                "{query}"
            );
        }
        for (value, expected) in [
            ("/a;jsessionid=abc", "/a;jsessionid=[masked]"),
            ("/a;jsessionid=abc/b?c=d", "/a;jsessionid=[masked]/b?c=d"),
            ("http://x/?u=http://x/?token=x", "http://x/?u=[masked]"),
            ("/a;b=c", "/a;b=c"),
        ] {
            assert_eq!(
                masked_value(b"REQUEST_URI", value.as_bytes()),
                expected.as_bytes()
            );
        }
    }
}
