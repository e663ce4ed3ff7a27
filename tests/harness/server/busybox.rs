//! busybox httpd: `#!` scripts in cgi-bin, or the program as the interpreter of `.py` files there.

use std::net::SocketAddr;
use std::process::Command;

use super::place::{Place, find};
use super::{Kind, Listens, Part, Site};
use crate::harness::launcher;

pub(super) fn parts(kind: Kind, place: &Place, site: &Site, address: SocketAddr) -> Vec<Part> {
    place.configuration(&match kind {
        Kind::BusyboxInterpreter => place.as_in_readme("busybox", 0),
        _ => site.configuration.clone(),
    });
    let words = place.command_as_in_readme("busybox", 1, &address.to_string());
    let program = find(&words[0]).expect("available");
    let mut command = Command::new(&program);
    if launcher::is_wanted() && kind == Kind::BusyboxInterpreter {
        // Its scripts have its own environment.
        command = Command::new("env");
        let folder = place.images();
        command
            .arg(format!("WSGI_CGI_CACHE_DIR={}", folder.display()))
            .arg("WSGI_CGI_IMAGE=1");
        command.arg(program);
    }
    // In the foreground.
    command.args([&words[1], "-f"]).args(&words[2..]);
    vec![Part {
        command,
        listens: Listens::Tcp(address),
    }]
}
