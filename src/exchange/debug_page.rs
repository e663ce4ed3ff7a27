//! The page that a developer gets for a failed exchange: the exception, the calls with their source
//! and variables, the request. For people who may see all of it but the request's secrets; others
//! get `error_page`.
//!
//! The page runs no script and loads nothing, and shows all that comes from outside as text.

mod html;
mod request;
mod sheet;
mod text;

use super::secrets::Mask;
use super::{Fault, Headers, MetaVariables, ResponseHead, Status};
use request::Shown;
use sheet::Sheet;

/// What is shown of the failure.
#[derive(Clone, Copy, Debug)]
pub struct DebugPage<'a> {
    /// The status.
    pub code: u16,
    /// The id of the entry in the log.
    pub id: &'a str,
    /// What was being done, or all there is to say where no exception was raised.
    pub what: &'a str,
    /// What can be done about it.
    pub advice: Option<&'a str>,
    /// The exception.
    pub fault: Option<&'a Fault>,
    /// The request.
    pub meta: &'a MetaVariables,
}

impl DebugPage<'_> {
    /// The head and the content, in the form that the client asks for.
    #[cold]
    #[must_use]
    pub fn response(&self) -> (ResponseHead, Vec<u8>) {
        let status = Status::of(self.code);
        let mask = Mask::of(self.meta);
        let shown = Shown::of(self.meta);
        let wants_html = wants_html(self.meta.get("HTTP_ACCEPT").unwrap_or_default());
        let (kind, content) = if wants_html {
            let mut sheet = Sheet::html(&mask);
            html::write(&mut sheet, self, &status, &shown);
            ("text/html; charset=utf-8", sheet.into_content())
        } else {
            let mut sheet = Sheet::text(&mask);
            text::write(&mut sheet, self, &status, &shown);
            ("text/plain; charset=utf-8", sheet.into_content())
        };

        let policy = format!(
            "default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
            html::STYLE_HASH
        );
        let mut headers = Headers::default();
        let length = content.len().to_string();
        for (name, value) in [
            ("Content-Type", kind),
            ("Content-Length", &length),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Security-Policy", &policy),
            ("Referrer-Policy", "no-referrer"),
        ] {
            headers
                .push(name.as_bytes(), value.as_bytes())
                .expect("fields written here are good");
        }
        (ResponseHead { status, headers }, content)
    }
}

/// Whether an Accept field names HTML; `*/*` comes from programs.
fn wants_html(accept: &[u8]) -> bool {
    let accept = String::from_utf8_lossy(accept).to_ascii_lowercase();
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = matches!(
            parts.next(),
            Some("text/html" | "application/xhtml+xml" | "text/*")
        );
        let refused = parts.any(|parameter| {
            parameter
                .strip_prefix("q=")
                .and_then(|weight| weight.trim().parse::<f32>().ok())
                .is_some_and(|weight| weight <= 0.0)
        });
        named && !refused
    })
}

#[cfg(test)]
mod tests;
