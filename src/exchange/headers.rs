//! Response headers, checked before a byte is written: an application cannot split, truncate or
//! contradict the response with them (PEP 3333, "The start_response() Callable").

use std::fmt;

/// Checked header fields in the order given; a name may repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Vec<u8>, Vec<u8>)>);

/// Why a header field was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The name is not a token (RFC 9110, section 5.1).
    Name,
    /// The value holds a control character.
    Value,
    /// `Status` is sent by the gateway.
    Status,
    /// Only the server sends hop-by-hop fields (RFC 3875, section 6.3.4).
    HopByHop,
    /// A Content-Length that is not a number, or a second one that differs.
    ContentLength,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a header name may have only letters, digits and `-`",
            Self::Value => {
                "a header value must not contain a control character such as a line \
                            break"
            }
            Self::Status => "`Status` is not a header: pass the status to start_response",
            Self::HopByHop => {
                "this is a hop-by-hop header, which only the server may send: leave it out"
            }
            Self::ContentLength => "Content-Length must be one plain number of bytes",
        })
    }
}

/// RFC 2616, section 13.5.1, which PEP 3333 refers to, and the unregistered `Proxy-Connection`.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
];

/// Whether a field of that name is for one connection, so that an application may not send it.
#[must_use]
pub fn is_hop_by_hop(name: &[u8]) -> bool {
    HOP_BY_HOP
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop.as_bytes()))
}

impl Headers {
    /// Adds a field, as latin-1 bytes.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeaderError> {
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return Err(HeaderError::Name);
        }
        if name.eq_ignore_ascii_case(b"status") {
            return Err(HeaderError::Status);
        }
        if is_hop_by_hop(name) {
            return Err(HeaderError::HopByHop);
        }
        if value.iter().any(u8::is_ascii_control) {
            return Err(HeaderError::Value);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = parse_length(value).ok_or(HeaderError::ContentLength)?;
            // RFC 9110, section 5.3: only a field with a list may be repeated.
            match self.content_length() {
                Some(earlier) if earlier == length => return Ok(()),
                Some(_) => return Err(HeaderError::ContentLength),
                None => {}
            }
        }
        self.0.push((name.to_vec(), value.to_vec()));
        Ok(())
    }

    /// The value of the first field of that name, whatever its case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, v)| v)
    }

    /// The announced length of the content, if any.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.get("content-length").and_then(parse_length)
    }

    /// Replaces or removes the announced length.
    pub(super) fn set_content_length(&mut self, length: Option<u64>) {
        let is_length = |name: &[u8]| name.eq_ignore_ascii_case(b"content-length");
        let place = self.0.iter().position(|(name, _)| is_length(name));
        self.0.retain(|(name, _)| !is_length(name));
        if let Some(length) = length {
            let field = (b"Content-Length".to_vec(), length.to_string().into_bytes());
            self.0.insert(place.unwrap_or(self.0.len()), field);
        }
    }

    /// All fields in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
}

/// RFC 9110, section 5.6.2: tchar.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn parse_length(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn push(name: &[u8], value: &[u8]) -> Result<(), HeaderError> {
        Headers::default().push(name, value)
    }

    #[test]
    fn names_are_tokens() {
        assert_eq!(push(b"X-Fine_1", b""), Ok(()));
        for bad in ["", "a b", "a:", "a\r\n", "\u{e9}", "a\0", "(a)"] {
            assert_eq!(
                push(bad.as_bytes(), b"v"),
                Err(HeaderError::Name),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn values_hold_no_control_character() {
        assert_eq!(push(b"X", "caf\u{e9} \u{20ac}".as_bytes()), Ok(()));
        for bad in ["a\r\nSet-Cookie: b", "a\n", "\r", "a\0b", "a\tb", "a\x7f"] {
            assert_eq!(
                push(b"X", bad.as_bytes()),
                Err(HeaderError::Value),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn status_and_hop_by_hop_fields_are_not_the_applications() {
        assert_eq!(push(b"Status", b"200 OK"), Err(HeaderError::Status));
        for name in HOP_BY_HOP {
            assert_eq!(
                push(name.to_uppercase().as_bytes(), b"x"),
                Err(HeaderError::HopByHop)
            );
        }
    }

    #[test]
    fn content_length_is_one_number() {
        assert_eq!(
            push(b"Content-Length", b"ten"),
            Err(HeaderError::ContentLength)
        );
        assert_eq!(
            push(b"Content-Length", b"-1"),
            Err(HeaderError::ContentLength)
        );
        let mut headers = Headers::default();
        headers.push(b"content-length", b"3").expect("the first");
        assert_eq!(headers.push(b"Content-Length", b"3"), Ok(()));
        assert_eq!(
            headers.push(b"Content-Length", b"4"),
            Err(HeaderError::ContentLength)
        );
        assert_eq!(headers.content_length(), Some(3));
        assert_eq!(headers.iter().count(), 1);
    }

    proptest! {
        /// Whatever is accepted cannot end its own line or start another.
        #[test]
        fn an_accepted_field_stays_on_its_line(name: Vec<u8>, value: Vec<u8>) {
            if push(&name, &value).is_ok() {
                let line = [&name[..], b": ", &value].concat();
                prop_assert!(!line.iter().any(|&byte| byte < b' ' || byte == 0x7f));
                prop_assert_eq!(line.iter().position(|&byte| byte == b':'), Some(name.len()));
            }
        }

        /// Every token with every printable or latin-1 value is accepted and kept as it is.
        #[test]
        fn a_good_field_is_kept_as_it_is(name in "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}", value in "[ -~\u{a0}-\u{ff}]{0,80}") {
            let (name, value) = (format!("X-{name}"), value.as_bytes());
            let mut headers = Headers::default();
            headers.push(name.as_bytes(), value).expect("a good field");
            prop_assert_eq!(headers.get(&name.to_lowercase()), Some(value));
        }
    }
}
