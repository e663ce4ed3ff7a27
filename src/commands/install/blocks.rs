//! The configuration that each server needs for one script. It enables this script and no other file of its
//! folder: a second script gets a second block.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use settings::cli::Server;

use super::target::is_cgi_bin;

/// A script, its folder, its URL, and the program that runs it.
pub(super) struct Place<'a> {
    pub(super) folder: &'a Path,
    pub(super) name: &'a str,
    /// Empty for the whole site.
    pub(super) url: &'a str,
    pub(super) program: &'a Path,
    /// Whether it answers for its whole folder.
    pub(super) root: bool,
    /// Whether the program determines the mount and PATH_INFO from the URL (`script-name = "auto"`).
    pub(super) reads_url: bool,
}

/// The lines for that server; `None` where it needs no configuration.
///
/// # Errors
/// For a path that cannot be written there.
pub(super) fn lines(server: Server, place: &Place) -> Result<Option<String>> {
    Ok(Some(match server {
        Server::Host => htaccess(place),
        Server::Apache => apache(place)?,
        Server::ApacheAction => apache_action(place)?,
        Server::Lighttpd => lighttpd(place)?,
        Server::Nginx => nginx(place)?,
        Server::Busybox if !is_cgi_bin(place.folder) => busybox(place)?,
        Server::Busybox | Server::MiniHttpd => return Ok(None),
    }))
}

/// A path that needs no escapes within double quotes in the configuration of any of these servers.
fn plain(path: &Path) -> Result<&str> {
    let shown = path.display();
    let text = path.to_str().with_context(|| {
        format!(
            "the path `{shown}` is not UTF-8 and cannot be written in a server's configuration: use \
             another folder"
        )
    })?;
    // Quotes and variables; patterns of Apache's <Directory>.
    if text.contains(|c: char| c.is_control() || "\"\\$%*?[]{}".contains(c)) {
        bail!(
            "the path `{shown}` has a character that is special in a server's configuration (one of \
             \" \\ $ % * ? [ ] {{ }}, or a control character): use another folder"
        );
    }
    Ok(text)
}

/// Nothing needs an escape here: it names the script alone, whose name is plain.
fn htaccess(place: &Place) -> String {
    let name = place.name;
    let mut text = format!(
        "Options +ExecCGI\n\
         <Files \"{name}\">\n    \
         SetHandler cgi-script\n    \
         # Apache keeps the Authorization header to itself unless it is told not to.\n    \
         CGIPassAuth On\n\
         </Files>\n\
         # What editors leave beside it ({name}~, .{name}.swp) would show its source.\n\
         <FilesMatch \"^([.#]+{pattern}|{pattern}.)\">\n    \
         Require all denied\n\
         </FilesMatch>\n",
        pattern = as_pattern(name)
    );
    if place.root {
        // Apache decodes a path in a rewrite twice, and refuses a path with `?`.
        let rule = if place.reads_url {
            format!("^ {name}")
        } else {
            format!("^(.*)$ {name}/$1")
        };
        _ = write!(
            text,
            "RewriteEngine On\n\
             RewriteCond %{{REQUEST_FILENAME}} !-f\n\
             RewriteRule {rule} [L]\n"
        );
    }
    text
}

fn apache(place: &Place) -> Result<String> {
    let (folder, name, url) = (plain(place.folder)?, place.name, place.url);
    // Both with a slash: what follows it in the URL follows it in the path.
    let slash = if url.is_empty() { "/" } else { "" };
    Ok(format!(
        "ScriptAlias \"{url}{slash}\" \"{folder}/{name}{slash}\"\n\
         <Directory \"{folder}\">\n    \
         <Files \"{name}\">\n        \
         Require all granted\n        \
         # Apache keeps the Authorization header to itself unless it is told not to.\n        \
         CGIPassAuth On\n    \
         </Files>\n\
         </Directory>\n"
    ))
}

fn apache_action(place: &Place) -> Result<String> {
    let (folder, name, program) = (plain(place.folder)?, place.name, plain(place.program)?);
    let (programs, program) = program.rsplit_once('/').unwrap_or(("", program));
    Ok(format!(
        "ScriptAlias \"/wsgi-cgi\" \"{programs}/{program}\"\n\
         <Directory \"{programs}\">\n    \
         <Files \"{program}\">\n        \
         Require all granted\n        \
         # Apache keeps the Authorization header to itself unless it is told not to.\n        \
         CGIPassAuth On\n    \
         </Files>\n\
         </Directory>\n\
         <Directory \"{folder}\">\n    \
         <Files \"{name}\">\n        \
         SetHandler wsgi-script\n    \
         </Files>\n    \
         # What editors and people leave beside it ({name}~, .{name}.swp) would show its source.\n    \
         <FilesMatch \"^([.#]+{pattern}|{pattern}.)\">\n        \
         Require all denied\n    \
         </FilesMatch>\n    \
         Action wsgi-script \"/wsgi-cgi\"\n\
         </Directory>\n",
        pattern = as_pattern(name)
    ))
}

fn lighttpd(place: &Place) -> Result<String> {
    let (folder, name, url) = (plain(place.folder)?, place.name, place.url);
    let slash = if url.is_empty() { "/" } else { "" };
    Ok(format!(
        "server.modules += (\"mod_alias\", \"mod_cgi\")\n\
         $HTTP[\"url\"] =~ \"^{pattern}(/|$)\" {{\n    \
         alias.url = (\"{url}{slash}\" => \"{folder}/{name}{slash}\")\n    \
         cgi.assign = (\"\" => \"\")\n    \
         # Send each block when it is made.\n    \
         server.stream-response-body = 1\n\
         }}\n",
        pattern = as_pattern(url)
    ))
}

fn nginx(place: &Place) -> Result<String> {
    let (folder, name, pattern) = (plain(place.folder)?, place.name, as_pattern(place.url));
    let location = if place.url.is_empty() {
        // Other locations of the site are more specific, and stay.
        "/".to_owned()
    } else {
        format!("~ ^{pattern}(/|$)")
    };
    Ok(format!(
        "location {location} {{\n    \
         include fastcgi_params;\n    \
         fastcgi_split_path_info ^({pattern})(.*)$;\n    \
         fastcgi_param SCRIPT_FILENAME \"{folder}/{name}\";\n    \
         fastcgi_param PATH_INFO $fastcgi_path_info;\n    \
         fastcgi_pass unix:/run/fcgiwrap.socket;\n    \
         # Without this, nginx refuses what is over 1 MB.\n    \
         client_max_body_size 100m;\n    \
         # Send each block when it is made.\n    \
         fastcgi_buffering off;\n    \
         fastcgi_param NO_BUFFERING 1;\n\
         }}\n"
    ))
}

/// The interpreter of every file of that ending, outside of `cgi-bin`.
fn busybox(place: &Place) -> Result<String> {
    let program = plain(place.program)?;
    if program.contains([' ', '#']) {
        bail!(
            "the path `{program}` has a space or `#`, which busybox's configuration cannot have: install wsgi-cgi \
             elsewhere"
        );
    }
    let ending = Path::new(place.name).extension().unwrap_or_default();
    Ok(format!("*.{}:{program}\n", ending.display()))
}

/// A regular expression for a text whose only special characters are dots.
fn as_pattern(text: &str) -> String {
    text.replace('.', "\\.")
}
