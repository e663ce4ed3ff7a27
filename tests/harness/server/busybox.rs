//! busybox httpd: `#!` scripts in cgi-bin, or the program as the interpreter of `.py` files there.

use std::net::SocketAddr;
use std::process::Command;

use super::place::{Place, find};
use super::{Kind, Listens, Part};

pub(super) fn parts(kind: Kind, place: &Place, address: SocketAddr) -> Vec<Part> {
    let configuration = place.configuration(&match kind {
        Kind::BusyboxInterpreter => format!("*.py:{}\n", place.program().display()),
        _ => String::new(),
    });
    let mut command = Command::new(find("busybox").expect("available"));
    command.args(["httpd", "-f", "-p", &address.to_string(), "-h"]);
    command.arg(place.root()).arg("-c").arg(configuration);
    vec![Part {
        command,
        listens: Listens::Tcp(address),
    }]
}
