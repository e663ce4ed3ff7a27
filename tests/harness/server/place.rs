//! The folder of one server: the program, its scripts, the log, and what the server itself needs.
//! Everything in it can be read by the user the server runs as; nothing outside it is written.
//!
//!     wsgi-cgi      the program under test, where the launcher is not in its place
//!     root/         the document root, with cgi-bin/ in it
//!     apps/         applications outside of the document root
//!     run/          the server's own: configuration, sockets, temporary files
//!     scratch/      what applications leave for the test
//!     images/       the launcher's
//!     log           standard error of every process

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::process::account;
use crate::harness::launcher;

pub(super) struct Place {
    folder: TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        let place = Self {
            folder: crate::harness::folder(),
        };
        for (folder, mode) in [
            (place.path("root/cgi-bin"), 0o755),
            (place.path("apps"), 0o755),
            (place.path("run"), 0o755),
            (place.path("scratch"), 0o777),
            (place.images(), 0o700),
        ] {
            fs::create_dir_all(&folder).expect("a folder made");
            fs::set_permissions(&folder, Permissions::from_mode(mode)).expect("permissions");
        }
        if let Some(account) = account() {
            for own in [place.path("run"), place.images()] {
                chown(own, Some(account.user), Some(account.group)).expect("a folder given away");
            }
        }
        File::create(place.log_file()).expect("a log made");
        fs::set_permissions(place.log_file(), Permissions::from_mode(0o666)).expect("permissions");
        if !launcher::is_wanted() {
            copy_program_to(&place.program());
        }
        place
    }

    /// The program; its path is short, for a `#!` line.
    pub(super) fn program(&self) -> PathBuf {
        if launcher::is_wanted() {
            return launcher::program().to_owned();
        }
        self.path("wsgi-cgi")
    }

    /// Images, of the server's user.
    pub(super) fn images(&self) -> PathBuf {
        self.path("images")
    }

    pub(super) fn root(&self) -> PathBuf {
        self.path("root")
    }

    pub(super) fn cgi_bin(&self) -> PathBuf {
        self.path("root/cgi-bin")
    }

    /// An application outside of the document root.
    pub(super) fn app(&self, name: &str) -> PathBuf {
        self.path("apps").join(format!("{name}.py"))
    }

    /// A path for the server's own use.
    pub(super) fn run(&self, name: &str) -> PathBuf {
        self.path("run").join(name)
    }

    pub(super) fn scratch(&self) -> PathBuf {
        self.path("scratch")
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.path("log")
    }

    pub(super) fn log(&self) -> String {
        launcher::without_own_lines(&self.whole_log()).0
    }

    /// With the launcher's own lines.
    pub(super) fn whole_log(&self) -> String {
        let log = fs::read(self.log_file()).expect("a readable log");
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Takes down which requests were answered from images.
    pub(super) fn take_down(&self) {
        for entry in fs::read_dir(self.images()).expect("a folder").flatten() {
            if entry.path().extension().is_some_and(|kind| kind == "used") {
                let length = entry.metadata().map_or(0, |about| about.len());
                (0..length).for_each(|_| launcher::take_down(None));
            }
        }
        for line in self.whole_log().lines() {
            if let (_, Some(cold)) = launcher::without_own_lines(line) {
                launcher::take_down(Some(&cold));
            }
        }
    }

    /// The log, opened for a process to write to.
    pub(super) fn log_writer(&self) -> File {
        OpenOptions::new()
            .append(true)
            .open(self.log_file())
            .expect("a log to write to")
    }

    /// Writes a configuration file and gives its path.
    pub(super) fn configuration(&self, text: &str) -> PathBuf {
        let path = self.run("conf");
        write(&path, text, 0o644);
        path
    }

    /// A block of the README with the paths of this place instead of an installation's.
    pub(super) fn as_in_readme(&self, language: &str, index: usize) -> String {
        let (program, cgi_bin, root) = (self.program(), self.cgi_bin(), self.root());
        let own = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let name = program.file_name().expect("a name").display();
        [
            ("<Files \"wsgi-cgi\">", format!("<Files \"{name}\">")),
            ("/usr/local/bin/wsgi-cgi", own(&program)),
            ("/usr/local/bin", own(program.parent().expect("a folder"))),
            ("/usr/lib/cgi-bin", own(&cgi_bin)),
            ("/var/www/html", own(&root)),
            ("root /usr/lib;", format!("root {};", root.display())),
            (
                "include fastcgi_params",
                "include /etc/nginx/fastcgi_params".to_owned(),
            ),
            ("/run/fcgiwrap.socket", own(&self.run("fcgiwrap.socket"))),
            ("/etc/httpd.conf", own(&self.run("conf"))),
        ]
        .iter()
        .fold(
            crate::readme::block(language, index).to_owned(),
            |text, (theirs, ours)| text.replace(theirs, ours),
        )
    }

    /// A command of the README, for this place and port.
    pub(super) fn command_as_in_readme(
        &self,
        language: &str,
        index: usize,
        port: &str,
    ) -> Vec<String> {
        let text = self.as_in_readme(language, index).replace('\'', "");
        let text = text.replace("-p 8080", &format!("-p {port}"));
        // Every server is started as that user here.
        let text = text.replace("-u www-data", "");
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Not a symbolic link: the server's user need not be able to enter the build's folder.
pub(super) fn copy_program_to(path: &Path) {
    link(crate::harness::program(), path);
    let beside = path.with_file_name("_wsgi_cgi.abi3.so");
    if !beside.exists() {
        link(&crate::harness::executor(), &beside);
    }
}

fn link(file: &Path, path: &Path) {
    if fs::hard_link(file, path).is_err() {
        fs::copy(file, path).expect("a file copied");
        fs::set_permissions(path, Permissions::from_mode(0o755)).expect("permissions");
    }
}

pub(super) fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("a file written");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
}

/// Finds a server's program: most are in folders that only root has in PATH.
pub(super) fn find(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    let mut folders = std::env::split_paths(&path).chain(usual);
    let found = folders.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()));
    found.ok_or_else(|| format!("{name} is not installed"))
}
