//! Where `serve` listens: at an address, at a Unix socket, or at sockets that systemd hands over; and who
//! may come in there.

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

fn http(typed: &Typed) -> Result<Listener> {
    let place = &typed.place;
    if let Some(path) = &place.unix {
        // Whoever may connect makes requests as a person here.
        return Listener::bind_unix(path, &Access::OWN);
    }
    match place.bind {
        Some(address) if !place.public && !address.to_canonical().is_loopback() => bail!(
            "--bind {address}: other machines could reach this server, which is made for \
             development; --public allows it"
        ),
        Some(address) => Listener::bind(address, place.port),
        None if place.public => Listener::bind_everywhere(place.port),
        None => Listener::bind(Ipv4Addr::LOCALHOST.into(), place.port),
    }
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
pub(super) fn banner(typed: &Typed, config: &Config, listeners: &[Listener]) -> String {
    let app = &config.app;
    let mount = mount(config);
    let mut banner = String::new();
    if typed.app.is_none() {
        _ = writeln!(banner, "No APP was named: this one was found here.");
    }
    for listener in listeners {
        let url = listener.url(mount).filter(|_| typed.behind.scgi.is_none());
        let place = url.unwrap_or_else(|| place(typed, listener));
        _ = writeln!(banner, "Serving {app} at {place}");
        if typed.behind.scgi.is_none() {
            banner.push_str(&elsewhere(listener, mount));
        }
    }
    banner + "Ctrl-C ends it."
}

/// What is typed on other machines, a line for each address of this one.
fn elsewhere(listener: &Listener, mount: &[u8]) -> String {
    let is_everywhere = |address: SocketAddr| address.ip().is_unspecified();
    if !listener.address().is_some_and(is_everywhere) {
        return String::new();
    }
    let machine = match addresses::of_this_machine() {
        Ok(machine) => machine,
        Err(error) => return format!("The addresses of this machine cannot be told: {error}\n"),
    };
    let urls = listener.urls_elsewhere(&machine, mount);
    if urls.is_empty() {
        return "This machine has no address that others reach.\n".to_owned();
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

fn place(typed: &Typed, listener: &Listener) -> String {
    match (&typed.behind.scgi, listener.address()) {
        (None, _) => listener.to_string(),
        (Some(_), Some(address)) => format!("scgi://{address}"),
        (Some(_), None) => format!("{listener} (SCGI)"),
    }
}
