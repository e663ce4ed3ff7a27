//! What browsers copy as cURL, pasted into bash twice: as it is, for curl and a server, and with `curl` replaced
//! by `wsgi-cgi request app.py`. The application has to be asked the same.
//!
//! The lines are what `generateCurlCommand` of Chromium's DevTools and of Firefox make of such requests.

use super::beside::Beside;

fn lines(text: &str) -> Vec<(&str, &str)> {
    let lines = text.trim_end().split("\n\n");
    let lines = lines.map(|line| line.strip_prefix("# ").expect("a name"));
    lines
        .map(|line| line.split_once('\n').expect("a line"))
        .collect()
}

#[track_caller]
fn ask_the_same(text: &str, least: usize) {
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
fn lines_of_chromium_ask_what_they_ask_with_curl() {
    ask_the_same(include_str!("copied/chromium.sh"), 20);
}

#[test]
fn lines_of_firefox_ask_what_they_ask_with_curl() {
    ask_the_same(include_str!("copied/firefox.sh"), 6);
}
