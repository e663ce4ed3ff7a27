//! Real web servers, each started by the test that needs it, on loopback, in a folder of its own,
//! and ended with it. [`Server::start`] puts the applications of a [`Site`] where that [`Kind`] of
//! server looks for scripts, in the way it starts them; what the server then does is the test's.
//!
//! One file a server says what its configuration must be: as little as a deployment needs.

mod apache;
mod busybox;
mod lighttpd;
mod mini_httpd;
mod nginx;
mod place;
mod port;
mod process;
mod scgi;
mod site;

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use place::Place;
use process::Process;

use crate::harness::instead::Instead;
use crate::harness::launcher;

pub(crate) use site::{Kind, Site, available};

/// One process of a server.
struct Part {
    command: Command,
    listens: Listens,
}

/// Where a part listens once it is ready.
enum Listens {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A running server; dropping it ends every process that it started.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    // Dropped in this order: the processes first, the folder they use last.
    _processes: Vec<Process>,
    place: Place,
}

impl Server {
    /// Starts a server and waits until it answers.
    #[track_caller]
    pub(crate) fn start(kind: Kind, site: &Site) -> Self {
        let place = Place::new();
        site.install(kind, &place);
        if kind == Kind::LighttpdScgi {
            scgi::make_images(&place, site);
        }
        // A reserved port cannot be given to another of these tests; a stranger may still take it.
        for _ in 0..3 {
            let address = port::reserve();
            let parts = parts(kind, &place, site, address);
            if let Some(processes) = start_all(parts, &place, &site.instead) {
                return Self {
                    kind,
                    address,
                    _processes: processes,
                    place,
                };
            }
        }
        panic!("{kind:?} does not start:\n{}", place.log());
    }

    /// The path of an application's URL.
    pub(crate) fn url(&self, name: &str) -> String {
        self.kind.url(name)
    }

    /// The file of an application, below the document root.
    pub(crate) fn script(&self, name: &str) -> PathBuf {
        let path = self.kind.url(name);
        self.place.root().join(path.trim_start_matches('/'))
    }

    /// A folder where applications may write.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.place.scratch()
    }

    /// What is in the error log: the server's words and the applications'.
    pub(crate) fn log(&self) -> String {
        self.place.log()
    }

    /// The same with why requests were answered without an image.
    pub(crate) fn whole_log(&self) -> String {
        self.place.whole_log()
    }

    /// Waits until the error log holds this text.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) {
        let found = eventually(Duration::from_secs(10), || self.log().contains(text));
        assert!(
            found,
            "no {text:?} in the log of {:?}:\n{}",
            self.kind,
            self.log()
        );
    }

    /// Waits until an application has made this file in the scratch folder.
    #[track_caller]
    pub(crate) fn wait_for_file(&self, name: &str) {
        let file = self.scratch().join(name);
        let found = eventually(Duration::from_secs(20), || file.exists());
        assert!(
            found,
            "no {name} from {:?}; log:\n{}",
            self.kind,
            self.log()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if launcher::is_wanted() {
            self.place.take_down();
        }
    }
}

/// A block of the recipe for SCGI, with the paths of an application in that place.
fn scgi_recipe(place: &Place, language: &str, name: &str) -> String {
    let recipe = include_str!("../../../docs/scgi.md");
    let block = recipe.split(&format!("```{language}\n")).nth(1);
    let block = block
        .and_then(|rest| rest.split("```").next())
        .expect("a block");
    let socket = scgi::socket(place, name).display().to_string();
    block
        .replace("/run/shop/scgi.socket", &socket)
        .replace("include scgi_params", "include /etc/nginx/scgi_params")
        .replace("/shop", &format!("/{name}"))
}

fn parts(kind: Kind, place: &Place, site: &Site, address: SocketAddr) -> Vec<Part> {
    match kind {
        Kind::ApacheCgid | Kind::ApacheCgi | Kind::ApacheAction | Kind::ApacheProgram => {
            apache::parts(kind, place, site, address)
        }
        Kind::LighttpdHashBang | Kind::LighttpdInterpreter => {
            lighttpd::parts(kind, place, site, address)
        }
        Kind::Nginx => nginx::parts(place, site, address),
        Kind::BusyboxHashBang | Kind::BusyboxInterpreter => {
            busybox::parts(kind, place, site, address)
        }
        Kind::MiniHttpd => mini_httpd::parts(place, address),
        Kind::NginxScgi | Kind::ApacheScgi | Kind::LighttpdScgi => {
            scgi::parts(kind, place, site, address)
        }
    }
}

/// `None` when a part ended instead of listening: its port is taken.
fn start_all(parts: Vec<Part>, place: &Place, instead: &Instead) -> Option<Vec<Process>> {
    let mut processes = Vec::new();
    for part in parts {
        let mut process = Process::start(part.command, place, instead);
        let ready = eventually(Duration::from_secs(20), || {
            process.has_ended() || part.listens.answers()
        });
        if !ready || process.has_ended() {
            return None;
        }
        processes.push(process);
    }
    Some(processes)
}

impl Listens {
    fn answers(&self) -> bool {
        match self {
            Self::Tcp(address) => TcpStream::connect(address).is_ok(),
            Self::Unix(path) => UnixStream::connect(path).is_ok(),
        }
    }
}

/// Asks again and again until it is so, at most so long.
pub(crate) fn eventually(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + patience;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
