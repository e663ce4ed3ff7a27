//! The page in a real browser: its style is allowed, its scripts are not, and it follows the
//! colours that the reader prefers.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

use super::FAILS;
use crate::harness::cgi::Cgi;
use crate::harness::{folder, python, skip};

/// Whether there is a browser; if not, that is said.
fn is_there() -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|at| at.join("chromium").is_file()));
    if !found {
        skip("there is no `chromium`");
    }
    found
}

/// Answers every request with these bytes; gives the URL.
fn serve(response: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A browser opens connections that it may not use.
            let response = response.clone();
            std::thread::spawn(move || answer(client, &response));
        }
    });
    url
}

fn answer(mut client: TcpStream, response: &[u8]) {
    let mut lines = BufReader::new(client.try_clone().expect("another handle")).lines();
    if lines.any(|line| line.is_ok_and(|line| line.is_empty())) {
        _ = client.write_all(response);
    }
}

fn browse(url: &str, profile: &Path, arguments: &[String]) -> Output {
    let output = Command::new("chromium")
        // Neither a sandbox nor shared memory is to be had in every container.
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
        ])
        .args([
            "--hide-scrollbars",
            "--no-first-run",
            "--enable-logging=stderr",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(arguments)
        .arg(url)
        .output()
        .expect("the browser runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn page() -> Vec<u8> {
    Cgi::source(FAILS)
        .option("--nph")
        .option("--debug")
        .variable("HTTP_ACCEPT", "text/html")
        .exits(1)
        .logs("RuntimeError")
        .run()
        .raw
}

#[test]
fn nothing_in_the_page_runs() {
    if !is_there() {
        return;
    }
    let profile = folder();
    let dump = |response: Vec<u8>| {
        let output = browse(&serve(response), profile.path(), &["--dump-dom".into()]);
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8(output.stdout).expect("UTF-8"), log)
    };
    let (dom, log) = dump(page());
    assert!(
        dom.contains("<title>RuntimeError: cannot &lt;i&gt;be"),
        "{dom}"
    );
    assert!(!log.contains("Content Security Policy"), "{log}");
    assert_eq!(
        dom.matches("<details class=\"frame own\" open").count(),
        3,
        "{dom}"
    );
    assert!(
        dom.matches("<details class=\"frame\">").count() >= 2,
        "{dom}"
    );
    assert_eq!(dom.matches("<mark ").count(), dom.matches("<pre>").count());
    assert_eq!(dom.matches("<h1>").count(), 1);
    assert!(
        !dom.contains("<script") && !dom.contains("<i>be</i>"),
        "{dom}"
    );

    // Where markup gets through, this shows it: with the policy and without.
    let script = "<style>p{}</style><script>document.title='owned'</script>";
    let bare = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{script}");
    assert!(dump(bare.into_bytes()).0.contains("<title>owned</title>"));
    let head = page();
    let end = head
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8_lossy(&head[..end]).into_owned();
    let head = head
        .lines()
        .filter(|line| !line.starts_with("Content-Length"));
    let guarded = format!("{}\r\n\r\n{script}", head.collect::<Vec<_>>().join("\r\n"));
    let (dom, log) = dump(guarded.into_bytes());
    assert!(!dom.contains("<title>owned</title>"), "{dom}");
    assert!(log.contains("Content Security Policy"), "{log}");
}

#[test]
fn it_is_light_or_dark_as_the_reader_prefers() {
    // The upper left corner of an 8-bit PNG without a filter before it.
    const CORNER: &str = "import struct, sys, zlib
png = open(sys.argv[1], 'rb').read()
place, data = 8, b''
while place < len(png):
    length, kind = struct.unpack('>I4s', png[place:place + 8])
    data += png[place + 8:place + 8 + length] if kind == b'IDAT' else b''
    place += length + 12
print('#' + zlib.decompress(data)[1:4].hex(), end='')";
    if !is_there() {
        return;
    }
    let profile = folder();
    let url = serve(page());
    for (preferred, back) in [("1", "#f4f5f7"), ("0", "#12151a")] {
        let picture = profile.path().join(format!("{preferred}.png"));
        let arguments = [
            format!("--blink-settings=preferredColorScheme={preferred}"),
            format!("--screenshot={}", picture.display()),
            "--window-size=800,600".to_owned(),
        ];
        browse(&url, profile.path(), &arguments);
        let corner = Command::new(python())
            .args(["-I", "-c", CORNER])
            .arg(&picture)
            .output()
            .expect("Python runs");
        assert_eq!(String::from_utf8_lossy(&corner.stdout), back);
    }
}
