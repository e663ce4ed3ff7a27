//! The process that listens for `serve`: it has no Python, and hands each request over to one that has.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};

use crate::becoming::Becoming;
use crate::commands::handed_on;
use crate::restoring::started::Started;
use doors::http::Limits;
use doors::server::{AccessLog, Ended, EventLoop, Listener, Nursery, Settings, StaticFolder};
use process::interrupts::Interrupts;
use process::limits;
use process::report::{self, Exit};
use settings::cli::Serve as Typed;
use settings::config::Config;

/// Workers at once for each core: a request waits for a database more than it computes.
const JOBS_PER_CORE: usize = 4;
/// Descriptors that are not connections.
const RESERVED: u64 = 64;
/// Each connection may take three: itself, its content and its report.
const PER_CONNECTION: u64 = 3;
const MOST_CONNECTIONS: u64 = 8192;

/// Serves, and says how it ended.
pub(crate) fn listen(typed: &Typed, started: &Started) -> Result<Exit> {
    // A mistake in the command line is found before anything is started.
    let config = typed.decide(&started.meta)?;
    for option in &typed.work.static_folders {
        StaticFolder::new(&option.url, &option.folder)?;
    }
    Becoming::of(&config, &started.meta, &handed_on(started))?;
    let listeners = listeners(typed)?;
    let url = listeners.iter().find_map(Listener::url);

    let (before, open_files) = limits::raise_open_files();
    let connections = (open_files.saturating_sub(RESERVED) / PER_CONNECTION).min(MOST_CONNECTIONS);
    let mut nursery: Vec<OsString> = vec!["serve".into(), "--nursery".into()];
    nursery.push(before.to_string().into());
    nursery.extend(started.arguments.iter().skip(2).cloned());
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
