//! The error page in a real browser.

use std::path::Path;
use std::process::Command;

use crate::harness::serving::Serve;
use crate::harness::skip;

const FAILS: &str = r#"
import json

def helper(text):
    return json.loads(text)

def application(environ, start_response):
    try:
        {}["<script>document.title = 'run'</script>"]
    except KeyError:
        helper("{<img src=x onerror=alert(1)>")
"#;

#[test]
fn the_error_page_is_shown_and_runs_nothing() {
    let Some(chromium) = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
        .into_iter()
        .find(|path| Path::new(path).exists())
    else {
        return skip("Chromium is not installed");
    };
    let serving = Serve::source(FAILS).start();
    let profile = tempfile::tempdir().expect("a folder");
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--dump-dom",
        ])
        // A container has no room for the browser's own.
        .args(["--no-sandbox", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://{}/cart?a=b", serving.address()))
        .env("HOME", profile.path())
        .output()
        .expect("Chromium starts");
    let page = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        page.contains("<title>json.decoder.JSONDecodeError: "),
        "{page}\n{log}"
    );
    assert!(page.contains("JSONDecodeError</h1>"), "{page}");
    // The application's own frames are open, those of libraries folded away.
    let own = page.matches("<details class=\"frame own\" open").count();
    assert_eq!(own, 3, "{page}");
    assert!(page.contains("<details class=\"frame\">"), "{page}");
    assert!(page.contains("<h3>KeyError</h3>"), "{page}");
    for element in ["<script", "<img"] {
        assert!(!page.contains(element), "{page}");
    }
    serving.end_logging();
}
