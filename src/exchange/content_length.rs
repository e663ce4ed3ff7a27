//! The length of the message-body, from the meta-variables alone (RFC 3875, section 4.1.2).

use super::MetaVariables;

/// How much of the message-body may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// So many bytes; 0 when there is no body.
    Bytes(u64),
    /// To end-of-file: the server decoded a chunked body and ends it.
    UntilEnd,
}

/// Why the body cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyLengthError {
    /// `CONTENT_LENGTH` is not a plain decimal number of bytes; answered with 400.
    Malformed(String),
    /// A chunked body that the server neither decoded nor ends; answered with 411. The value is
    /// that of `HTTP_TRANSFER_ENCODING`, where the server passes that on.
    LengthRequired(Option<String>),
    /// Content that the server does not pass on, with the value of `HTTP_CONTENT_LENGTH`; answered
    /// with 501.
    Withheld(String),
}

impl BodyLength {
    /// Reads `CONTENT_LENGTH`; without it, an empty body unless the request was chunked.
    ///
    /// # Errors
    /// When the value is not a number, or when a chunked body comes from a server that passes it raw:
    /// only Apache is known to decode the body and close the pipe after it.
    pub fn of(meta: &MetaVariables) -> Result<Self, BodyLengthError> {
        if let Some(value) = meta.get("CONTENT_LENGTH") {
            return parse(value)
                .map(Self::Bytes)
                .ok_or_else(|| BodyLengthError::Malformed(value.escape_ascii().to_string()));
        }
        let software = meta.get("SERVER_SOFTWARE").unwrap_or_default();
        match meta.get("HTTP_TRANSFER_ENCODING") {
            Some(_) if software.starts_with(b"Apache") => Ok(Self::UntilEnd),
            Some(coding) => Err(BodyLengthError::LengthRequired(Some(
                coding.escape_ascii().to_string(),
            ))),
            // mini_httpd does not pass that header on; a client that sends content gives its length
            // (RFC 9110, section 8.6) or sends it in chunks.
            None if software.starts_with(b"mini_httpd") && may_have_content(meta) => {
                Err(BodyLengthError::LengthRequired(None))
            }
            None => match meta.get("HTTP_CONTENT_LENGTH") {
                // For methods other than POST, busybox passes on only the part that came with the
                // head.
                Some(length) if software.starts_with(b"busybox") && is_lost(meta, length) => {
                    Err(BodyLengthError::Withheld(length.escape_ascii().to_string()))
                }
                _ => Ok(Self::Bytes(0)),
            },
        }
    }
}

/// The methods whose requests usually have content (RFC 9110, section 9.3; RFC 5789).
fn may_have_content(meta: &MetaVariables) -> bool {
    matches!(
        meta.get("REQUEST_METHOD"),
        Some(b"POST" | b"PUT" | b"PATCH")
    )
}

/// Whether there is content, with a method that gives it a meaning (RFC 9110, 9.3.1).
fn is_lost(meta: &MetaVariables, length: &[u8]) -> bool {
    parse(length) != Some(0) && !matches!(meta.get("REQUEST_METHOD"), Some(b"GET" | b"HEAD"))
}

/// `1*DIGIT`, no larger than what a file offset can hold.
fn parse(value: &[u8]) -> Option<u64> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    i64::try_from(number).ok().map(|_| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<BodyLength, BodyLengthError> {
        BodyLength::of(&MetaVariables::from_pairs(pairs.iter().map(
            |(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()),
        )))
    }

    #[test]
    fn empty_is_the_same_as_unset() {
        assert_eq!(of(&[("CONTENT_LENGTH", "")]), Ok(BodyLength::Bytes(0)));
        assert_eq!(of(&[]), Ok(BodyLength::Bytes(0)));
    }

    #[test]
    fn only_plain_digits_are_a_length() {
        assert_eq!(of(&[("CONTENT_LENGTH", "12")]), Ok(BodyLength::Bytes(12)));
        for bad in [
            "-1",
            "+1",
            " 1",
            "1 ",
            "1,1",
            "0x1",
            "1_0",
            "ten",
            "99999999999999999999999",
        ] {
            let refused = of(&[("CONTENT_LENGTH", bad)]);
            assert_eq!(
                refused,
                Err(BodyLengthError::Malformed(bad.into())),
                "{bad}"
            );
        }
    }

    #[test]
    fn content_that_busybox_withholds_is_an_error() {
        let busybox = ("SERVER_SOFTWARE", "busybox httpd/1.35.0");
        let sent = |method, length| {
            let method = ("REQUEST_METHOD", method);
            of(&[busybox, method, ("HTTP_CONTENT_LENGTH", length)])
        };
        for method in ["PUT", "PATCH", "DELETE", "PROPFIND"] {
            let withheld = Err(BodyLengthError::Withheld("5".into()));
            assert_eq!(sent(method, "5"), withheld, "{method}");
            assert_eq!(sent(method, "0"), Ok(BodyLength::Bytes(0)));
        }
        assert_eq!(sent("GET", "5"), Ok(BodyLength::Bytes(0)));
    }

    #[test]
    fn a_chunked_body_is_read_to_its_end_under_apache_only() {
        let chunked = ("HTTP_TRANSFER_ENCODING", "chunked");
        let apache = ("SERVER_SOFTWARE", "Apache/2.4.62 (Debian)");
        assert_eq!(of(&[chunked, apache]), Ok(BodyLength::UntilEnd));
        let raw = || Err(BodyLengthError::LengthRequired(Some("chunked".into())));
        assert_eq!(of(&[chunked]), raw());
        let busybox = ("SERVER_SOFTWARE", "busybox httpd/1.35.0");
        assert_eq!(of(&[chunked, busybox]), raw());
        let hidden = ("SERVER_SOFTWARE", "mini_httpd/1.30 26Oct2018");
        let (post, get) = (("REQUEST_METHOD", "POST"), ("REQUEST_METHOD", "GET"));
        assert_eq!(
            of(&[post, hidden]),
            Err(BodyLengthError::LengthRequired(None))
        );
        assert_eq!(
            of(&[post, hidden, ("CONTENT_LENGTH", "0")]),
            Ok(BodyLength::Bytes(0))
        );
        assert_eq!(of(&[get, hidden]), Ok(BodyLength::Bytes(0)));
        let supplied = of(&[chunked, busybox, ("CONTENT_LENGTH", "3")]);
        assert_eq!(supplied, Ok(BodyLength::Bytes(3)));
    }
}
