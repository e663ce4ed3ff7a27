//! The access log.

use super::ECHO;
use crate::harness::http_client::Request;
use crate::harness::python;
use crate::harness::serving::Serve;

fn one_line(format: &str) -> String {
    let serving = Serve::source(ECHO).with(&["--log-format", format]).start();
    let response = Request::get("/x?y=%22")
        .header("User-Agent", "a \"b\"")
        .header("Referer", "http://r/")
        .send(serving.address());
    assert_eq!(response.status, 200);
    _ = response.text();
    serving.end()
}

#[test]
fn short() {
    let line = one_line("short");
    assert!(line.starts_with("200 GET /x?y=%22 12 B "), "{line}");
    assert!(line.ends_with(" ms\n"), "{line}");
}

#[test]
fn combined() {
    let line = one_line("combined");
    let (start, rest) = line.split_once(" [").expect("a time");
    assert_eq!(start, "127.0.0.1 - -");
    let rest = rest.split_once("] ").expect("a time").1;
    assert_eq!(
        rest,
        "\"GET /x?y=%22 HTTP/1.1\" 200 12 \"http://r/\" \"a \\\"b\\\"\"\n"
    );
}

#[test]
fn json_is_read_by_others() {
    let line = one_line("json");
    let check = "import json, sys\nd = json.loads(sys.argv[1])\n\
                 print(d['client'], d['method'], d['target'], d['status'], d['bytes'], d['agent'])";
    let output = std::process::Command::new(python())
        .args(["-c", check, &line])
        .output()
        .expect("Python runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "127.0.0.1 GET /x?y=%22 200 12 a \"b\"\n"
    );
}
