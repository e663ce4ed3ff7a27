//! Where each kind of server has its scripts: the usual folders, the script's ending, its URL; and which of
//! the options it has no use for.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use settings::cli::{Install, Server};

use super::paths::{clean, listed};

/// In somebody's home, as hosts call it.
const OF_HOSTS: [&str; 6] = ["public_html", "www", "htdocs", "httpdocs", "html", "web"];
/// Debian, Fedora, SUSE, from source.
const CGI_BINS: &[&str] = &[
    "/usr/lib/cgi-bin",
    "/var/www/cgi-bin",
    "/srv/www/cgi-bin",
    "/usr/local/apache2/cgi-bin",
];
/// Below the pages, where the two smallest servers run scripts.
const BELOW_PAGES: &[&str] = &[
    "/var/www/html/cgi-bin",
    "/var/www/cgi-bin",
    "/srv/www/htdocs/cgi-bin",
    "/www/cgi-bin",
];
const PAGES: &[&str] = &[
    "/var/www/html",
    "/srv/www/htdocs",
    "/usr/local/apache2/htdocs",
];

/// The folder that was named, else the usual one that is there.
pub(super) fn folder(typed: &Install) -> Result<PathBuf> {
    if let Some(named) = &typed.place.to {
        if named.is_dir() {
            return clean(named);
        }
        let shown = named.display();
        if named.exists() {
            bail!("`{shown}` (--to) is no folder: name the one for the script");
        }
        bail!("there is no folder `{shown}`: make it (`mkdir -m 755`), or name another with --to");
    }
    let usual = usual(typed.server);
    let mut found: Vec<_> = usual
        .iter()
        .filter(|folder| folder.is_dir())
        .cloned()
        .collect();
    if typed.server != Server::Host {
        found.truncate(1);
    }
    // A link from one to another is no second one.
    let mut real = Vec::new();
    found.retain(|folder| {
        let is_new = !real.contains(&folder.canonicalize().ok());
        real.push(folder.canonicalize().ok());
        is_new
    });
    match &found[..] {
        [folder] => Ok(folder.clone()),
        [] => bail!(
            "none of the usual folders is here ({}): name the one for the script with --to",
            listed(&usual)
        ),
        several => bail!(
            "which folder is meant? Name one with --to: {}",
            listed(several)
        ),
    }
}

fn usual(server: Server) -> Vec<PathBuf> {
    let fixed = match server {
        Server::Host => {
            let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
            let home = home.map(PathBuf::from);
            return home.map_or(Vec::new(), |home| {
                OF_HOSTS.map(|name| home.join(name)).into()
            });
        }
        Server::Apache | Server::Lighttpd | Server::Nginx => CGI_BINS,
        Server::ApacheAction => PAGES,
        Server::Busybox | Server::MiniHttpd => BELOW_PAGES,
    };
    fixed.iter().map(PathBuf::from).collect()
}

/// How the script's name ends.
pub(super) fn ending(server: Server) -> &'static str {
    match server {
        // What the program runs behind an Action.
        Server::ApacheAction => ".wsgi",
        _ => ".cgi",
    }
}

/// Whether the administrator's configuration decides what runs where.
pub(super) fn has_configuration(server: Server) -> bool {
    use Server::{Apache, ApacheAction, Busybox, Host, Lighttpd, MiniHttpd, Nginx};
    match server {
        Apache | ApacheAction | Lighttpd | Nginx => true,
        Host | Busybox | MiniHttpd => false,
    }
}

/// The path of the URL, without a slash at its end.
pub(super) fn url(typed: &Install, script: &str) -> Result<String> {
    let Some(url) = &typed.place.url else {
        let below = match typed.server {
            Server::ApacheAction => "",
            _ => "/cgi-bin",
        };
        return Ok(format!("{below}/{script}"));
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    let segments = || url.split('/').skip(1);
    if !url.starts_with('/')
        || !url.chars().all(is_plain)
        || segments().any(|segment| matches!(segment, "" | "." | ".."))
    {
        bail!(
            "`{url}` (--url): a path such as `/shop` is expected, of letters, digits, `-`, `.`, `_` and `~`"
        );
    }
    Ok(url.clone())
}

/// Refuses options that would change nothing there.
pub(super) fn check(typed: &Install, folder: &Path) -> Result<()> {
    let (server, place) = (typed.server, &typed.place);
    if place.root && server != Server::Host {
        bail!(
            "--root is for `host`, where .htaccess decides: elsewhere --url says what the script answers"
        );
    }
    if place.url.is_some() && !matches!(server, Server::Apache | Server::Lighttpd | Server::Nginx) {
        bail!(
            "--url is for apache, lighttpd and nginx: elsewhere the script's place decides its URL"
        );
    }
    if place.config.is_some() && !has_configuration(server) {
        bail!("--config is for apache, apache-action, lighttpd and nginx: the others need none");
    }
    if matches!(server, Server::Busybox | Server::MiniHttpd) && !folder.ends_with("cgi-bin") {
        bail!(
            "`{}`: this server runs scripts in a folder `cgi-bin` below its pages: name that with --to",
            folder.display()
        );
    }
    Ok(())
}
