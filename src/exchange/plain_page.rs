//! A short answer in plain text, made without an application.

use super::{Headers, ResponseHead, Status};

/// The head and the content of an answer that is one line of text.
#[must_use]
pub fn plain_page(code: u16, line: &str) -> (ResponseHead, Vec<u8>) {
    let content = format!("{line}\n").into_bytes();
    let mut headers = Headers::default();
    for (name, value) in [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", &content.len().to_string()),
    ] {
        headers
            .push(name.as_bytes(), value.as_bytes())
            .expect("fields written here are good");
    }
    let status = Status::of(code);
    (ResponseHead { status, headers }, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_the_line() {
        let (head, content) = plain_page(404, "404: not here");
        assert_eq!(content, b"404: not here\n");
        assert_eq!(head.headers.content_length(), Some(14));
        assert_eq!(head.status.line(), b"404 Not Found");
    }
}
