//! Where each kind of server has its scripts: the usual folders, the script's file ending, its URL; and which
//! options do not apply to it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use settings::cli::{Install, Server};

use super::paths::{clean, listed};
use super::plan::Script;

/// The folder for web pages in a user's home, by its names at shared hosts.
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

/// The folder that was named, else the usual one that exists.
pub(super) fn folder(typed: &Install) -> Result<PathBuf> {
    if let Some(named) = &typed.place.to {
        if named.is_dir() {
            return clean(named);
        }
        let shown = named.display();
        if named.exists() {
            bail!("--to `{shown}` is not a folder: name the folder for the script");
        }
        bail!("--to `{shown}` does not exist: create it (`mkdir -m 755`), or name another folder");
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
    // A folder and a link to it count once.
    let mut real = Vec::new();
    found.retain(|folder| {
        let is_new = !real.contains(&folder.canonicalize().ok());
        real.push(folder.canonicalize().ok());
        is_new
    });
    match &found[..] {
        [folder] => Ok(folder.clone()),
        [] => bail!(
            "none of the usual folders exists ({}): name the folder for the script with --to",
            listed(&usual)
        ),
        several => bail!(
            "several folders are possible: name one with --to: {}",
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
        // As the program expects behind an Apache `Action`.
        Server::ApacheAction => ".wsgi",
        _ => ".cgi",
    }
}

/// Whether the administrator's configuration decides what runs where.
pub(super) fn has_configuration(server: Server, folder: &Path) -> bool {
    use Server::{Apache, ApacheAction, Busybox, Host, Lighttpd, MiniHttpd, Nginx};
    match server {
        Apache | ApacheAction | Lighttpd | Nginx => true,
        Busybox => !is_cgi_bin(folder),
        Host | MiniHttpd => false,
    }
}

/// Whether the two smallest servers run each script there without any configuration.
pub(super) fn is_cgi_bin(folder: &Path) -> bool {
    folder.ends_with("cgi-bin")
}

/// The path of the URL, without a slash at its end: empty where the script answers for the whole site.
pub(super) fn url(typed: &Install, script: &Script) -> Result<String> {
    let name = &script.name;
    let Some(url) = &typed.place.url else {
        let below = match typed.server {
            Server::ApacheAction => "",
            Server::Busybox if !is_cgi_bin(&script.folder) => "",
            _ => "/cgi-bin",
        };
        return Ok(format!("{below}/{name}"));
    };
    if url == "/" {
        return Ok(String::new());
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    let segments = || url.split('/').skip(1);
    if !url.starts_with('/')
        || !url.chars().all(is_plain)
        || segments().any(|segment| matches!(segment, "" | "." | ".."))
    {
        bail!(
            "--url `{url}`: expected `/`, for the whole site, or a path such as `/shop`, of letters, digits, `-`, \
             `.`, `_` and `~`"
        );
    }
    Ok(url.clone())
}

/// What to do where --url does not work.
fn instead_of_url(server: Server) -> &'static str {
    match server {
        Server::Host => {
            "for `host` the script's folder decides its URL: to answer every URL of a folder, or of the whole site, \
             name the folder with --to and add --root"
        }
        Server::ApacheAction => {
            "behind an `Action` the script's folder and name decide its URL: for another URL, use `apache`"
        }
        _ => {
            "this server answers only at the script's own path: for another path, such as `/`, use another server"
        }
    }
}

/// Refuses options that have no effect with that server.
pub(super) fn check(typed: &Install, folder: &Path) -> Result<()> {
    let (server, place) = (typed.server, &typed.place);
    if place.root && server != Server::Host {
        bail!(
            "--root works only for `host`, where it is done through .htaccess: for other \
             servers, set the URL with --url"
        );
    }
    if place.url.is_some() && !matches!(server, Server::Apache | Server::Lighttpd | Server::Nginx) {
        bail!(
            "--url works only for apache, lighttpd and nginx: {}",
            instead_of_url(server)
        );
    }
    if place.config.is_some() && !has_configuration(server, folder) {
        bail!(
            "--config works only for apache, apache-action, lighttpd, nginx, and for busybox outside of `cgi-bin`: \
             otherwise no configuration is needed"
        );
    }
    if server == Server::MiniHttpd && !is_cgi_bin(folder) {
        bail!(
            "`{}`: this server runs only scripts in a folder named `cgi-bin`: name such a folder with --to",
            folder.display()
        );
    }
    Ok(())
}
