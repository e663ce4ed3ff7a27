//! The status of a response: three digits and a reason phrase (RFC 9112, section 4; PEP 3333).

use std::fmt;

/// A checked status, such as `404 Not Found`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    code: u16,
    /// As sent: the code, a space, the reason phrase; latin-1.
    line: Vec<u8>,
}

/// Why a status string was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusError {
    /// It is not a status.
    Malformed,
    /// It is an interim one (1xx).
    Interim,
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "a status must be three digits, a space and a reason phrase, such as `200 OK`"
            }
            Self::Interim => {
                "a 1xx status is not final, and the client would keep waiting: use 200 or higher"
            }
        })
    }
}

impl Status {
    /// The status `code` with its standard reason phrase.
    #[must_use]
    pub fn of(code: u16) -> Self {
        let reason = http::StatusCode::from_u16(code)
            .ok()
            .and_then(|s| s.canonical_reason());
        Self {
            code,
            line: format!("{code} {}", reason.unwrap_or("Unknown")).into_bytes(),
        }
    }

    /// Parses what an application passed to `start_response`, as latin-1 bytes. A code without a
    /// reason phrase gets the standard one.
    pub fn parse(text: &[u8]) -> Result<Self, StatusError> {
        let (digits, rest) = text.split_at_checked(3).ok_or(StatusError::Malformed)?;
        if !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' {
            return Err(StatusError::Malformed);
        }
        let code = digits
            .iter()
            .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
        match rest {
            b"" | b" " => Ok(Self::of(code)),
            [b' ', reason @ ..] if !reason.iter().any(u8::is_ascii_control) => Ok(Self {
                code,
                line: text.to_vec(),
            }),
            _ => Err(StatusError::Malformed),
        }
        .and_then(|status| match status.code {
            // RFC 9110, section 15.2: it precedes a final response, which an application, called
            // once, has no second head for.
            100..=199 => Err(StatusError::Interim),
            _ => Ok(status),
        })
    }

    /// The three digits as a number.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Code, space and reason phrase.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Whether a response with this status has content (RFC 9110, sections 15.3.5, 15.3.6, 15.4.5).
    #[must_use]
    pub fn has_content(&self) -> bool {
        !matches!(self.code, 204 | 205 | 304)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_without_a_reason_phrase_is_completed() {
        for given in [&b"404"[..], b"404 "] {
            assert_eq!(
                Status::parse(given).expect("completed").line(),
                b"404 Not Found"
            );
        }
    }

    #[test]
    fn a_phrase_of_the_applications_own_is_kept() {
        let status = Status::parse(b"299 Caf\xe9").expect("a fine status");
        assert_eq!((status.code(), status.line()), (299, &b"299 Caf\xe9"[..]));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "20",
            "OK",
            "2x0 OK",
            "200OK",
            "200\tOK",
            "200 OK\r\nX: y",
            "200 O\0K",
            "+20 x",
            "000 x",
            "2000 x",
        ] {
            let refused = Status::parse(bad.as_bytes());
            assert_eq!(refused, Err(StatusError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn an_interim_status_is_refused() {
        for interim in ["100 Continue", "101", "103 Early Hints", "199 x"] {
            let refused = Status::parse(interim.as_bytes());
            assert_eq!(refused, Err(StatusError::Interim), "{interim}");
        }
    }
}
