//! lighttpd's mod_cgi: `#!` scripts, or the program as the interpreter of `.py` files.

use std::net::SocketAddr;
use std::process::Command;

use super::place::{Place, find};
use super::{Kind, Listens, Part, Site};
use crate::harness::launcher;

/// lighttpd alone, with those lines.
pub(super) fn lighttpd(place: &Place, site: &Site, address: SocketAddr, lines: &str) -> Part {
    let configuration = place.configuration(&format!(
        r#"server.bind = "{ip}"
server.port = {port}
server.document-root = "{root}"
server.upload-dirs = ("{run}")
{lines}{further}"#,
        further = site.configuration,
        ip = address.ip(),
        port = address.port(),
        root = place.root().display(),
        run = place.run("").display(),
    ));
    let mut command = Command::new(find("lighttpd").expect("available"));
    // In the foreground it logs to standard error, and so do its scripts.
    command.arg("-D").arg("-f").arg(configuration);
    Part {
        command,
        listens: Listens::Tcp(address),
    }
}

pub(super) fn parts(kind: Kind, place: &Place, site: &Site, address: SocketAddr) -> Vec<Part> {
    let block = match kind {
        Kind::LighttpdInterpreter => place.as_in_readme("lighttpd", 1),
        _ => place.as_in_readme("lighttpd", 0),
    };
    // Its scripts have none of its own environment.
    let launched = if launcher::is_wanted() && kind == Kind::LighttpdInterpreter {
        let images = place.images();
        format!(
            "server.modules += (\"mod_setenv\")\n\
             setenv.set-environment = (\"WSGI_CGI_CACHE_DIR\" => \"{}\", \"WSGI_CGI_IMAGE\" => \"1\")\n",
            images.display()
        )
    } else {
        String::new()
    };
    vec![lighttpd(place, site, address, &(launched + &block))]
}
