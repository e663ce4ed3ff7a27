//! Command lines that browsers make with "Copy as cURL", run in bash twice: with curl and a server, and with `curl`
//! replaced by `wsgi-cgi request app.py`. The application must get the same request both times.
//!
//! The lines were made by `generateCurlCommand` of Chromium's DevTools and of Firefox.

use super::beside::Beside;

fn lines(text: &str) -> Vec<(&str, &str)> {
    let lines = text.trim_end().split("\n\n");
    let lines = lines.map(|line| line.strip_prefix("# ").expect("a name"));
    lines
        .map(|line| line.split_once('\n').expect("a line"))
        .collect()
}

#[track_caller]
fn sends_the_same_requests(text: &str, least: usize) {
    let Some(beside) = Beside::curl() else {
        return;
    };
    let lines = lines(text);
    assert!(lines.len() >= least, "{} lines", lines.len());
    for (name, line) in lines {
        let both = beside.run(line);
        assert_eq!(both.curl.asked, both.request.asked, "{name}:\n{line}");
        assert_eq!(both.request.exit, 0, "{name}: {}", both.request.stderr);
        assert_eq!(both.request.stderr, "", "{name}");
    }
}

#[test]
fn lines_of_chromium_send_the_same_requests_as_curl() {
    sends_the_same_requests(include_str!("copied/chromium.sh"), 20);
}

#[test]
fn lines_of_firefox_send_the_same_requests_as_curl() {
    sends_the_same_requests(include_str!("copied/firefox.sh"), 6);
}
