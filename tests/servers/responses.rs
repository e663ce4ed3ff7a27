//! What arrives at the client of a response that the application made.

use std::fs::File;

use super::{Kind, serve};
use crate::harness::http_client::Request;

#[track_caller]
fn redirects(kind: Kind, to: &str) {
    let (server, url) = serve(kind, "redirect");
    let response = Request::get(&format!("{url}?to={to}")).send(server.address);
    assert_eq!(response.status, 302, "{}", server.log());
    assert_eq!(response.header("Location"), [to]);
    assert_eq!(response.text(), "elsewhere\n");
}

pub(super) fn redirect_to_a_url(kind: Kind) {
    redirects(kind, "https://example.org/elsewhere?a=b");
}

/// Without a Status line this would be a local redirect, the server's own (RFC 3875, 6.2.2).
pub(super) fn redirect_to_a_path(kind: Kind) {
    redirects(kind, "/elsewhere");
}

pub(super) fn not_modified(kind: Kind) {
    let (server, url) = serve(kind, "not_modified");
    let request = Request::get(&url).header("If-None-Match", "\"1\"");
    let response = request.send(server.address);
    assert_eq!(response.status, 304, "{}", server.log());
    assert_eq!(response.header("ETag"), ["\"1\""]);
    assert_eq!(response.bytes(), b"");
}

pub(super) fn two_cookies(kind: Kind) {
    let (server, url) = serve(kind, "cookies");
    let request = Request::get(&url).header("Cookie", "three=3; four=4");
    let response = request.send(server.address);
    assert_eq!(response.status, 200, "{}", server.log());
    let cookies = [
        "one=1; Path=/",
        "two=2; Expires=Thu, 01 Jan 2037 00:00:00 GMT",
    ];
    assert_eq!(response.header("Set-Cookie"), cookies);
    assert_eq!(response.text(), "three=3; four=4");
}

pub(super) fn first_block_arrives_before_the_second_is_made(kind: Kind) {
    let (server, url) = serve(kind, "streaming");
    let folder = server.scratch();
    let request = Request::get(&format!("{url}?{}", folder.display()));
    let mut response = request.send(server.address);
    assert_eq!(response.status, 200, "{}", server.log());
    assert_eq!(response.next_bytes(6), b"first\n");
    File::create(folder.join("seen")).expect("a file made");
    assert_eq!(response.text(), "second\n");
}
