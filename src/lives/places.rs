//! Where `serve` listens: at an address, at a Unix socket, or at sockets that systemd passes; and who may
//! connect there.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use doors::server::{Access, Listener};
use process::report;
use settings::cli::{ScgiPlace, Serve as Typed};
use settings::config::App;

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
    let place = place(typed, open);
    if !typed.place.public {
        bail!("other machines can reach {place}: allow it with --public");
    }
    if typed.behind.scgi.is_none() {
        report::log(&format!(
            "warning: other machines can reach {place}. This server is made for development: \
             for the public, use a web server that starts wsgi-cgi"
        ));
    } else if typed.behind.allow.is_empty() {
        bail!(
            "other machines can reach {place}, and SCGI has no login: name the web server's address with \
             --allow ADDRESS"
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
        return Listener::bind_unix(path, &Access::OWN);
    }
    if !place.public && !place.bind.to_canonical().is_loopback() {
        bail!(
            "--bind {}: other machines could reach this server, which is made for \
             development: allow it with --public",
            place.bind
        );
    }
    Listener::bind(place.bind, place.port)
}

fn scgi(typed: &Typed, place: &ScgiPlace) -> Result<Listener> {
    let group = typed.behind.group.as_deref().map(group_id).transpose()?;
    match place {
        ScgiPlace::Path(path) => Listener::bind_unix(path, &Access { mode: 0o660, group }),
        ScgiPlace::Address(_) if group.is_some() => {
            bail!("--group needs a Unix socket (--scgi PATH): only a socket file has a group")
        }
        ScgiPlace::Address(address) => {
            if !typed.place.public && !address.ip().to_canonical().is_loopback() {
                bail!(
                    "--scgi {address}: other machines could reach it, and SCGI has no login: add --public, \
                     and --allow ADDRESS with the web server's address"
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
pub(super) fn banner(typed: &Typed, app: &App, listeners: &[Listener]) -> String {
    let mut banner = String::new();
    for listener in listeners {
        _ = writeln!(banner, "Serving {app} at {}", place(typed, listener));
    }
    banner + "Press Ctrl-C to stop."
}

fn place(typed: &Typed, listener: &Listener) -> String {
    match (&typed.behind.scgi, listener.address()) {
        (None, _) => listener.to_string(),
        (Some(_), Some(address)) => format!("scgi://{address}"),
        (Some(_), None) => format!("{listener} (SCGI)"),
    }
}
