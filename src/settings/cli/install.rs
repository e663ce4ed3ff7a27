//! `wsgi-cgi install`: writes the script for an application, and the web server's configuration.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::CgiOptions;

const AFTER: &str = "\
The script is written into the folder where that server runs scripts; what only
an administrator may do is printed. Existing files are not overwritten without
--force, and nothing is started or reloaded.

    wsgi-cgi install host mysite/              a Django project
    wsgi-cgi install host site.py --root       for every URL of that folder
    wsgi-cgi install nginx site.py:app --dry-run
    wsgi-cgi install host --name site --remove

Without --no-image the script has `image = true` and `warm-up = \"/\"`: requests
are answered from an image of the loaded application. All other options are
written into the script.";

/// Write the script for an application, and say what the web server needs
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Install {
    /// The web server, or `host` for the Apache of a shared host
    #[arg(value_name = "SERVER|HOST")]
    pub server: Server,

    /// The application: FILE[:CALLABLE], MODULE[:CALLABLE], config:FILE.ini[#NAME] or the folder of
    /// a project
    #[arg(value_name = "APP", required_unless_present = "remove", value_hint = ValueHint::FilePath)]
    pub app: Option<OsString>,

    #[command(flatten)]
    pub place: InstallPlace,

    #[command(flatten)]
    pub manner: InstallManner,

    #[command(flatten, next_help_heading = "In the script")]
    pub options: CgiOptions,

    /// Leave images out of the script
    #[arg(long, conflicts_with_all = ["image", "warm-up"], help_heading = "Images")]
    pub no_image: bool,
}

/// What is written, and where to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where")]
pub struct InstallPlace {
    /// Put the script into this folder instead of the usual one
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub to: Option<PathBuf>,

    /// Name the script [default: the application's name]
    #[arg(long, value_name = "NAME")]
    pub name: Option<OsString>,

    /// Answer this path and all paths below it; `/` is the whole site (apache, lighttpd, nginx)
    #[arg(long, value_name = "PATH")]
    pub url: Option<String>,

    /// Answer every URL of the folder that is not a file there (host)
    #[arg(long, conflicts_with = "url")]
    pub root: bool,

    /// Write what the server needs into this file too (apache, lighttpd, nginx, busybox)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// How it is done.
#[derive(Debug, Args)]
#[command(next_help_heading = "How")]
pub struct InstallManner {
    /// Show what would be written, as a unified diff, and what the server needs; write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Overwrite existing files
    #[arg(long, conflicts_with = "remove")]
    pub force: bool,

    /// Remove the files that were written, unless they were changed since
    #[arg(long)]
    pub remove: bool,
}

/// Who runs the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Server {
    /// A shared host's Apache, configured by .htaccess in ~/public_html, ~/www, ~/htdocs (userdir,
    /// suEXEC)
    #[value(alias = "userdir", alias = "suexec")]
    Host,
    /// Apache, script in cgi-bin
    Apache,
    /// Apache's Action, script beside the pages
    ApacheAction,
    /// lighttpd, script in cgi-bin
    Lighttpd,
    /// nginx with fcgiwrap, script in cgi-bin
    Nginx,
    /// busybox httpd, script in cgi-bin below the pages, or elsewhere with an interpreter in its configuration
    Busybox,
    /// mini_httpd, script in cgi-bin below the pages
    #[value(name = "mini_httpd", alias = "mini-httpd")]
    MiniHttpd,
}
