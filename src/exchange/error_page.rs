//! The page a client gets for a failed exchange: a whole answer without details. They are in the
//! log under the id that the page shows.

use super::{Headers, ResponseHead, Status};

/// The head and the content of the answer to a failed exchange.
#[must_use]
pub fn error_page(code: u16, id: &str) -> (ResponseHead, Vec<u8>) {
    let status = Status::of(code);
    let title = String::from_utf8_lossy(status.line()).into_owned();
    let advice = match code {
        400 | 411 => "The request cannot be understood as it was sent.",
        504 => "The answer took too long to produce.",
        _ => "The application could not answer this request.",
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n<p>{advice} The server's error log says more under this id:</p>\n\
         <p><code>{id}</code></p>\n</html>\n"
    )
    .into_bytes();

    let mut headers = Headers::default();
    let length = page.len().to_string();
    for (name, value) in [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", &length),
        ("Cache-Control", "no-store"),
    ] {
        headers
            .push(name.as_bytes(), value.as_bytes())
            .expect("fields written here are good");
    }
    (ResponseHead { status, headers }, page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_the_page() {
        let (head, page) = error_page(504, "id");
        assert_eq!(head.headers.content_length(), Some(page.len() as u64));
        assert_eq!(head.status.line(), b"504 Gateway Timeout");
    }
}
