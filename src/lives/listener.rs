//! The process that listens for `serve`: it has no Python, and hands each request over to one that has.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};

use super::listen_addresses;
use crate::becoming::Becoming;
use crate::restoring::started::Started;
use doors::http::Limits;
use doors::server::{
    AccessLog, Ended, EventLoop, Nursery, Processes, Protocol, Settings, StaticFolder, Terms,
    Workers,
};
use exchange::AUTO;
use process::interrupts::Interrupts;
use process::limits;
use process::report::{self, Exit};
use process::{log_subject, log_time};
use settings::cli::{LogFormat, Serve as Typed};
use settings::config::{App, Config, Source};
use settings::options::{IMAGE, JSON_LOG, ON};

/// Workers at once for each core: a request waits for a database more than it computes.
const JOBS_PER_CORE: usize = 4;
/// Descriptors that are not connections.
const RESERVED: u64 = 64;
/// Each connection may take four: itself, its content, its report or its output, and what waits to be sent.
const PER_CONNECTION: u64 = 4;
const MOST_CONNECTIONS: u64 = 8192;

/// Serves, and says how it ended.
pub(crate) fn listen(typed: &Typed, started: &Started) -> Result<Exit> {
    if typed.work.log_format == LogFormat::Json {
        report::write_json();
    }
    // A mistake in the command line is found before anything is started.
    let config = typed.decide(&started.meta)?;
    for option in &typed.work.static_folders {
        StaticFolder::new(&option.url, &option.folder)?;
    }
    Becoming::of(&config, &started.meta, &started.evidence().program)?;
    if typed.behind.scgi.is_some() && is_nph(&config) {
        bail!(
            "`{}` is an NPH script, and SCGI has no NPH responses: rename it without `nph-`, or leave out \
             --nph",
            config.app
        );
    }
    let listeners = listen_addresses::listeners(typed)?;
    let mount = listen_addresses::mount(&config);
    let url = listeners.iter().find_map(|listener| listener.url(mount));
    log_time::begin();
    log_subject::set(&report::one_line(&config.app.place().to_string_lossy()));

    let interrupts = Interrupts::watch().context("cannot watch for signals (Ctrl-C)")?;
    // Programs that use `select(2)` need descriptors below 1024: child processes keep the old limit.
    let (before, open_files) = limits::raise_open_files();
    let connections = (open_files.saturating_sub(RESERVED) / PER_CONNECTION).min(MOST_CONNECTIONS);
    let cores = available_parallelism().map_or(1, usize::from);
    let settings = Settings {
        protocol: protocol(typed, &config, started),
        allowed: typed.behind.allow.clone(),
        jobs: typed.work.jobs.map_or(JOBS_PER_CORE * cores, usize::from),
        connections: usize::try_from(connections).unwrap_or(1).max(1),
        log: AccessLog::new(typed.work.log_format),
        error_log: config.log.clone(),
        banner: listen_addresses::banner(typed, &config, &listeners),
    };
    let workers = workers(typed, &config, started, before)?;
    if typed.place.open
        && let Some(url) = url
    {
        open_browser(&url);
    }
    if let Some(log) = &config.log {
        report::errors_to(log);
    }
    let ended = EventLoop::new(settings, listeners, workers, interrupts).run();
    Ok(match ended.context("cannot wait for connections")? {
        Ended::Done => Exit::Success,
        Ended::NeverStarted => Exit::Usage,
        Ended::Interrupted => Exit::Interrupted,
        Ended::Terminated => Exit::Terminated,
    })
}

fn limits_of(typed: &Typed) -> Limits {
    Limits {
        body: typed.work.max_body,
        ..Limits::default()
    }
}

fn protocol(typed: &Typed, config: &Config, started: &Started) -> Protocol {
    let limits = limits_of(typed);
    if typed.behind.scgi.is_none() {
        return Protocol::Http(limits);
    }
    // With --static the workers decide about URLs that are outside both the mount and the folders.
    let mount = config.script_name.clone();
    let mount = mount.filter(|path| path != AUTO && typed.work.static_folders.is_empty());
    let named = typed.behind.variable.iter();
    let own = started.meta.iter().map(|(name, _)| name.to_vec());
    Protocol::Scgi(Arc::new(Terms {
        limits,
        mount,
        health: typed.behind.health.clone().map(OsString::into_vec),
        own: own.collect(),
        variables: named.map(|name| name.clone().into_bytes()).collect(),
    }))
}

/// The processes that answer: one from an image for each request, or those that a nursery forks.
fn workers(typed: &Typed, config: &Config, started: &Started, before: u64) -> Result<Workers> {
    if let Some(processes) = from_images(typed, config, started, before)? {
        return Ok(Workers::Started(processes));
    }
    let mut arguments: Vec<OsString> = vec!["serve".into(), "--nursery".into()];
    arguments.push(before.to_string().into());
    arguments.extend(started.arguments.iter().skip(2).cloned());
    if typed.app.is_none() {
        // All processes must serve the same application, even if the folder changes meanwhile.
        arguments.push(typed.named()?);
    }
    let nursery = Nursery::start(&arguments).context("Python cannot be started")?;
    Ok(Workers::Forked { nursery, arguments })
}

/// What starts a process for each request, where images were asked for.
fn from_images(
    typed: &Typed,
    config: &Config,
    started: &Started,
    open_files: u64,
) -> Result<Option<Processes>> {
    let is_typed = typed.options.0.is_on(&IMAGE);
    if is_typed && typed.behind.scgi.is_none() {
        bail!(
            "--image needs --scgi: without it, `serve` is a development server, which loads the \
             application anew to show your changes"
        );
    }
    if is_typed && typed.work.preload {
        bail!(
            "--image and --preload exclude each other: use --image to restore the application from a file, \
             or --preload to keep it loaded in memory"
        );
    }
    if !config.image || typed.behind.scgi.is_none() || typed.work.preload {
        return Ok(None);
    }
    let script = match &config.app {
        App {
            source: Source::File(script),
            callable: None,
        } => script.clone(),
        app => bail!(
            "--image needs a script, and `{app}` is not one: name a FILE that defines `application` or \
             `app`, or use --preload"
        ),
    };
    if !typed.work.static_folders.is_empty() {
        bail!("--static and --image exclude each other: let the web server send static files");
    }
    let mut around = started.meta.clone();
    for name in [
        "LISTEN_PID",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "NOTIFY_SOCKET",
    ] {
        around.remove(name);
    }
    if typed.work.log_format == LogFormat::Json {
        around.set(&JSON_LOG.variable(), ON);
    }
    let options = typed.options.0.clone().absolute();
    let options = options.or_value(&IMAGE, ON);
    let mut arguments: Vec<OsString> = options.flags().collect();
    arguments.push(script.clone().into());
    Ok(Some(Processes {
        arguments,
        script,
        around,
        open_files,
    }))
}

fn is_nph(config: &Config) -> bool {
    let name = match &config.app.source {
        Source::File(script) => script.file_name(),
        Source::Module(_) | Source::PasteDeploy { .. } => None,
    };
    config.nph || name.is_some_and(|name| name.as_bytes().starts_with(b"nph-"))
}

/// Does not wait for the browser, and discards what it prints.
fn open_browser(url: &str) {
    let started = Command::new("xdg-open")
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        report::log(&format!(
            "--open: cannot start `xdg-open`: {error}: open {url} by hand"
        ));
    }
}
