//! Bodies that clients send: of any size, in chunks, and read by nobody; and that the answer to one
//! that nobody reads arrives as it is.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use super::{Kind, Server, Site, serve};
use crate::harness::http_client::{Request, Response};
use crate::harness::server::eventually;

pub(super) const MIB: usize = 1024 * 1024;

/// Bytes without a pattern (xorshift64), always the same.
pub(super) static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(64 * MIB);
    while bytes.len() < 64 * MIB {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
});

/// Its SHA-256, by a program that is neither ours nor Python's.
static CHECKSUM_OF_LARGE: LazyLock<String> = LazyLock::new(|| checksum(&LARGE));

pub(super) fn checksum(bytes: &[u8]) -> String {
    let mut command = Command::new("sha256sum");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sha256sum, of coreutils");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(bytes)
        .expect("all of it taken");
    let output = child.wait_with_output().expect("an answer");
    String::from_utf8(output.stdout).expect("ASCII")[..64].to_owned()
}

/// Sends the request, to mini_httpd in two steps: where the body begins in the same read as the
/// head, version 1.30 passes it on through a process that then shuts the connection down for
/// writing, and nobody ever gets the answer.
#[track_caller]
fn send(
    server: &Server,
    url: &str,
    request: fn(&str, &'static [u8]) -> Request,
    body: &'static [u8],
) -> Response {
    if server.kind != Kind::MiniHttpd {
        return request(url, body).send(server.address);
    }
    let folder = server.scratch();
    let request = request(&format!("{url}?{}", folder.display()), body);
    let started = folder.join("started");
    let wait = move || {
        eventually(Duration::from_secs(20), || started.exists());
    };
    request.body_after(wait).send(server.address)
}

#[track_caller]
fn echoes(kind: Kind, body: &'static [u8], checksum: &str) {
    let (server, url) = serve(kind, "echo");
    let response = send(&server, &url, Request::post, body);
    assert_eq!(response.status, 200, "{}", server.log());
    assert_eq!(response.header("X-Received"), [checksum]);
    let echoed = response.bytes();
    assert_eq!(echoed.len(), body.len());
    assert!(echoed == body, "the body came back changed");
}

pub(super) fn post_0_bytes(kind: Kind) {
    echoes(kind, b"", &checksum(b""));
}

pub(super) fn post_1_byte(kind: Kind) {
    echoes(kind, b"\n", &checksum(b"\n"));
}

pub(super) fn post_64_mib(kind: Kind) {
    echoes(kind, &LARGE, &CHECKSUM_OF_LARGE);
}

/// What the application gets is a body of known length, however it was sent.
pub(super) fn post_in_chunks(kind: Kind) {
    let (server, url) = serve(kind, "echo");
    for size in [0, 1, MIB / 3, 64 * MIB] {
        let body = &LARGE[..size];
        let response = send(&server, &url, Request::post_chunked, body);
        match kind {
            // Its mod_proxy_scgi takes none.
            Kind::ApacheScgi => assert_eq!(response.status, 411),
            // They pass the chunks on as they came and never end them: nothing to read with safety.
            Kind::BusyboxHashBang | Kind::BusyboxInterpreter | Kind::MiniHttpd => {
                assert_eq!(response.status, 411, "{}", server.log());
                // They close the connection with the rest of the body unread, which is a reset.
                return;
            }
            _ => {
                assert_eq!(response.status, 200, "{}", server.log());
                let announced = response.header("X-Announced");
                assert_eq!(announced, [format!("('{size}', None)")]);
                assert!(response.bytes() == body, "the body came back changed");
            }
        }
    }
}

/// Content of another method than POST arrives whole, or is refused.
pub(super) fn put_with_a_length(kind: Kind) {
    for size in [0, 5, 60_000] {
        let (server, url) = serve(kind, "echo");
        let put = |url: &str, body| Request::with_length("PUT", url, body);
        let response = send(&server, &url, put, &LARGE[..size]);
        match kind {
            Kind::BusyboxHashBang | Kind::BusyboxInterpreter if size > 0 => {
                assert_eq!(response.status, 501, "{}", server.log());
                server.wait_for_log(&format!("HTTP_CONTENT_LENGTH=`{size}`: busybox"));
            }
            _ => {
                assert_eq!(response.status, 200, "{}", server.log());
                assert!(response.bytes() == LARGE[..size], "{size}");
            }
        }
    }
}

/// So it is with every method, with chunks that carry more than content, with a client that asks first,
/// and with content that is itself encoded.
pub(super) fn chunks_of_every_kind(kind: Kind) {
    if matches!(
        kind,
        Kind::BusyboxHashBang | Kind::BusyboxInterpreter | Kind::MiniHttpd | Kind::ApacheScgi
    ) {
        return; // See `post_in_chunks`.
    }
    let (server, url) = serve(kind, "echo");
    let of = |method| Request::chunked(method, &url, &LARGE[..20_000]);
    let requests = ["PUT", "PATCH", "DELETE", "PROPFIND", "REPORT", "LOCK"].map(of);
    let more = [
        of("POST").adorned(),
        of("POST").header("Expect", "100-continue"),
        of("POST").header("Content-Encoding", "gzip"),
        of("POST").header("TE", "trailers"),
    ];
    for (number, request) in requests.into_iter().chain(more).enumerate() {
        let response = request.send(server.address);
        assert_eq!(response.status, 200, "{number}: {}", server.log());
        let announced = response.header("X-Announced");
        assert_eq!(announced, ["('20000', None)"], "{number}");
        assert!(
            response.bytes() == LARGE[..20_000],
            "{number}: the body came back changed"
        );
    }
}

/// Neither side may wait for the other: the server to be rid of the body, we of the response.
pub(super) fn post_64_mib_unread(kind: Kind) {
    let (server, url) = serve(kind, "unread");
    let response = send(&server, &url, Request::post, &LARGE);
    assert_eq!(response.status, 200, "{}", server.log());
    let text = match kind {
        // It closes the connection with the body unread: that is a reset, and the last of the
        // response may be lost on its way (RFC 9112, section 9.6).
        Kind::BusyboxHashBang | Kind::BusyboxInterpreter => response.bytes_before_reset(),
        _ => {
            let text = response.bytes();
            assert_eq!(text.len(), MIB);
            text
        }
    };
    assert!(text.len() <= MIB && text.iter().all(|&byte| byte == b'x'));
}

/// An answer that leaves the body alone arrives as it is, also where the server writes the whole
/// body before it reads a byte of the answer (fcgiwrap, uWSGI's cgi plugin).
pub(super) fn refusals_of_uploads_arrive(kind: Kind) {
    const REFUSING: &str = "
def application(environ, start_response):
    status = environ['PATH_INFO'][1:]
    if status == '500':
        raise LookupError('before the body was looked at')
    if status == 'crash':
        import os
        os.abort()
    start_response(status + ' Refused', [('Content-Type', 'text/plain')])
    return [b'not for you']
";
    let site = Site::new().source("refusing", REFUSING);
    let server = Server::start(kind, &site);
    let url = server.url("refusing");
    for (path, expected) in [
        ("403", 403),
        ("404", 404),
        ("413", 413),
        ("500", 500),
        ("crash", 500),
    ] {
        for size in [1, 60_000, 300_000, 64 * MIB] {
            let url = format!("{url}/{path}");
            let response = send(&server, &url, Request::post, &LARGE[..size]);
            assert_eq!(
                response.status,
                expected,
                "{size} bytes to {url}: {}",
                server.log()
            );
            let content = match kind {
                // See `post_64_mib_unread`.
                Kind::BusyboxHashBang | Kind::BusyboxInterpreter => continue,
                _ => response.text(),
            };
            match expected {
                500 => assert!(content.ends_with("</html>\n"), "{content}"),
                _ => assert_eq!(content, "not for you"),
            }
        }
    }
}
