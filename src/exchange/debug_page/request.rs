//! The request for display: the method, the URL, header fields by their HTTP names, and the other
//! meta-variables, without the rest of the environment. Secret values are masked here.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::query::parameters;
use crate::secrets::is_secret;
use crate::{MASKED, MetaVariables, is_secret_name, masked_value};

/// Names and values.
pub(super) type Pairs = Vec<(String, String)>;

/// What is shown of a request.
pub(super) struct Shown {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) query: Pairs,
    pub(super) fields: Pairs,
    pub(super) others: Pairs,
}

impl Shown {
    pub(super) fn of(meta: &MetaVariables) -> Self {
        let text = |name| visible(meta.get(name).unwrap_or_default());
        let query = text("QUERY_STRING");
        let mut shown = Self {
            method: text("REQUEST_METHOD"),
            url: url(meta),
            query: parameters(&query)
                .map(|(name, value)| {
                    let value = masked(is_secret_name(name.as_bytes()), value);
                    (name, value)
                })
                .collect(),
            fields: Vec::new(),
            others: Vec::new(),
        };
        for (name, value) in meta.of_the_request() {
            let text = visible(&masked_value(name, value));
            let value = masked(is_secret(name, value), text);
            match field_name(name) {
                Some(name) => shown.fields.push((name, value)),
                None => shown.others.push((visible(name), value)),
            }
        }
        shown.fields.sort_unstable();
        shown.others.sort_unstable();
        shown
    }
}

fn masked(is_secret: bool, value: String) -> String {
    if is_secret && !value.is_empty() {
        MASKED.to_owned()
    } else {
        value
    }
}

/// `HTTP_ACCEPT_LANGUAGE` is `Accept-Language`.
fn field_name(name: &[u8]) -> Option<String> {
    let name = match name {
        b"CONTENT_TYPE" | b"CONTENT_LENGTH" => name,
        _ => name.strip_prefix(b"HTTP_")?,
    };
    let words = visible(name);
    let words = words.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(String::from).unwrap_or_default();
        first + &letters.as_str().to_lowercase()
    });
    Some(words.collect::<Vec<_>>().join("-"))
}

/// All but the unreserved characters (RFC 3986, section 2.3), and what each part of a URL may have besides.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const HOST: &AsciiSet = &RESERVED.remove(b'[').remove(b']').remove(b':');
const PATH: &AsciiSet = &RESERVED
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');
const QUERY: &AsciiSet = &PATH.remove(b'?').remove(b'%').remove(b'[').remove(b']');

/// Reconstructed as PEP 3333 describes.
fn url(meta: &MetaVariables) -> String {
    let get = |name| meta.get(name).unwrap_or_default();
    let scheme = meta.scheme();
    let mut url = format!("{scheme}://");
    if let Some(host) = meta.get("HTTP_HOST") {
        url.extend(percent_encode(host, HOST));
    } else {
        url.extend(percent_encode(get("SERVER_NAME"), HOST));
        let port = get("SERVER_PORT");
        if !matches!(
            (scheme, port),
            (_, b"") | ("http", b"80") | ("https", b"443")
        ) {
            url.push(':');
            url.extend(percent_encode(port, RESERVED));
        }
    }
    for name in ["SCRIPT_NAME", "PATH_INFO"] {
        url.extend(percent_encode(get(name), PATH));
    }
    if let Some(query) = meta.get("QUERY_STRING") {
        url.push('?');
        let query = masked_value(b"QUERY_STRING", query);
        url.extend(percent_encode(&query, QUERY));
    }
    url
}

/// As UTF-8, with invalid bytes as `\xff`.
fn visible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pairs: &[(&str, &[u8])]) -> Shown {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
        Shown::of(&MetaVariables::from_pairs(pairs))
    }

    #[test]
    fn a_url_is_put_together_again() {
        let request = shown(&[
            ("SERVER_NAME", b"example.org"),
            ("SERVER_PORT", b"8080"),
            ("SCRIPT_NAME", b"/app"),
            ("PATH_INFO", b"/a b/\xff"),
            ("QUERY_STRING", b"x=%41&y=<"),
        ]);
        assert_eq!(
            request.url,
            "http://example.org:8080/app/a%20b/%FF?x=%41&y=%3C"
        );
        let request = shown(&[("HTTP_HOST", b"[::1]:8000"), ("HTTPS", b"on")]);
        assert_eq!(request.url, "https://[::1]:8000");
    }

    #[test]
    fn fields_have_their_own_names_and_secrets_no_values() {
        let request = shown(&[
            ("HTTP_ACCEPT_LANGUAGE", b"de"),
            ("HTTP_X_API_KEY", b"abc"),
            ("CONTENT_TYPE", b"text/plain"),
            ("REMOTE_PASSWORD", b"\xff"),
            ("DB_HOST", b"of the shell"),
            ("SERVER_ODD", b"a\xffb"),
            ("QUERY_STRING", b"token=t&page=2"),
        ]);
        let pairs = |pairs: &[(&str, &str)]| -> Pairs {
            let owned = pairs
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
            owned.collect()
        };
        assert_eq!(
            request.fields,
            pairs(&[
                ("Accept-Language", "de"),
                ("Content-Type", "text/plain"),
                ("X-Api-Key", MASKED)
            ])
        );
        assert_eq!(request.query, pairs(&[("token", MASKED), ("page", "2")]));
        assert_eq!(request.url, "http://?token=[masked]&page=2");
        let query = ("QUERY_STRING".into(), "token=[masked]&page=2".into());
        assert!(request.others.contains(&query));
        assert!(
            request
                .others
                .contains(&("REMOTE_PASSWORD".into(), MASKED.into()))
        );
        assert!(
            request
                .others
                .contains(&("SERVER_ODD".into(), "a\\xffb".into()))
        );
    }
}
