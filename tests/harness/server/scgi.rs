//! The processes that a web server asks over SCGI: one `serve --scgi` for each application, with the recipe
//! of `docs/scgi.md` for the server.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::place::Place;
use super::process::account;
use super::{Kind, Listens, Part, Site, apache, lighttpd, nginx, scgi_recipe};

/// Where an application listens.
pub(super) fn socket(place: &Place, name: &str) -> PathBuf {
    place.run(&format!("{name}.socket"))
}

pub(super) fn parts(kind: Kind, place: &Place, site: &Site, address: SocketAddr) -> Vec<Part> {
    let names = site.names();
    let recipes = |language: &str| -> String {
        names
            .iter()
            .map(|name| scgi_recipe(place, language, name))
            .collect()
    };
    let mut parts: Vec<Part> = names.iter().map(|name| serve(kind, place, name)).collect();
    match kind {
        Kind::NginxScgi => parts.push(nginx::nginx(place, site, address, &recipes("nginx"))),
        Kind::LighttpdScgi => {
            parts.push(lighttpd::lighttpd(
                place,
                site,
                address,
                &recipes("lighttpd"),
            ));
        }
        _ => parts.extend(apache::parts(kind, place, site, address)),
    }
    parts
}

fn serve(kind: Kind, place: &Place, name: &str) -> Part {
    let socket = socket(place, name);
    let mut command = Command::new(place.program());
    command
        .args(["serve", "--jobs", "4", "--scgi"])
        .arg(&socket);
    match kind {
        Kind::NginxScgi => _ = command.arg("--preload"),
        Kind::LighttpdScgi => _ = command.args(options(place, name)),
        _ => {}
    }
    if kind != Kind::LighttpdScgi {
        command.arg(format!("--script-name=/{name}"));
    }
    command.arg(place.app(name));
    Part {
        command,
        listens: Listens::Unix(socket),
    }
}

/// As they are handed to each process: by them an image is known.
fn options(place: &Place, name: &str) -> Vec<OsString> {
    vec![
        format!("--script-name=/{name}").into(),
        "--image".into(),
        format!("--cache-dir={}", place.images().display()).into(),
    ]
}

/// Makes the images beforehand, as the server's user: the first request is not to be another than the rest.
pub(super) fn make_images(place: &Place, site: &Site) {
    use std::os::unix::process::CommandExt;
    for name in site.names() {
        let mut command = Command::new(place.program());
        command.args(["image", "make"]);
        for option in options(place, name) {
            let mut word = OsString::from("--option=");
            word.push(option);
            command.arg(word);
        }
        command.arg(place.app(name)).env_clear();
        command
            .env("PATH", "/usr/bin:/bin")
            .current_dir(place.root());
        if let Some(account) = account() {
            command.uid(account.user).gid(account.group);
        }
        // An application that cannot be loaded has none.
        command.output().expect("the program starts");
    }
}
