//! mini_httpd: `#!` scripts that match its CGI pattern. It gives a script one pipe for standard
//! output and standard error, so the scripts name a log of their own (see `install`).

use std::net::SocketAddr;
use std::process::Command;

use super::place::{Place, find};
use super::{Listens, Part};

pub(super) fn parts(place: &Place, address: SocketAddr) -> Vec<Part> {
    let words = place.command_as_in_readme("mini_httpd", 0, &address.port().to_string());
    let mut command = Command::new(find(&words[0]).expect("available"));
    // In the foreground, on loopback.
    command
        .args(["-D", "-h", &address.ip().to_string()])
        .args(&words[1..]);
    vec![Part {
        command,
        listens: Listens::Tcp(address),
    }]
}
