//! The head of a request, checked as a whole: what the fields say about the host, the content and
//! the connection.

use super::{BodyFraming, Fields, Limits, Refusal, RequestLine, Version, authority};

/// A complete head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Method, target and version.
    pub line: RequestLine,
    /// The header fields.
    pub fields: Fields,
    /// How the content is delimited.
    pub framing: BodyFraming,
    /// Whether another request may follow.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the content.
    pub expects_continue: bool,
}

impl RequestHead {
    pub(super) fn new(line: RequestLine, fields: Fields, limits: &Limits) -> Result<Self, Refusal> {
        check_host(line.version, &fields)?;
        let framing = BodyFraming::of(line.version, &fields, limits.body)?;
        // RFC 9110, section 8.3: a singleton; CONTENT_TYPE could name only one of two.
        fields.only("content-type", "more than one Content-Type")?;
        Ok(Self {
            keep_alive: is_kept_alive(line.version, &fields),
            expects_continue: expects_continue(line.version, &fields, framing)?,
            line,
            fields,
            framing,
        })
    }
}

/// RFC 9112, section 3.2: 400 for more than one Host, an invalid one, or none in HTTP/1.1; even
/// where the target has an authority that counts instead.
fn check_host(version: Version, fields: &Fields) -> Result<(), Refusal> {
    match fields.only("host", "more than one Host")? {
        Some(host) => authority::check(host),
        None if version == Version::Http10 => Ok(()),
        None => Err(Refusal::bad("no Host")),
    }
}

/// RFC 9112, section 9.3: `close` wins, then HTTP/1.1 stays open, HTTP/1.0 only when asked.
fn is_kept_alive(version: Version, fields: &Fields) -> bool {
    let has = |option: &[u8]| {
        fields
            .elements("connection")
            .any(|element| element.eq_ignore_ascii_case(option))
    };
    !has(b"close") && (version == Version::Http11 || has(b"keep-alive"))
}

/// RFC 9110, section 10.1.1: an unknown expectation gets 417; the known one is ignored in HTTP/1.0,
/// and nobody waits where there is no content.
fn expects_continue(
    version: Version,
    fields: &Fields,
    framing: BodyFraming,
) -> Result<bool, Refusal> {
    let mut expected = false;
    for expectation in fields.elements("expect") {
        if !expectation.eq_ignore_ascii_case(b"100-continue") {
            return Err(Refusal::new(
                417,
                "100-continue is the only supported expectation",
            ));
        }
        expected = true;
    }
    let has_content = !matches!(framing, BodyFraming::None | BodyFraming::Length(0));
    Ok(expected && has_content && version == Version::Http11)
}
