//! nginx with fcgiwrap, which runs `#!` scripts over FastCGI. Their standard error goes through
//! nginx to its error log (`-f`), as Debian's unit for fcgiwrap has it.

use std::net::SocketAddr;
use std::process::Command;

use super::place::{Place, find};
use super::{Listens, Part, Site};

pub(super) fn parts(place: &Place, site: &Site, address: SocketAddr) -> Vec<Part> {
    let socket = place.run("fcgiwrap.socket");
    // A socket of an attempt before this one.
    _ = std::fs::remove_file(&socket);
    let mut wrap = Command::new(find("fcgiwrap").expect("available"));
    // Two at once, so that an abandoned script does not hold up the next request.
    wrap.args(["-f", "-c", "2", "-s"])
        .arg(format!("unix:{}", socket.display()));

    let wrap = Part {
        command: wrap,
        listens: Listens::Unix(socket),
    };
    let block = place.as_in_readme("nginx", 0);
    vec![wrap, nginx(place, site, address, &block)]
}

/// nginx alone, with that block in its `server`.
pub(super) fn nginx(place: &Place, site: &Site, address: SocketAddr, block: &str) -> Part {
    let configuration = place.configuration(&configuration(place, site, address, block));
    let mut nginx = Command::new(find("nginx").expect("available"));
    nginx.args(["-e", "stderr", "-c"]).arg(configuration);
    Part {
        command: nginx,
        listens: Listens::Tcp(address),
    }
}

fn configuration(place: &Place, site: &Site, address: SocketAddr, block: &str) -> String {
    let passed_on = site.passed_on.map_or(String::new(), |to| {
        format!("location /passed-on/ {{ proxy_pass http://{to}/; }}")
    });
    let own_folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};\n", place.run(name).display()))
        .concat();
    format!(
        r"daemon off;
worker_processes 1;
pid {pid};
error_log stderr;
events {{ }}
http {{
    access_log off;
    {own_folders}
    server {{
        listen {address};
        root {root};
        {block}
        {passed_on}
        {further}
    }}
}}
",
        pid = place.run("pid").display(),
        root = place.root().display(),
        further = site
            .configuration
            .replace(
                "include fastcgi_params",
                "include /etc/nginx/fastcgi_params"
            )
            .replace(
                "/run/fcgiwrap.socket",
                &place.run("fcgiwrap.socket").display().to_string()
            ),
    )
}
