//! mini_httpd: `#!` scripts that match its CGI pattern. It gives a script one pipe for standard
//! output and standard error, so the scripts name a log of their own (see `install`).

use std::net::SocketAddr;
use std::process::Command;

use super::place::{Place, find};
use super::{Listens, Part};

pub(super) fn parts(place: &Place, address: SocketAddr) -> Vec<Part> {
    let mut command = Command::new(find("mini_httpd").expect("available"));
    command.args([
        "-D",
        "-h",
        &address.ip().to_string(),
        "-p",
        &address.port().to_string(),
    ]);
    // `**` lets the pattern reach into the extra path.
    command
        .arg("-d")
        .arg(place.root())
        .args(["-c", "cgi-bin/**"]);
    vec![Part {
        command,
        listens: Listens::Tcp(address),
    }]
}
