//! The notes printed after an installation: what the administrator has to do, and what would keep the script
//! from being served.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use settings::cli::{Install, Server};
use settings::options::{ACCESS_LOG, IMAGE, LOG, Values};

use super::application::Application;
use super::blocks::Place;
use super::paths::in_shell;
use super::script::may_have_images;
use super::target::is_cgi_bin;

/// What the notes depend on.
pub(super) struct Notes<'a> {
    pub(super) typed: &'a Install,
    pub(super) place: &'a Place<'a>,
    pub(super) script: &'a Path,
    pub(super) options: &'a Values,
    /// Lines for the server's configuration that `install` has not written itself.
    pub(super) lines: Option<String>,
    /// Files and folders that the script's user must be able to read.
    pub(super) reached: &'a [Option<&'a Path>],
    pub(super) application: &'a Application,
}

impl Notes<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if self.options.is_on(&IMAGE) {
            text += "After the first request, wsgi-cgi loads the application again, sends it a GET for the warm-up \
                     path and saves a snapshot of it (an image); later requests are answered from that image. To \
                     switch images off: --no-image.\n";
        }
        text += &self.of_server();
        for note in self.obstacles() {
            text += &note;
            text.push('\n');
        }
        let script = in_shell(self.script);
        _ = write!(
            text,
            "Try it without a server: wsgi-cgi request {script} /\nIf it does not answer: \
             wsgi-cgi doctor {script}\n"
        );
        text
    }

    /// What its administrator has to do.
    fn of_server(&self) -> String {
        let Place {
            folder, url, name, ..
        } = *self.place;
        let pages = if is_cgi_bin(folder) {
            folder.parent().unwrap_or(Path::new("/"))
        } else {
            folder
        };
        let pages = in_shell(pages);
        let url = if url.is_empty() { "/" } else { url };
        let (server, how) = match self.typed.server {
            Server::Host => {
                let what = if self.place.root {
                    "every URL of its folder that is not a file there"
                } else {
                    "its own URL"
                };
                return format!(
                    "The script answers {what}, if the host allows what was written to `.htaccess` (`AllowOverride \
                     AuthConfig FileInfo Options`). If the server answers 500, its error log names the line that it does \
                     not allow.\n"
                );
            }
            Server::Busybox if !is_cgi_bin(folder) => {
                let (lines, file) = match (&self.lines, &self.typed.place.config) {
                    (Some(lines), _) => (
                        format!(
                            "Outside of a folder named `cgi-bin`, busybox runs a script only if its configuration \
                             names an interpreter for it. Put this into that configuration, /etc/httpd.conf for example:\n\n    {lines}\n"
                        ),
                        "/etc/httpd.conf".to_owned(),
                    ),
                    (None, file) => (
                        String::new(),
                        file.as_deref().map(in_shell).unwrap_or_default(),
                    ),
                };
                return format!(
                    "{lines}To serve it at {url}: busybox httpd -p 8080 -u www-data -h {pages} -c {file}\nNote: outside \
                     of `cgi-bin`, busybox answers 404 to every path after the script's name, such as {url}/login: an application \
                     with such paths needs a folder named `cgi-bin` (--to).\n"
                );
            }
            Server::Busybox => {
                return format!(
                    "To serve it at {url}: busybox httpd -p 8080 -u www-data -h {pages}\nNote: \
                     busybox answers 404 to every path that ends in `/`, such as Django's paths \
                     and Flask's start page: an application with such paths needs another \
                     server.\n"
                );
            }
            Server::MiniHttpd => {
                let mut text = format!(
                    "To serve it at {url}: mini_httpd -p 8080 -u www-data -d {pages} -c 'cgi-bin/**'\n"
                );
                if !self.options.has(&LOG) {
                    text += "mini_httpd keeps no error log: name one with --log FILE.\n";
                }
                return text;
            }
            Server::Apache => (
                "Apache",
                "a2enmod cgid (Debian), apachectl configtest && apachectl graceful",
            ),
            Server::ApacheAction => (
                "Apache",
                "a2enmod cgid actions (Debian), apachectl configtest && apachectl graceful",
            ),
            Server::Lighttpd => (
                "lighttpd",
                "lighttpd -tt -f FILE && systemctl reload lighttpd",
            ),
            Server::Nginx => (
                "nginx",
                "apt install fcgiwrap (Debian), nginx -t && systemctl reload nginx",
            ),
        };
        let inside = match self.typed.server {
            Server::Nginx => "in a `server` block of its configuration",
            _ => "in its configuration",
        };
        match &self.lines {
            Some(lines) => {
                let lines = lines.replace('\n', "\n    ");
                let lines = lines.trim_end();
                format!(
                    "To have {server} answer {url} with {name}, put this {inside}:\n\n    {lines}\n\n\
                     Then, as root: {how}\n"
                )
            }
            None => format!(
                "To have {server} answer {url} with {name}, include that file {inside}. Then, as root: {how}\n"
            ),
        }
    }

    /// What would keep the script from being served, or publish its source.
    fn obstacles(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.application.note.iter().cloned().collect();
        let folder = self.place.folder;
        if !self.typed.no_image && !may_have_images(self.typed.server, self.place.program) {
            notes.push(match self.typed.server {
                Server::ApacheAction => {
                    "Note: behind an Apache `Action`, requests are not answered from images.".to_owned()
                }
                _ => format!(
                    "Note: requests are not answered from images, as the path of this program, `{}`, has a \
                     space or a colon: install it elsewhere.",
                    self.place.program.display()
                ),
            });
        }
        let below_pages = match self.typed.server {
            Server::Host | Server::ApacheAction => true,
            Server::Busybox => !is_cgi_bin(folder),
            _ => false,
        };
        if below_pages
            && let Some(file) = &self.application.file
            && file.starts_with(folder)
        {
            notes.push(format!(
                "Warning: `{}` is in a folder of web pages, where a server may show its source to \
                 everybody: move the application elsewhere.",
                file.display()
            ));
        }
        if fs::metadata(folder).is_ok_and(|about| about.permissions().mode() & 0o022 != 0) {
            notes.push(format!(
                "Warning: other users can write to `{0}`, and suEXEC runs nothing in such a folder: chmod go-w {1}",
                folder.display(),
                in_shell(folder)
            ));
        }
        for (row, what) in [(&LOG, "error log"), (&ACCESS_LOG, "access log")] {
            if let Some(folder) = self.options.path(row).as_deref().and_then(Path::parent)
                && !folder.is_dir()
            {
                notes.push(format!(
                    "Warning: the folder of the {what}, `{}`, does not exist: mkdir -p {}",
                    folder.display(),
                    in_shell(folder)
                ));
            }
        }
        let paths = self.reached.iter().flatten().copied();
        let mut closed: Vec<_> = paths.chain([folder]).filter_map(closed).collect();
        closed.sort_unstable();
        closed.dedup();
        notes.extend(closed.into_iter().map(|(path, how)| {
            format!(
                "Warning: other users, such as the web server's, cannot read `{}`. Unless the server runs \
                 each script as its owner (suEXEC): chmod {how} {}",
                path.display(),
                in_shell(&path)
            )
        }));
        notes
    }
}

/// The first step on the way to a file or folder that other users may not pass, and the mode that lets them.
fn closed(path: &Path) -> Option<(PathBuf, &'static str)> {
    let mut ancestors: Vec<_> = path.ancestors().collect();
    ancestors.reverse();
    ancestors.into_iter().find_map(|step| {
        let about = fs::metadata(step).ok()?;
        let (needed, how) = match (about.is_dir(), step == path) {
            (true, false) => (0o001, "go+x"),
            (true, true) => (0o001, "go+rx"),
            (false, _) => (0o004, "go+r"),
        };
        (about.permissions().mode() & needed == 0).then(|| (step.to_owned(), how))
    })
}
