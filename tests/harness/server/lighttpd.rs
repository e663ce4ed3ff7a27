//! lighttpd's mod_cgi: `#!` scripts, or the program as the interpreter of `.py` files.

use std::net::SocketAddr;
use std::process::Command;

use super::place::{Place, find};
use super::{Kind, Listens, Part};

pub(super) fn parts(kind: Kind, place: &Place, address: SocketAddr) -> Vec<Part> {
    let program = place.program();
    let assign = match kind {
        Kind::LighttpdInterpreter => format!(r#"(".py" => "{}")"#, program.display()),
        _ => r#"("" => "")"#.to_owned(),
    };
    let configuration = place.configuration(&format!(
        r#"server.modules = ("mod_cgi")
server.bind = "{ip}"
server.port = {port}
server.document-root = "{root}"
server.upload-dirs = ("{run}")
# Without it lighttpd collects the whole response before it sends a byte.
server.stream-response-body = 1
$HTTP["url"] =^ "/cgi-bin/" {{
    cgi.assign = {assign}
}}
"#,
        ip = address.ip(),
        port = address.port(),
        root = place.root().display(),
        run = place.run("").display(),
    ));
    let mut command = Command::new(find("lighttpd").expect("available"));
    // In the foreground it logs to standard error, and so do its scripts.
    command.arg("-D").arg("-f").arg(configuration);
    vec![Part {
        command,
        listens: Listens::Tcp(address),
    }]
}
