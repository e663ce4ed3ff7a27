//! The page that a developer gets for a failed exchange: the exception, the frames with their
//! source, and the request. Nothing in it runs, and nothing is loaded from elsewhere.

mod html;
mod text;

use super::{Headers, MetaVariables, Raised, ResponseHead, Status, is_secret};

/// No more frames of one exception are shown; a recursion has a thousand alike.
const FRAMES: usize = 40;

/// No more characters of one text are shown.
const LENGTH: usize = 20_000;

/// Everything that is shown.
#[derive(Clone, Copy, Debug)]
pub struct DebugPage<'a> {
    /// The status.
    pub code: u16,
    /// What names the exchange in the log.
    pub id: &'a str,
    /// What went wrong, in a sentence.
    pub summary: &'a str,
    /// The exceptions, the last one first.
    pub raised: &'a [Raised],
    /// Python's own rendering of them.
    pub traceback: &'a str,
    /// The request.
    pub meta: &'a MetaVariables,
}

impl DebugPage<'_> {
    /// The head and the content, in the form that the client asks for.
    #[must_use]
    pub fn render(&self) -> (ResponseHead, Vec<u8>) {
        let accept = self.meta.get("HTTP_ACCEPT").unwrap_or_default();
        let wants_html = memchr::memmem::find(accept, b"html").is_some();
        let (kind, page) = if wants_html {
            ("text/html; charset=utf-8", html::render(self))
        } else {
            ("text/plain; charset=utf-8", text::render(self))
        };
        let mut headers = Headers::default();
        for (name, value) in [
            ("Content-Type", kind),
            ("Content-Length", &page.len().to_string()),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", html::POLICY),
            ("X-Content-Type-Options", "nosniff"),
        ] {
            headers
                .push(name.as_bytes(), value.as_bytes())
                .expect("fields written here are good");
        }
        let status = Status::of(self.code);
        (ResponseHead { status, headers }, page.into_bytes())
    }

    fn title(&self) -> String {
        String::from_utf8_lossy(Status::of(self.code).line()).into_owned()
    }

    /// `GET /path?query`
    fn request_line(&self) -> String {
        let shown = |name| String::from_utf8_lossy(self.meta.get(name).unwrap_or_default());
        let mut line = format!(
            "{} {}{}",
            shown("REQUEST_METHOD"),
            shown("SCRIPT_NAME"),
            shown("PATH_INFO")
        );
        let query = shown("QUERY_STRING");
        if !query.is_empty() {
            line = line + "?" + &query;
        }
        cut(&line)
    }

    /// The request's variables; what is secret stays so.
    fn variables(&self) -> Vec<(String, String)> {
        let mut variables: Vec<(String, String)> = self
            .meta
            .of_the_request()
            .map(|(name, value)| {
                let shown = if is_secret(name, value) {
                    "(not shown)".into()
                } else {
                    String::from_utf8_lossy(value)
                };
                (cut(&String::from_utf8_lossy(name)), cut(&shown))
            })
            .collect();
        variables.sort();
        variables
    }
}

/// The beginning of a text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Frame;
    use super::*;
    use proptest::prelude::*;

    fn meta(pairs: &[(&str, &str)]) -> MetaVariables {
        MetaVariables::from_pairs(
            pairs
                .iter()
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())),
        )
    }

    fn rendered(message: &str, frames: Vec<Frame>, pairs: &[(&str, &str)]) -> String {
        let raised = [Raised {
            message: message.into(),
            link: String::new(),
            frames,
        }];
        let page = DebugPage {
            code: 500,
            id: "0123456789ab",
            summary: message,
            raised: &raised,
            traceback: message,
            meta: &meta(pairs),
        };
        let (head, page) = page.render();
        assert_eq!(head.headers.content_length(), Some(page.len() as u64));
        String::from_utf8(page).expect("UTF-8")
    }

    const HTML: (&str, &str) = ("HTTP_ACCEPT", "text/html,*/*;q=0.8");

    #[test]
    fn secrets_are_not_shown() {
        let pairs = [
            HTML,
            ("HTTP_COOKIE", "hush1"),
            ("HTTP_AUTHORIZATION", "hush2"),
            ("DATABASE_PASSWORD", "hush3"),
            ("PATH", "/of/the/shell"),
            ("HTTP_X_A", "shown"),
        ];
        for pairs in [&pairs[..], &pairs[1..]] {
            let page = rendered("ValueError", Vec::new(), pairs);
            assert!(
                !page.contains("hush") && !page.contains("/of/the/shell"),
                "{page}"
            );
            assert!(
                page.contains("HTTP_X_A") && page.contains("shown"),
                "{page}"
            );
        }
    }

    #[test]
    fn a_recursion_is_not_shown_frame_by_frame() {
        let frame = Frame {
            own: true,
            source: vec!["recurse()".into()],
            ..Frame::default()
        };
        for pairs in [&[HTML][..], &[]] {
            let page = rendered("RecursionError", vec![frame.clone(); 1_000], pairs);
            assert!(page.contains("960 more"), "{page}");
            assert!(page.len() < 100_000);
        }
    }

    #[test]
    fn a_huge_message_is_cut() {
        let page = rendered(&"é".repeat(1_000_000), Vec::new(), &[HTML]);
        assert!(page.len() < 300_000, "{}", page.len());
    }

    proptest! {
        /// No element of ours begins with a z or a quote.
        #[test]
        fn nothing_from_outside_is_markup(text in "[<>&\"'z/= \n]{0,60}") {
            let frame = Frame {
                file: text.clone(),
                function: text.clone(),
                source: vec![text.clone()],
                own: true,
                ..Frame::default()
            };
            let text = text.as_str();
            let pairs = [HTML, ("HTTP_X", text), ("QUERY_STRING", text), ("REQUEST_METHOD", text)];
            let page = rendered(text, vec![frame], &pairs);
            for sign in ["<z", "<\"", "<'", "<=", "< ", "<<", "</z", "&z", "&&"] {
                prop_assert!(!page.contains(sign), "{}", page);
            }
        }
    }
}
