//! Character classes and the smallest rules (RFC 9110, section 5.6; RFC 3986, section 2).

/// tchar (RFC 9110, section 5.6.2).
pub(super) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// unreserved or sub-delims (RFC 3986, section 2): what a name of a host is made of, beside
/// percent-encoded bytes.
pub(super) fn is_name_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

/// Without the optional white space around it (OWS, RFC 9110, section 5.6.3).
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Decodes percent-encoded bytes once; `None` for a `%` without two hexadecimal digits (RFC 3986,
/// section 2.1).
pub(super) fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            digit(bytes.next()?)? << 4 | digit(bytes.next()?)?
        } else {
            byte
        });
    }
    Some(decoded)
}

/// The value of a hexadecimal digit.
pub(super) fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// `1*DIGIT`; a number too large for 64 bits is the largest one, which no limit allows (RFC 9110,
/// section 8.6: anticipate large numerals).
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |number: u64, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_trimmed_at_both_ends_only() {
        assert_eq!(trim(b" \t a \t b\t "), b"a \t b");
        assert_eq!(trim(b" \t"), b"");
    }

    #[test]
    fn percent_encoding_is_decoded_once() {
        assert_eq!(
            percent_decoded(b"/a%2525%c3%A9"),
            Some(b"/a%25\xc3\xa9".to_vec())
        );
        for bad in ["%", "%4", "%zz", "%4g", "a%-1", "%+1"] {
            assert_eq!(percent_decoded(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn numbers_are_plain_digits_and_never_wrap() {
        assert_eq!(number(b"0042"), Some(42));
        assert_eq!(number(b"18446744073709551616"), Some(u64::MAX));
        for bad in ["", "+1", "-1", " 1", "1_0", "0x1", "1,1"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
    }
}
