//! `wsgi-cgi check`: each planted fault is found and named, nothing is found where nothing is wrong, and this
//! gateway sends what an application gives.

mod applications;
mod function;
mod planted;
mod told;

use std::process::Command;

/// Rule, severity and place of each finding that `--json` told.
fn names_of(json: &[u8]) -> Vec<(String, String, String)> {
    let done = Command::new("/usr/bin/python3")
        .args([
            "-c",
            "import json, sys\nfor f in json.loads(sys.argv[1])['findings']:\n    \
             print(f['rule'], f['severity'], f['where'], sep='\\t')",
        ])
        .arg(String::from_utf8_lossy(json).as_ref())
        .output()
        .expect("started");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(json));
    let text = String::from_utf8(done.stdout).expect("text");
    text.lines()
        .map(|line| {
            let mut parts = line.split('\t').map(str::to_owned);
            let mut part = || parts.next().unwrap_or_default();
            (part(), part(), part())
        })
        .collect()
}
