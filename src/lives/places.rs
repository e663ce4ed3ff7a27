//! Where `serve` listens: at an address, at a Unix socket, or at sockets that systemd hands over; and who
//! may come in there.

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
            "{typed}: systemd has handed over sockets (LISTEN_FDS), which would be used instead: leave it out, \
             or stop the .socket unit"
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
            bail!("--allow is for an address that other machines reach");
        }
        return Ok(listeners);
    };
    let place = place(typed, open);
    if !typed.place.public {
        bail!("{place} can be reached by other machines; --public allows it");
    }
    if typed.behind.scgi.is_none() {
        report::log(&format!(
            "warning: {place} can be reached by other machines. This server is made for \
             development: a web server that starts wsgi-cgi is what the public should see"
        ));
    } else if typed.behind.allow.is_empty() {
        bail!(
            "{place} can be reached by other machines, and SCGI has no log-in: name those that may \
             connect with --allow ADDRESS"
        );
    }
    Ok(listeners)
}

/// What names a place to listen at, where sockets are there already.
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
        // Whoever may connect makes requests as a person here.
        return Listener::bind_unix(path, &Access::OWN);
    }
    if !place.public && !place.bind.to_canonical().is_loopback() {
        bail!(
            "--bind {}: other machines could reach this server, which is made for \
             development; --public allows it",
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
            bail!("--group is for a Unix socket: an address has no file")
        }
        ScgiPlace::Address(address) => {
            if !typed.place.public && !address.ip().to_canonical().is_loopback() {
                bail!(
                    "--scgi {address}: other machines could reach it, and SCGI has no log-in: --public \
                     with --allow ADDRESS lets those in that are named"
                );
            }
            Listener::bind(address.ip(), address.port())
        }
        ScgiPlace::Systemd => bail!(
            "--scgi systemd: no sockets were handed over (LISTEN_FDS): a .socket unit does that"
        ),
    }
}

/// The number of a group, by its name in the file of groups, or as a number.
fn group_id(name: &str) -> Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let groups = std::fs::read_to_string("/etc/group").context("/etc/group cannot be read")?;
    let found = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    });
    found.with_context(|| {
        format!("--group {name}: /etc/group has no such group: name another, or its number")
    })
}

/// What is printed once requests can be answered.
pub(super) fn banner(typed: &Typed, app: &App, listeners: &[Listener]) -> String {
    let mut banner = String::new();
    for listener in listeners {
        _ = writeln!(banner, "Serving {app} at {}", place(typed, listener));
    }
    banner + "Ctrl-C ends it."
}

fn place(typed: &Typed, listener: &Listener) -> String {
    match (&typed.behind.scgi, listener.address()) {
        (None, _) => listener.to_string(),
        (Some(_), Some(address)) => format!("scgi://{address}"),
        (Some(_), None) => format!("{listener} (SCGI)"),
    }
}
