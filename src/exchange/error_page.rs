//! The page a client gets for a failed exchange: whole, and without inside knowledge. The id in it
//! is what finds the details in the log.

use super::{Headers, ResponseHead, Status};

/// The head and the content of the answer to a failed exchange; `detail`, shown with `--debug`
/// only, is the traceback.
#[must_use]
pub fn error_page(code: u16, id: &str, detail: Option<&str>) -> (ResponseHead, Vec<u8>) {
    let status = Status::of(code);
    let title = String::from_utf8_lossy(status.line()).into_owned();
    let advice = match code {
        400 | 411 => "The request cannot be understood as it was sent.",
        504 => "The answer took too long to make.",
        _ => "The application could not answer this request.",
    };
    let detail = detail.map_or_else(String::new, |text| format!("<pre>{}</pre>\n", escape(text)));
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n<p>{advice} The server's error log says more under this id:</p>\n\
         <p><code>{id}</code></p>\n{detail}</html>\n"
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

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceback_cannot_bring_markup_of_its_own() {
        let (_, page) = error_page(500, "id", Some("<script>alert(1)</script>"));
        let page = String::from_utf8(page).expect("UTF-8");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    }

    #[test]
    fn the_length_is_that_of_the_page() {
        let (head, page) = error_page(504, "id", None);
        assert_eq!(head.headers.content_length(), Some(page.len() as u64));
        assert_eq!(head.status.line(), b"504 Gateway Timeout");
    }
}
