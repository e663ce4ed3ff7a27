//! Where the content of a request ends (RFC 9112, section 6.3). A length that is given twice, or in
//! a form that another parser might read differently, is refused: that is how requests are
//! smuggled.

use super::grammar::number;
use super::{Fields, Refusal, Version};

/// How the content of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is no content (section 6.3, rule 7).
    None,
    /// Content-Length says so many bytes.
    Length(u64),
    /// It comes in chunks.
    Chunked,
}

impl BodyFraming {
    /// Decides from the fields; a body over `limit` bytes is refused before it is read.
    pub(super) fn of(version: Version, fields: &Fields, limit: u64) -> Result<Self, Refusal> {
        let length = fields.only("content-length", "more than one Content-Length")?;
        if fields.all("transfer-encoding").next().is_some() {
            // Section 6.1: the framing of such an HTTP/1.0 message is faulty.
            if version == Version::Http10 {
                return Err(Refusal::bad("Transfer-Encoding is not allowed in HTTP/1.0"));
            }
            // Section 6.1: may be refused, ought to be seen as an attempt at smuggling.
            if length.is_some() {
                return Err(Refusal::bad("both Content-Length and Transfer-Encoding"));
            }
            return chunked(fields);
        }
        let Some(length) = length else {
            return Ok(Self::None);
        };
        // Section 6.3, rule 5. A list of equal numbers may be refused like any other list.
        match number(length) {
            None => Err(Refusal::bad("Content-Length is not a number")),
            Some(length) if length > limit => Err(Refusal::too_large(limit)),
            Some(length) => Ok(Self::Length(length)),
        }
    }
}

/// The one coding that is understood, once, and nothing else.
fn chunked(fields: &Fields) -> Result<BodyFraming, Refusal> {
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    // An empty list element is legal, but no client sends one in this field.
    if fields
        .only("transfer-encoding", "")
        .is_ok_and(|value| value.is_some_and(is_chunked))
    {
        return Ok(BodyFraming::Chunked);
    }
    let codings: Vec<&[u8]> = fields.elements("transfer-encoding").collect();
    match codings.split_last() {
        // Section 6.1: an unknown coding gets 501, but what is applied once too often (section 7.1)
        // or leaves the end unknown (section 6.3, rule 4) must get 400.
        Some((last, inner))
            if is_chunked(last) && !inner.is_empty() && !inner.iter().any(|&c| is_chunked(c)) =>
        {
            Err(Refusal::new(
                501,
                "chunked is the only supported transfer coding",
            ))
        }
        _ => Err(Refusal::bad("Transfer-Encoding is not `chunked`")),
    }
}
