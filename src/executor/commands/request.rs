//! Make one request here and show the answer.
//!
//! The exchange is the one of a CGI request: the same executor, the same checks, the same error
//! page. Only where the request comes from and where the answer goes differ.

mod afterwards;
mod asking;
mod closer_look;
mod counted;
mod fields;
mod outputs;
mod program_variables;
mod redirects;

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::executor::{Executor, StartInfo};
use doors::incident::Incident;
use doors::one_shot::Refused;
use doors::open_exchange::{acceptable, complete, known};
use doors::terminal::{Known, Shown, TerminalWriter, head_text};
use exchange::Failure;
use exchange::{BodyLength, MetaVariables, Request, Responder, ResponseHead};
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use process::{descriptors, environment, last_resort, open_line, signals};
use settings::cli::Request as Typed;
use settings::config::{App, Config};
use settings::options::LOG;

pub(super) use asking::{recorded, script_of};

use afterwards::Afterwards;
use asking::Asking;
use closer_look::CloserLook;
use outputs::Outputs;
use redirects::Restart;

/// Answers the request, and returns the exit status; `start` is when the program began. After a redirect the program is
/// started again with that command line.
pub(super) fn run(
    typed: &Typed,
    command_line: Vec<OsString>,
    handed_on: &HandedOn,
    mut environment: MetaVariables,
    start: Instant,
) -> Exit {
    let is_hop = redirects::take_mark(&mut environment);
    answer(typed, command_line, handed_on, &environment, is_hop, start).unwrap_or_else(|error| {
        report::log_error(&error);
        match error.downcast_ref() {
            Some(Refused::Url(_)) => Exit::BadUrl,
            Some(Refused::Unreadable(_)) => Exit::NotRead,
            Some(Refused::Unwritable(_) | Refused::Nameless) => Exit::NotWritten,
            None => Exit::Usage,
        }
    })
}

/// Returns errors of the command line; every later error is answered with a page.
fn answer(
    typed: &Typed,
    command_line: Vec<OsString>,
    handed_on: &HandedOn,
    environment: &MetaVariables,
    is_hop: bool,
    start: Instant,
) -> Result<Exit> {
    let restart = Restart::begin(typed, command_line, handed_on)?;
    let start_info = StartInfo::of(handed_on);
    let mut private =
        descriptors::take_by_hand().context("cannot redirect standard input, output and error")?;
    let mut config = decide(typed, environment)?;
    let asking = Asking {
        typed,
        config: &config,
        environment,
        is_hop,
    };
    let (meta, source, journey) = asking.ask(private.stdin.try_clone()?.into())?;
    if let Some(time) = typed.asked.max_time.filter(|time| !time.is_zero()) {
        let spent = journey
            .as_ref()
            .map_or(Duration::ZERO, |journey| journey.spent);
        // Not none, which would be no limit.
        let left = time.saturating_sub(spent).max(Duration::from_millis(1));
        if config.timeout.is_none_or(|timeout| timeout > left) {
            config.timeout = Some(left);
            signals::time_out_as_curl(time);
        }
    }
    let afterwards = Afterwards::begin(typed, &private.stdout, start)?;
    let outputs = Outputs::open(typed, &private.stdout, is_hop)?;
    if let Some(file) = outputs.answer {
        private.stdout = file.into();
    }
    let beside_log = config.log.is_none() && open_line::is_shared(&private.stdout);
    environment::replace(&meta);
    let mut closer = CloserLook::begin(&typed.closer, start)?;
    if typed.shown.write_out.is_some() {
        closer.count(afterwards.counted.clone());
    }
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
        content: !typed.asked.head,
        decoded: typed.asked.compressed,
    };
    last_resort::arm(&private, incident.answers(|head| prepared(head, shown)));
    signals::install();
    let is_followed = redirects::is_followed(journey.as_ref().filter(|_| typed.shown.location));
    let fail = typed.shown.fail;
    let is_skipped = move |head: &ResponseHead| is_followed(head) || fail && is_error(head);
    let inspection = closer.inspection();
    let writer = TerminalWriter::new(private.stdout, shown, Box::new(is_skipped))
        .dump_headers_to(outputs.heads)
        .observed(inspection.watch.0.clone())
        .beside_log(beside_log);
    let sent = writer.known();
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
    let exit = exit(ended, &sent, typed);
    closer.end(&line, exit);
    let Some(mut journey) = journey else {
        return Ok(exit);
    };
    let head = sent.head.get();
    if let Some(head) = head {
        journey.remember(head);
    }
    let onward = match head {
        Some(head) if ended == Exit::Success => {
            restart.follow_redirect(&journey, head, afterwards.counted.elapsed(), environment)
        }
        _ => None,
    };
    Ok(afterwards.write(typed, &journey, head, onward.unwrap_or(exit)))
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

fn is_error(head: &ResponseHead) -> bool {
    head.status.code() >= 400
}

/// A 500 sent by the application is a failure too: a framework caught the exception.
fn exit(ended: Exit, sent: &Known, typed: &Typed) -> Exit {
    if ended != Exit::Success {
        return ended;
    }
    let Some(head) = sent.head.get() else {
        return ended;
    };
    if is_error(head) && (typed.shown.fail || typed.shown.fail_with_body) {
        let status = head.status.line().escape_ascii();
        report::log(&format!(
            "the application answered `{status}` (-f: exit status 22)"
        ));
        Exit::HttpError
    } else if let Some(why) = sent.undecoded.get() {
        report::log(&format!("--compressed: {why}"));
        Exit::NotDecoded
    } else if head.status.code() == 500 {
        Exit::Failure
    } else {
        ended
    }
}
