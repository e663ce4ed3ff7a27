//! Where `serve` listens: at an address, at a Unix socket, or at sockets that systemd passes; and who may
//! connect there.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};

use doors::server::{Access, Listener};
use exchange::AUTO;
use process::{addresses, report};
use settings::cli::{ScgiPlace, Serve as Typed};
use settings::config::Config;

/// The sockets.
pub(super) fn listeners(typed: &Typed) -> Result<Vec<Listener>> {
    let mut listeners = Listener::inherited()?;
    if !listeners.is_empty()
        && let Some(typed) = another_place(typed)
    {
        bail!(
            "{typed}: systemd passed sockets to this process (LISTEN_FDS), which would be used instead: leave \
             out this option, or stop the .socket unit"
        );
    }
    if listeners.is_empty() {
        listeners.push(match &typed.behind.scgi {
            Some(place) => scgi(typed, place)?,
            None => http(typed)?,
        });
    }
    let open = listeners.iter().find(|listener| !listener.is_local());
    let Some(open) = open else {
        if !typed.behind.allow.is_empty() {
            bail!(
                "--allow has no effect here: only this machine can reach the server. Leave it out, or \
                 listen on another address"
            );
        }
        return Ok(listeners);
    };
    let reached = reached(typed, open);
    if !typed.place.public {
        bail!(
            "not started, as other machines can reach {reached}: if that is intended, add --public"
        );
    }
    if typed.behind.scgi.is_none() {
        report::log(&format!(
            "warning: other machines can reach {reached}. This server is made for development: \
             for the public, use a web server that starts wsgi-cgi"
        ));
    } else if typed.behind.allow.is_empty() {
        bail!(
            "other machines can reach {reached}, and SCGI has no authentication: name the web \
             server's address with --allow ADDRESS"
        );
    }
    Ok(listeners)
}

/// The option that names another place to listen at than the inherited sockets.
fn another_place(typed: &Typed) -> Option<String> {
    if let Some(group) = &typed.behind.group {
        return Some(format!("--group {group}"));
    }
    match (&typed.behind.scgi, &typed.place.unix) {
        (Some(ScgiPlace::Path(path)), _) => Some(format!("--scgi {}", path.display())),
        (Some(ScgiPlace::Address(address)), _) => Some(format!("--scgi {address}")),
        (None, Some(path)) => Some(format!("--unix {}", path.display())),
        (Some(ScgiPlace::Systemd) | None, _) => None,
    }
}

fn http(typed: &Typed) -> Result<Listener> {
    let place = &typed.place;
    if let Some(path) = &place.unix {
        // Anybody who can connect runs the application as this user.
        return Listener::bind_unix(path, &Access::OWN, "--unix");
    }
    match place.bind {
        Some(address) if !place.public && !address.to_canonical().is_loopback() => bail!(
            "--bind {address}: other machines could reach this server, which is made for \
             development: allow it with --public"
        ),
        Some(address) => Listener::bind(address, place.port),
        None if place.public => Listener::bind_everywhere(place.port),
        None => Listener::bind(Ipv4Addr::LOCALHOST.into(), place.port),
    }
}

fn scgi(typed: &Typed, place: &ScgiPlace) -> Result<Listener> {
    let group = typed.behind.group.as_deref().map(group_id).transpose()?;
    match place {
        ScgiPlace::Path(path) => {
            Listener::bind_unix(path, &Access { mode: 0o660, group }, "--scgi")
        }
        ScgiPlace::Address(_) if group.is_some() => {
            bail!("--group needs a Unix socket (--scgi PATH): only a socket file has a group")
        }
        ScgiPlace::Address(address) => {
            if !typed.place.public && !address.ip().to_canonical().is_loopback() {
                bail!(
                    "--scgi {address}: other machines could reach it, and SCGI has no \
                     authentication: add --public, and --allow ADDRESS with the web server's \
                     address"
                );
            }
            Listener::bind(address.ip(), address.port())
        }
        ScgiPlace::Systemd => bail!(
            "--scgi systemd: systemd passed no sockets (LISTEN_FDS is not set): start this service \
             through its .socket unit"
        ),
    }
}

/// The GID of a group that is named as in /etc/group, or by the GID itself.
fn group_id(name: &str) -> Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let groups = std::fs::read_to_string("/etc/group").context("cannot read /etc/group")?;
    let found = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    });
    found.with_context(|| {
        format!("--group {name}: no such group in /etc/group: name another, or give its GID")
    })
}

/// What is printed once requests can be answered.
pub(super) fn banner(typed: &Typed, config: &Config, listeners: &[Listener]) -> String {
    let app = &config.app;
    let mount = mount(config);
    let mut banner = String::new();
    if typed.app.is_none() {
        _ = writeln!(
            banner,
            "no APP was given: serving the application found here."
        );
    }
    for listener in listeners {
        let url = listener.url(mount).filter(|_| typed.behind.scgi.is_none());
        let place = url.unwrap_or_else(|| place(typed, listener));
        _ = writeln!(banner, "Serving {app} at {place}");
        if typed.behind.scgi.is_none() {
            banner.push_str(&urls_for_other_machines(listener, mount));
        }
    }
    banner + "Press Ctrl-C to stop."
}

/// The URLs for other machines, one line for each address of this machine.
fn urls_for_other_machines(listener: &Listener, mount: &[u8]) -> String {
    let is_everywhere = |address: SocketAddr| address.ip().is_unspecified();
    if !listener.address().is_some_and(is_everywhere) {
        return String::new();
    }
    let machine = match addresses::of_this_machine() {
        Ok(machine) => machine,
        Err(error) => return format!("cannot list the addresses of this machine: {error}\n"),
    };
    let urls = listener.urls_for_other_machines(&machine, mount);
    if urls.is_empty() {
        return "This machine has no address that other machines can reach.\n".to_owned();
    }
    let mut lines = String::new();
    for url in urls {
        _ = writeln!(lines, "On other machines: {url}");
    }
    lines
}

/// The path that the application is below.
pub(super) fn mount(config: &Config) -> &[u8] {
    let mount = config.script_name.as_deref();
    mount.filter(|&path| path != AUTO).unwrap_or_default()
}

/// What other machines can reach, by an address that a person can type: a server at every address has none of its own.
fn reached(typed: &Typed, listener: &Listener) -> String {
    let Some(everywhere) = listener.address().filter(|at| at.ip().is_unspecified()) else {
        return place(typed, listener);
    };
    let machine = addresses::of_this_machine().unwrap_or_default();
    let url = listener
        .urls_for_other_machines(&machine, b"")
        .into_iter()
        .next();
    url.filter(|_| typed.behind.scgi.is_none())
        .unwrap_or_else(|| format!("port {} of this machine", everywhere.port()))
}

fn place(typed: &Typed, listener: &Listener) -> String {
    match (&typed.behind.scgi, listener.address()) {
        (None, _) => listener.to_string(),
        (Some(_), Some(address)) => format!("scgi://{address}"),
        (Some(_), None) => format!("{listener} (SCGI)"),
    }
}
