//! The path and the query of a URL as they are sent: with codes for what may not stand there, and without dot segments.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};

/// What may not stand in a path or a query; `%` is taken for the beginning of a code.
const NOT_ALLOWED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// The characters to encode in a query: braces and backticks stay.
const IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');

/// A path as it is sent.
pub(super) fn encode(text: &[u8]) -> String {
    percent_encode(text, NOT_ALLOWED).to_string()
}

/// A query as it is sent.
pub(super) fn encode_query(text: &[u8]) -> String {
    percent_encode(text, IN_QUERY).to_string()
}

/// Decodes `%XX`; an invalid code stays as it is.
#[must_use]
pub fn decode(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

/// RFC 3986, section 5.2.4.
pub(super) fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let last = segments.len() - 1;
    for (place, segment) in segments.into_iter().enumerate() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // A path that ends in dots is a folder.
                if place == last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_decoded_and_the_rest_is_kept() {
        assert_eq!(decode("/a%2Fb%zz%"), b"/a/b%zz%");
    }

    #[test]
    fn dot_segments_are_removed() {
        for (path, wanted) in [
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/a/b/.", "/a/b/"),
            ("/../x", "/x"),
            ("//a//b", "//a//b"),
        ] {
            assert_eq!(without_dots(path), wanted, "{path}");
        }
    }
}
