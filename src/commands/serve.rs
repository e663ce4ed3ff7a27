//! Serve an application over HTTP.
//!
//! Three kinds of process share the work: this one listens and has no Python, the nursery has
//! Python and no request, and each of its workers answers one request and ends.

mod files;
mod inetd;
mod nursery;
mod worker;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};

use crate::cli::Serve as Typed;
use crate::config::{App, Config};
use crate::exchange::MetaVariables;
use crate::process::interrupts::Interrupts;
use crate::process::limits;
use crate::python::Inspection;
use crate::report::{self, Exit};
use crate::transport::http::Limits;
use crate::transport::server::{
    AccessLog, Ended, EventLoop, Listener, Nursery, Settings, StaticFolder,
};

/// Workers at once for each core: a request waits for a database more than it computes.
const JOBS_PER_CORE: usize = 4;
/// Descriptors that are not connections.
const RESERVED: u64 = 64;
/// Each connection may take three: itself, its content and its report.
const PER_CONNECTION: u64 = 3;
const MOST_CONNECTIONS: u64 = 8192;

/// Serves, and says how it ended. `arguments` are those of this program.
pub(super) fn run(typed: &Typed, arguments: &[OsString], environment: &MetaVariables) -> Exit {
    let served = match (typed.work.nursery, typed.place.inetd) {
        (Some(open_files), _) => nursery::run(typed, environment, open_files),
        (None, true) => inetd::run(typed, environment),
        (None, false) => listen(typed, arguments, environment),
    };
    served.unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Usage
    })
}

fn listen(typed: &Typed, arguments: &[OsString], environment: &MetaVariables) -> Result<Exit> {
    // A mistake in the command line is found before anything is started.
    let config = decide(typed, environment)?;
    static_folders(typed)?;
    let listeners = listeners(typed)?;
    let url = listeners.iter().find_map(Listener::url);

    let (before, open_files) = limits::raise_open_files();
    let connections = (open_files.saturating_sub(RESERVED) / PER_CONNECTION).min(MOST_CONNECTIONS);
    let mut nursery: Vec<OsString> = vec!["serve".into(), "--nursery".into()];
    nursery.push(before.to_string().into());
    nursery.extend_from_slice(&arguments[1..]);
    let cores = available_parallelism().map_or(1, usize::from);
    let settings = Settings {
        limits: limits_of(typed),
        jobs: typed.work.jobs.map_or(JOBS_PER_CORE * cores, usize::from),
        connections: usize::try_from(connections).unwrap_or(1).max(1),
        log: AccessLog::new(typed.work.log_format),
        banner: banner(&config, &listeners),
        nursery,
    };
    let interrupts = Interrupts::watch().context("Ctrl-C cannot be watched for")?;
    let nursery = Nursery::start(&settings.nursery).context("Python cannot be started")?;
    if typed.place.open
        && let Some(url) = url
    {
        open_browser(&url);
    }
    let ended = EventLoop::new(settings, listeners, nursery, interrupts).run();
    Ok(match ended.context("waiting failed")? {
        Ended::Done => Exit::Success,
        Ended::NeverStarted => Exit::Usage,
        Ended::Interrupted => Exit::Terminated,
    })
}

fn decide(typed: &Typed, environment: &MetaVariables) -> Result<Config> {
    let config = Config::decide(typed.options.clone(), environment, App::parse(&typed.app)?)?;
    Ok(Config {
        // Here a request is asked once more as easily as it is replayed.
        record: None,
        ..config
    })
}

fn static_folders(typed: &Typed) -> Result<Vec<StaticFolder>> {
    let named = typed.work.static_folders.iter();
    named
        .map(|option| StaticFolder::new(&option.url, &option.folder))
        .collect()
}

fn inspection() -> Inspection {
    Inspection {
        hints_at_static_files: true,
        ..Inspection::default()
    }
}

fn limits_of(typed: &Typed) -> Limits {
    Limits {
        body: typed.work.max_body,
        ..Limits::default()
    }
}

fn listeners(typed: &Typed) -> Result<Vec<Listener>> {
    let place = &typed.place;
    let mut listeners = Listener::inherited()?;
    if listeners.is_empty() {
        if !place.public && !place.bind.to_canonical().is_loopback() {
            bail!(
                "--bind {}: other machines could reach this server, which is made for \
                 development; --public allows it",
                place.bind
            );
        }
        listeners.push(match &place.unix {
            Some(path) => Listener::bind_unix(path)?,
            None => Listener::bind(place.bind, place.port)?,
        });
    }
    if let Some(open) = listeners.iter().find(|listener| !listener.is_local()) {
        if !place.public {
            bail!("{open} can be reached by other machines; --public allows it");
        }
        report::log(&format!(
            "warning: {open} can be reached by other machines. This server is made for \
             development: a web server that starts wsgi-cgi is what the public should see"
        ));
    }
    Ok(listeners)
}

fn banner(config: &Config, listeners: &[Listener]) -> String {
    let mut banner = String::new();
    for listener in listeners {
        _ = writeln!(banner, "Serving {} at {listener}", config.app);
    }
    banner + "Ctrl-C ends it."
}

/// A browser may take long, and what it prints is not ours.
fn open_browser(url: &str) {
    let started = Command::new("xdg-open")
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        report::log(&format!("--open: `xdg-open` cannot be started: {error}"));
    }
}
