//! What each server makes of a request's header fields and of its content.

use base64::Engine;

use super::super::{Fields, Typed};
use super::{Described, Server, Variables};

impl Server {
    /// CONTENT_LENGTH and CONTENT_TYPE, as variables and, with some, as headers too.
    pub(super) fn put_content(self, request: &Described<'_>, to: &mut Variables) {
        let Typed {
            method,
            content,
            headers,
            ..
        } = request.typed;
        let of_name = |wanted: &[u8]| {
            let mut same = headers
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
            same.next().map(|(_, value)| value.as_slice())
        };
        let media_type = of_name(b"content-type");
        // Browsers send this with a POST without content.
        let nothing = of_name(b"content-length").filter(|length| *length == b"0");
        let length = match content {
            Some(content) => Some(content.length().to_string()),
            None => nothing.map(|_| "0".to_owned()),
        };
        match (self, &length) {
            // Empty on every request without content.
            (Self::Fcgiwrap, None) => to.put("CONTENT_LENGTH", ""),
            (Self::Lighttpd, None) => to.put("CONTENT_LENGTH", "0"),
            (_, None) => {}
            // It knows of content in a POST only.
            (Self::Busybox, Some(length)) if method != "POST" => {
                to.put("HTTP_CONTENT_LENGTH", length.as_str());
            }
            (_, Some(length)) => {
                to.put("CONTENT_LENGTH", length.as_str());
                if matches!(self, Self::Lighttpd | Self::Fcgiwrap) {
                    to.put("HTTP_CONTENT_LENGTH", length.as_str());
                }
            }
        }
        match media_type {
            Some(media_type) => {
                to.put("CONTENT_TYPE", media_type);
                if self == Self::Fcgiwrap {
                    to.put("HTTP_CONTENT_TYPE", media_type);
                }
            }
            None if self == Self::Fcgiwrap => to.put("CONTENT_TYPE", ""),
            None => {}
        }
    }

    /// The header fields as HTTP_* (4.1.18).
    pub(super) fn put_headers(self, headers: &Fields, to: &mut Variables) {
        for (name, value) in headers {
            let lower = name.to_ascii_lowercase();
            let is_left_out = match lower.as_slice() {
                b"content-type" | b"content-length" => true,
                // Credentials are kept from scripts, unless the server is told otherwise.
                b"authorization" => matches!(self, Self::Apache | Self::Busybox | Self::Minimal),
                b"proxy" => matches!(self, Self::Apache | Self::Lighttpd),
                _ => self == Self::Lighttpd && value.is_empty(),
            };
            if is_left_out {
                continue;
            }
            // Debian's fastcgi_params has `$host`, which is without a port.
            let value = match lower.as_slice() {
                b"host" if self == Self::Fcgiwrap => without_port(value),
                _ => value,
            };
            let is_plain = |&byte: &u8| byte.is_ascii_alphanumeric() || byte == b'-';
            if matches!(self, Self::Apache | Self::Fcgiwrap) && !name.iter().all(is_plain) {
                continue;
            }
            let variable: Vec<u8> = name
                .iter()
                .map(|byte| match byte {
                    byte if byte.is_ascii_alphanumeric() => byte.to_ascii_uppercase(),
                    _ => b'_',
                })
                .collect();
            let variable = [b"HTTP_", variable.as_slice()].concat();
            match (to.find(&variable), self) {
                (None, _) => to.0.push((variable, value.to_vec())),
                // fcgiwrap would add a second variable of that name, which no program finds.
                (Some(_), Self::Fcgiwrap) => {}
                (Some(earlier), Self::Busybox) => *earlier = value.to_vec(),
                (Some(earlier), _) => {
                    let separator = if lower == b"cookie" {
                        &b"; "[..]
                    } else {
                        b", "
                    };
                    earlier.extend_from_slice(separator);
                    earlier.extend_from_slice(value);
                }
            }
        }
    }
}

fn without_port(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|&byte| byte == b':') {
        Some(colon) if !host[colon..].contains(&b']') => &host[..colon],
        _ => host,
    }
}

/// nginx takes the name out of Basic credentials, whether or not anybody checks them.
pub(super) fn basic_user(headers: &Fields) -> Vec<u8> {
    let credentials = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(b"authorization"))
        .and_then(|(_, value)| value.strip_prefix(b"Basic "))
        .and_then(|code| base64::engine::general_purpose::STANDARD.decode(code).ok());
    let credentials = credentials.unwrap_or_default();
    let user = credentials.split(|&byte| byte == b':').next();
    user.unwrap_or_default().to_vec()
}
