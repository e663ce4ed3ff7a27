//! The request that follows a redirect (RFC 9110, section 15.4; where it leaves a choice, as curl
//! does).

use super::url::{Url, without_user};
use exchange::ResponseHead;

/// What a response says about the next request.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: this is the answer.
    None,
    /// A further request to the same application.
    Follow {
        /// Where to.
        url: Url,
        /// Whether method and content are sent again; else it is a GET.
        again: bool,
    },
    /// Not followed, as it leads away from this application; the message says so.
    Elsewhere(String),
}

impl Next {
    /// Reads the head of the response that `url` gave; the application is at `mount`.
    #[must_use]
    pub fn of(head: &ResponseHead, url: &Url, mount: &[u8]) -> Self {
        let again = match head.status.code() {
            301..=303 => false,
            307 | 308 => true,
            _ => return Self::None,
        };
        let Some(location) = head.headers.get("location") else {
            return Self::None;
        };
        let shown = without_user(&location.escape_ascii().to_string());
        let to = match std::str::from_utf8(location).map(|text| url.join(text)) {
            Ok(Ok(to)) => to,
            Ok(Err(error)) => return Self::Elsewhere(format!("not followed: {error:#}")),
            Err(_) => return Self::Elsewhere(format!("not followed: `{shown}` is not a URL")),
        };
        if !url.same_server(&to) {
            return Self::Elsewhere(format!("not followed: `{shown}` is on another server"));
        }
        if to.below(mount).is_none() {
            return Self::Elsewhere(format!(
                "not followed: `{shown}` is not below `{}`, where the application is",
                mount.escape_ascii()
            ));
        }
        Self::Follow { url: to, again }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exchange::{Headers, Status};

    fn next(code: u16, location: &str) -> Next {
        let mut headers = Headers::default();
        headers
            .push(b"Location", location.as_bytes())
            .expect("a good field");
        let status = Status::of(code);
        let url = Url::default().join("/app/here").expect("a URL");
        Next::of(&ResponseHead { status, headers }, &url, b"/app")
    }

    #[test]
    fn the_same_application_is_asked_again() {
        for (code, again) in [
            (301, false),
            (302, false),
            (303, false),
            (307, true),
            (308, true),
        ] {
            let url = Url::default().join("/app/there?x").expect("a URL");
            assert_eq!(next(code, "there?x"), Next::Follow { url, again }, "{code}");
        }
        assert_eq!(next(200, "/app"), Next::None);
        assert_eq!(next(304, "/app"), Next::None);
    }

    #[test]
    fn another_server_or_script_is_not() {
        for location in [
            "http://example.org/",
            "http://localhost:81/app",
            "/other",
            "mailto:x",
        ] {
            assert!(!matches!(next(302, location), Next::None), "{location}");
        }
        assert!(matches!(
            next(302, "http://example.org/app"),
            Next::Elsewhere(_)
        ));
        assert!(matches!(next(302, "/other"), Next::Elsewhere(_)));
        assert!(matches!(
            next(302, "ftp://localhost/app"),
            Next::Elsewhere(_)
        ));
    }
}
