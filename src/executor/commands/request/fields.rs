//! The header fields of a request: those that curl sends by default, and those that were typed, which add to
//! them or replace them.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use anyhow::{Result, bail};
use base64::Engine;

use super::redirects::Journey;
use doors::one_shot::Fields;
use doors::terminal::ACCEPTED;
use settings::cli::{Asked, Kind};

const AUTO: &[u8] = b";auto";

/// All of them, in curl's order.
///
/// Fails if the value of `-H` is not a header.
pub(super) fn of(asked: &Asked, journey: &Journey) -> Result<Fields> {
    let typed: Vec<_> = asked.headers.iter().map(field).collect::<Result<_>>()?;
    let is_typed = |name: &[u8]| {
        let mut names = typed.iter().map(|(other, _)| other);
        names.any(|other| other.eq_ignore_ascii_case(name))
    };
    let mut fields = Fields::new();
    let mut put = |name: &str, value: Option<Vec<u8>>| {
        if let Some(value) = value.filter(|_| !is_typed(name.as_bytes())) {
            fields.push((name.as_bytes().to_vec(), value));
        }
    };
    let is_json = asked.pieces.0.iter().any(|piece| piece.kind == Kind::Json);
    let bytes = |text: &OsString| text.as_bytes().to_vec();
    put("Host", Some(journey.url.authority().into_bytes()));
    put("Authorization", credentials(asked, journey));
    put(
        "Range",
        asked
            .range
            .as_ref()
            .map(|range| [b"bytes=", range.as_bytes()].concat()),
    );
    put(
        "User-Agent",
        match &asked.user_agent {
            Some(agent) => Some(bytes(agent)).filter(|agent| !agent.is_empty()),
            None => Some(concat!("wsgi-cgi/", env!("CARGO_PKG_VERSION")).into()),
        },
    );
    put(
        "Accept",
        Some(if is_json { "application/json" } else { "*/*" }.into()),
    );
    put("Accept-Encoding", asked.compressed.then(|| ACCEPTED.into()));
    put("Referer", referer(asked, journey));
    let media_type = journey
        .content
        .as_ref()
        .and_then(|content| content.media_type());
    put(
        "Content-Type",
        match media_type {
            Some(media_type) => Some(media_type.into()),
            None => is_json.then(|| "application/json".into()),
        },
    );
    // Cookies that responses have set are sent in addition to a typed `Cookie` header; those of -b are not.
    if let Some(cookies) = journey.jar.header(&journey.url, !is_typed(b"cookie")) {
        fields.push((b"Cookie".to_vec(), cookies));
    }
    for (name, value) in typed {
        if let Some(mut value) = value {
            if name.eq_ignore_ascii_case(b"content-type") {
                value.extend(boundary(media_type));
            }
            fields.push((name, value));
        }
    }
    Ok(fields)
}

fn credentials(asked: &Asked, journey: &Journey) -> Option<Vec<u8>> {
    if let Some(token) = &asked.oauth2_bearer {
        return Some([b"Bearer ", token.as_bytes()].concat());
    }
    let user = journey.user.as_ref()?;
    let code = base64::engine::general_purpose::STANDARD.encode(user);
    Some(format!("Basic {code}").into_bytes())
}

/// The Referer that was typed, or with `;auto`, after a redirect, the previous URL.
pub(super) fn referer(asked: &Asked, journey: &Journey) -> Option<Vec<u8>> {
    let typed = asked.referer.as_ref()?.as_bytes();
    let (typed, is_auto) = match typed.strip_suffix(AUTO) {
        Some(typed) => (typed, true),
        None => (typed, false),
    };
    let from = journey.from.as_ref().filter(|_| is_auto);
    let referer = from.map_or(typed, |from| from.as_bytes());
    (!referer.is_empty()).then(|| referer.to_vec())
}

/// The boundary of a form's parts, which has to be added to a Content-Type that was typed.
fn boundary(media_type: Option<&str>) -> Vec<u8> {
    let of_form = media_type.and_then(|media_type| media_type.strip_prefix("multipart/form-data"));
    of_form.unwrap_or_default().into()
}

/// `Name: value`, `Name;` for an empty value, `Name:` for no such header at all.
fn field(text: &OsString) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
    let bytes = text.clone().into_vec();
    Ok(match bytes.iter().position(|&byte| byte == b':') {
        Some(colon) => {
            let value = bytes[colon + 1..].trim_ascii();
            (
                bytes[..colon].to_vec(),
                (!value.is_empty()).then(|| value.to_vec()),
            )
        }
        None => match bytes.strip_suffix(b";") {
            Some(name) => (name.to_vec(), Some(Vec::new())),
            None => bail!(
                "`-H {}`: expected `Name: value` (`Name:` removes a default header, `Name;` sends an \
                 empty one)",
                text.display()
            ),
        },
    })
}
