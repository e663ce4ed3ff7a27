//! What a person is told after an installation: what the administrator has to do, and what would keep the
//! script from being served.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use settings::cli::{Install, Server};
use settings::options::{IMAGE, LOG, Values};

use super::application::Application;
use super::blocks::Place;
use super::paths::in_shell;
use super::script::may_have_images;

/// What they rest on.
pub(super) struct Notes<'a> {
    pub(super) typed: &'a Install,
    pub(super) place: &'a Place<'a>,
    pub(super) script: &'a Path,
    pub(super) options: &'a Values,
    /// For the server's configuration, where nobody has written it.
    pub(super) lines: Option<String>,
    /// What the script's user has to get at.
    pub(super) reached: &'a [Option<&'a Path>],
    pub(super) application: &'a Application,
}

impl Notes<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if self.options.is_on(&IMAGE) {
            text += "It answers from an image of the loaded application once that is made, after a GET for \
                     its warm-up path; --no-image leaves that out.\n";
        }
        text += &self.of_server();
        for note in self.obstacles() {
            text += &note;
            text.push('\n');
        }
        let script = in_shell(self.script);
        _ = write!(
            text,
            "Try it without a server: wsgi-cgi request {script} /\n\
             Where it does not answer: wsgi-cgi doctor {script}\n"
        );
        text
    }

    /// What its administrator has to do.
    fn of_server(&self) -> String {
        let Place {
            folder, url, name, ..
        } = *self.place;
        let pages = in_shell(folder.parent().unwrap_or(Path::new("/")));
        let (server, how) = match self.typed.server {
            Server::Host => {
                let what = if self.place.root {
                    "Every URL of that folder that names no file"
                } else {
                    "The script's URL in that folder"
                };
                return format!(
                    "{what} is answered now, if the host lets `.htaccess` say so: `AllowOverride AuthConfig \
                     FileInfo Options`. Where it answers 500, its log names what it does not allow.\n"
                );
            }
            Server::Busybox => {
                return format!(
                    "busybox httpd answers {url} with it: busybox httpd -p 8080 -u www-data -h {pages}\n\
                     It answers 404 itself where a path ends in `/`, as all of Django's do, and Flask's of `/` below \
                     the script: such an application needs another server.\n"
                );
            }
            Server::MiniHttpd => {
                let mut text = format!(
                    "mini_httpd answers {url} with it: mini_httpd -p 8080 -u www-data -d {pages} -c \
                     'cgi-bin/**'\n"
                );
                if !self.options.has(&LOG) {
                    text += "It has no log for scripts: --log FILE keeps what goes wrong.\n";
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
                    "{server} answers {url} with {name} once this stands {inside}:\n\n    {lines}\n\n\
                     Then, as root: {how}\n"
                )
            }
            None => format!(
                "{server} answers {url} with {name} once it has read that file, {inside}. As root: {how}\n"
            ),
        }
    }

    /// What would keep it from being served, or show what nobody is to see.
    fn obstacles(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.application.note.iter().cloned().collect();
        let folder = self.place.folder;
        if !self.typed.no_image && !may_have_images(self.typed.server, self.place.program) {
            notes.push(match self.typed.server {
                Server::ApacheAction => {
                    "Behind an Action no request is answered from an image.".to_owned()
                }
                _ => format!(
                    "No request is answered from an image: `{}`, this program, has a space or a colon in its \
                     path.",
                    self.place.program.display()
                ),
            });
        }
        let below_pages = matches!(self.typed.server, Server::Host | Server::ApacheAction);
        if below_pages
            && let Some(file) = &self.application.file
            && file.starts_with(folder)
        {
            notes.push(format!(
                "`{}` is among the pages, where a server may show its source to everybody: keep the \
                 application elsewhere.",
                file.display()
            ));
        }
        if fs::metadata(folder).is_ok_and(|about| about.permissions().mode() & 0o022 != 0) {
            notes.push(format!(
                "Others may write to `{0}`, where suEXEC would run nothing: chmod go-w {1}",
                folder.display(),
                in_shell(folder)
            ));
        }
        let paths = self.reached.iter().flatten().copied();
        let mut closed: Vec<_> = paths.chain([folder]).filter_map(closed).collect();
        closed.sort();
        closed.dedup();
        notes.extend(closed.into_iter().map(|(path, how)| {
            format!(
                "Other users get no further than `{}`. Unless scripts run as its owner (suEXEC): \
                 chmod {how} {}",
                path.display(),
                in_shell(&path)
            )
        }));
        notes
    }
}

/// What is the first on the way to a file or folder that keeps others from it, and what lets them in.
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
