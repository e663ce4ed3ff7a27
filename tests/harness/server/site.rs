//! What a server is to offer, and where each kind of server looks for it: the folder, the first line
//! and the name of a script, and the URL that leads to it.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;

use super::apache;
use super::place::{Place, find, write};
use super::process::account;
use crate::harness::instead::Instead;
use crate::harness::launcher;

/// A server, and the way in which it starts the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Apache with mod_cgid and the event MPM, `#!` scripts.
    ApacheCgid,
    /// Apache with mod_cgi and the prefork MPM, `#!` scripts.
    ApacheCgi,
    /// Apache's `Action`: the program in cgi-bin, scripts in the document root.
    ApacheAction,
    /// Apache with the program itself as the CGI script, the application named by `SetEnv`.
    ApacheProgram,
    /// lighttpd, `#!` scripts: `cgi.assign = ("" => "")`.
    LighttpdHashBang,
    /// lighttpd, the program as the interpreter: `cgi.assign = (".py" => ...)`.
    LighttpdInterpreter,
    /// nginx and fcgiwrap, `#!` scripts.
    Nginx,
    /// busybox httpd, `#!` scripts.
    BusyboxHashBang,
    /// busybox httpd, the program as the interpreter: `*.py:/path`.
    BusyboxInterpreter,
    /// mini_httpd, `#!` scripts.
    MiniHttpd,
    /// nginx, over SCGI to `serve --preload`.
    NginxScgi,
    /// Apache, over SCGI to `serve`, which loads the application for each request.
    ApacheScgi,
    /// lighttpd, over SCGI to `serve --image`.
    LighttpdScgi,
}

/// The applications that a server is to offer.
#[must_use]
#[derive(Default)]
pub(crate) struct Site {
    apps: Vec<(String, String)>,
    files: Vec<(String, String)>,
    without_log: bool,
    /// What the server and its scripts see in the place of this machine's.
    pub(super) instead: Instead,
    /// What follows the server's own configuration, and what comes before the README's part of it.
    pub(super) configuration: String,
    pub(super) configuration_first: String,
    /// Where nginx passes on what is asked for below `/passed-on/`.
    pub(super) passed_on: Option<SocketAddr>,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Offers the application in `tests/apps/NAME`, under the name's last part without `.py`.
    pub(crate) fn app(self, name: &str) -> Self {
        let file = crate::harness::app(name);
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let stem = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a name");
        self.source(stem, &text)
    }

    /// Leaves mini_httpd's scripts without a log of their own; elsewhere the server has one.
    pub(crate) fn without_log(self) -> Self {
        Self {
            without_log: true,
            ..self
        }
    }

    /// Has nginx pass on what is asked for below `/passed-on/`, with none of its settings changed.
    pub(crate) fn passing_on_to(self, address: SocketAddr) -> Self {
        Self {
            passed_on: Some(address),
            ..self
        }
    }

    /// Has the server and its scripts see other folders than this machine's.
    pub(crate) fn seeing(self, instead: Instead) -> Self {
        Self { instead, ..self }
    }

    /// Has Apache, lighttpd, busybox or nginx (inside its `server`) read this after its own configuration; for
    /// Apache `MODULES` in it is where its modules are.
    pub(crate) fn configured(self, configuration: &str) -> Self {
        let configuration = configuration.to_owned();
        Self {
            configuration,
            ..self
        }
    }

    /// Has Apache, whose first alias counts, read this before what the README has.
    pub(crate) fn configured_first(self, configuration: &str) -> Self {
        let configuration_first = configuration.to_owned();
        Self {
            configuration_first,
            ..self
        }
    }

    /// Has a file of that text below the document root, which is nobody's script.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Offers an application of that text.
    pub(crate) fn source(mut self, name: &str, text: &str) -> Self {
        self.apps.push((name.to_owned(), text.to_owned()));
        self
    }
}

/// Whether this machine has what that kind of server needs; the error names what is missing.
pub(crate) fn available(kind: Kind) -> Result<(), String> {
    match kind {
        Kind::ApacheCgid
        | Kind::ApacheCgi
        | Kind::ApacheAction
        | Kind::ApacheProgram
        | Kind::ApacheScgi => apache::available(kind),
        Kind::LighttpdHashBang | Kind::LighttpdInterpreter | Kind::LighttpdScgi => {
            find("lighttpd").map(drop)
        }
        Kind::Nginx => find("nginx").and(find("fcgiwrap")).map(drop),
        Kind::BusyboxHashBang | Kind::BusyboxInterpreter => find("busybox").map(drop),
        Kind::MiniHttpd => find("mini_httpd").map(drop),
        Kind::NginxScgi => find("nginx").map(drop),
    }
}

impl Kind {
    /// Whether what the server starts is a script, or the program with one: only that has an image.
    fn starts_scripts(self) -> bool {
        !matches!(self, Kind::ApacheAction | Kind::ApacheProgram) && !self.is_scgi()
    }

    /// Whether the applications are served by processes of our own, which the server only asks.
    pub(crate) fn is_scgi(self) -> bool {
        matches!(
            self,
            Kind::NginxScgi | Kind::ApacheScgi | Kind::LighttpdScgi
        )
    }

    /// The path of an application's URL.
    pub(super) fn url(self, name: &str) -> String {
        match self {
            Kind::ApacheAction => format!("/{name}.wsgi"),
            Kind::ApacheProgram | Kind::NginxScgi | Kind::ApacheScgi | Kind::LighttpdScgi => {
                format!("/{name}")
            }
            Kind::LighttpdInterpreter | Kind::BusyboxInterpreter => format!("/cgi-bin/{name}.py"),
            _ => format!("/cgi-bin/{name}.cgi"),
        }
    }
}

impl Site {
    pub(super) fn names(&self) -> Vec<&str> {
        self.apps.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Puts each application where that kind of server runs it.
    pub(super) fn install(&self, kind: Kind, place: &Place) {
        for (path, text) in &self.files {
            let path = place.root().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder made");
            write(&path, text, 0o755);
        }
        for (name, text) in &self.apps {
            let cache = if launcher::is_wanted() {
                format!(" --image --cache-dir {}", place.images().display())
            } else {
                String::new()
            };
            let hash_bang =
                |options: &str| format!("#!{}{options}{cache}\n{text}", place.program().display());
            let (path, text, mode) = match kind {
                Kind::ApacheAction => (
                    place.root().join(format!("{name}.wsgi")),
                    text.clone(),
                    0o644,
                ),
                Kind::ApacheProgram | Kind::NginxScgi | Kind::ApacheScgi | Kind::LighttpdScgi => {
                    (place.app(name), text.clone(), 0o644)
                }
                Kind::LighttpdInterpreter => (
                    place.cgi_bin().join(format!("{name}.py")),
                    text.clone(),
                    0o644,
                ),
                // busybox runs what is executable, with an interpreter setting or without.
                Kind::BusyboxInterpreter => (
                    place.cgi_bin().join(format!("{name}.py")),
                    text.clone(),
                    0o755,
                ),
                // mini_httpd sends a script's standard error to the client: the log needs a name.
                Kind::MiniHttpd if !self.without_log => {
                    let options = format!(" --log {}", place.log_file().display());
                    (
                        place.cgi_bin().join(format!("{name}.cgi")),
                        hash_bang(&options),
                        0o755,
                    )
                }
                _ => (
                    place.cgi_bin().join(format!("{name}.cgi")),
                    hash_bang(""),
                    0o755,
                ),
            };
            write(&path, &text, mode);
            if launcher::is_wanted() && kind.starts_scripts() {
                make_image(place, &path, text.starts_with("#!"));
            }
        }
    }
}

/// Makes the image of a script as the server's user, in the place where a server starts it.
fn make_image(place: &Place, script: &Path, has_first_line: bool) {
    let launched = if has_first_line {
        launcher::launched(script, &[])
    } else {
        launcher::launched(launcher::program(), &[script.into()])
    };
    let (options, script) = launched.expect("the launcher");
    launcher::make(&options, &script, |command| {
        command
            .env("PATH", "/usr/bin:/bin")
            .current_dir(script.parent().expect("a folder"));
        if !has_first_line {
            command
                .env("WSGI_CGI_CACHE_DIR", place.images())
                .env("WSGI_CGI_IMAGE", "1");
        }
        if let Some(account) = account() {
            command.uid(account.user).gid(account.group);
        }
    });
}
