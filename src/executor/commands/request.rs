//! Make one request here and show the answer.
//!
//! The exchange is the one of a CGI request: the same executor, the same checks, the same error
//! page. Only where the request comes from and where the answer goes differ.

mod asking;
mod closer;
mod journey;
mod program_variables;

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::{Context, Result};

use super::executor::{Executor, StartInfo};
use doors::incident::Incident;
use doors::opened::{acceptable, complete, known};
use doors::terminal::{Shown, TerminalWriter, head_text};
use exchange::Failure;
use exchange::{BodyLength, MetaVariables, Request, Responder, ResponseHead};
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use process::{descriptors, environment, last_resort, open_line, signals};
use settings::cli::Request as Typed;
use settings::config::{App, Config};
use settings::options::LOG;

pub(super) use asking::{recorded, script_of};

use asking::Asking;
use closer::Closer;
use journey::Restart;

/// Answers the request, and returns the exit status; `start` is when the program began.
pub(super) fn run(
    typed: &Typed,
    handed_on: &HandedOn,
    mut environment: MetaVariables,
    start: Instant,
) -> Exit {
    let is_hop = journey::take_mark(&mut environment);
    answer(typed, handed_on, &environment, is_hop, start).unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Usage
    })
}

/// Returns errors of the command line; every later error is answered with a page.
fn answer(
    typed: &Typed,
    handed_on: &HandedOn,
    environment: &MetaVariables,
    is_hop: bool,
    start: Instant,
) -> Result<Exit> {
    let restart = Restart::begin(typed, handed_on)?;
    let start_info = StartInfo::of(handed_on);
    let mut private =
        descriptors::take_by_hand().context("cannot take over standard input and output")?;
    let config = decide(typed, environment)?;
    let asking = Asking {
        typed,
        config: &config,
        environment,
        is_hop,
    };
    let (meta, source, journey) = asking.ask(private.stdin.try_clone()?.into())?;
    if let Some(file) = &typed.shown.output {
        private.stdout = output(file)?;
    }
    let beside_log = config.log.is_none() && open_line::is_shared(&private.stdout);
    environment::replace(&meta);
    let mut closer = Closer::begin(&typed.closer, start)?;
    let line = asking::line(&meta, journey.as_ref());
    closer.tell(&line);

    let length = BodyLength::of(&meta);
    let mut request = into_request(meta, source, &length, &config);
    let known = known(&mut request);
    if typed.closer.env {
        let executor = Executor::start(&config, &request.meta, &start_info, closer.inspection())?;
        executor.print_environ(&request, &mut File::from(private.stdout))?;
        return Ok(Exit::Success);
    }

    let mut incident = Incident::new(&request.meta);
    if config.debug {
        incident.show(&request.meta);
    }
    let shown = Shown {
        head: typed.shown.include || typed.asked.head,
        content: true,
    };
    last_resort::arm(&private, incident.answers(|head| prepared(head, shown)));
    signals::install();
    let is_followed = journey::is_followed(journey.as_ref());
    let inspection = closer.inspection();
    let writer = TerminalWriter::new(private.stdout, shown, is_followed)
        .observed(inspection.watch.0.clone())
        .beside_log(beside_log);
    let head = writer.head_sent();
    let method = incident.method.clone();
    let mut responder = Responder::new(Box::new(writer), &method, last_resort::claim);

    let ready = acceptable(&method, length).and(known).and_then(|()| {
        Executor::start(&config, &request.meta, &start_info, inspection)
            .map_err(|error| Failure::new(500, format!("{error:#}")))
    });
    let ended = match ready {
        Ok(executor) => executor.answer(&config, &request, responder, incident, None),
        Err(failure) => {
            incident.report(&failure, &mut responder);
            Exit::Failure
        }
    };
    let exit = exit(ended, &head, typed.shown.fail);
    closer.end(&line, exit);
    match (head.get(), journey) {
        (Some(head), Some(journey)) if ended == Exit::Success => Ok(restart
            .follow_redirect(journey, head, environment)
            .unwrap_or(exit)),
        _ => Ok(exit),
    }
}

/// The settings, as in a CGI request, except that the log goes to the terminal unless --log was typed.
fn decide(typed: &Typed, environment: &MetaVariables) -> Result<Config> {
    let app = App::parse(&typed.app)?;
    let config = Config::decide(typed.options.clone(), environment, app)?;
    let is_typed = typed.options.0.has(&LOG);
    Ok(Config {
        log: config.log.filter(|_| is_typed),
        ..config
    })
}

fn into_request(
    mut meta: MetaVariables,
    source: OwnedFd,
    length: &Result<BodyLength, exchange::BodyLengthError>,
    config: &Config,
) -> Request {
    complete(&mut meta, Some(config));
    let length = length.as_ref().copied().unwrap_or(BodyLength::Bytes(0));
    doors::cgi::request(meta, source, length)
}

/// The answer prepared for a crash, in the form in which the writer would show it.
fn prepared(head: &ResponseHead, shown: Shown) -> Vec<u8> {
    if shown.head {
        head_text(head, false)
    } else {
        Vec::new()
    }
}

fn output(file: &Path) -> Result<OwnedFd> {
    let shown = file.display();
    let file = File::create(file).with_context(|| format!("cannot write `{shown}`"))?;
    Ok(file.into())
}

/// A 500 by the application counts as a failure too: a framework caught an exception.
fn exit(ended: Exit, head: &Arc<OnceLock<ResponseHead>>, fail: bool) -> Exit {
    let code = head.get().map_or(0, |head| head.status.code());
    match ended {
        Exit::Success if fail && code >= 400 => Exit::HttpError,
        Exit::Success if code == 500 => Exit::Failure,
        _ => ended,
    }
}
