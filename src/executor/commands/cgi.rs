//! Answer the CGI request in the environment.
//!
//! Whatever happens from the first line on, the server gets a complete answer: an error page for an
//! error or a panic, a page prepared in advance for a crash.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Result, anyhow};

use super::executor::{Executor, RunningExchange, StartInfo};
use crate::python::{self, Inspection};
use doors::incident::Incident;
use doors::open_exchange::{Opened, open};
use exchange::{Failure, MetaVariables};
use process::arrival::Arrival;
use process::descriptors::{self, Private};
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use process::{environment, last_resort};
use settings::config::{self, Config};
use settings::decided::Decided;

/// Answers the request, and returns the exit status.
pub(super) fn run(handed_on: &HandedOn, meta: MetaVariables) -> Exit {
    let private = match private(handed_on) {
        Ok(private) => private,
        Err(error) => return without_pipes(error),
    };
    std::panic::set_hook(Box::new(|panic| {
        report::log(&format!("bug in wsgi-cgi: {panic}"));
    }));
    guarded(|| {
        let mut meta = meta;
        let incident = Incident::new(&meta);
        incident.name_in_log();
        // Decided by the names that the server passed: with an `Action` they are the program's.
        let is_nph = config::is_nph(&meta);
        let decided = catch_unwind(AssertUnwindSafe(|| decide(&mut meta, handed_on)))
            .unwrap_or_else(|_| Err(anyhow!("bug in wsgi-cgi, logged above")));
        let arrival = Arrival::of(handed_on);
        match open(meta, private, incident, is_nph, decided, &arrival) {
            Ok(opened) => answer(opened, |config, meta| {
                Executor::of_exchange(
                    config,
                    meta,
                    &StartInfo::of(handed_on),
                    Inspection::default(),
                )
            }),
            Err(exit) => exit,
        }
    })
}

/// The server's pipes. The program has taken them over already, unless this Python was started in another way.
fn private(handed_on: &HandedOn) -> std::io::Result<Private> {
    match handed_on.pipes {
        Some(pipes) => descriptors::adopt(pipes),
        None => descriptors::take(),
    }
}

fn without_pipes(error: std::io::Error) -> Exit {
    report::log_error(&anyhow!(error).context("cannot redirect standard input and output"));
    Exit::Failure
}

/// The application and its settings, as the program decided.
fn decide(meta: &mut MetaVariables, handed_on: &HandedOn) -> Result<Config> {
    let decided = Decided::from_words(&handed_on.arguments, meta)?;
    if decided.is_resolved {
        // A script that uses the standard library's handlers reads the request there.
        environment::replace(meta);
    }
    Ok(decided.config)
}

/// Answers with the executor that a process restored from an image already has.
pub(super) fn run_restored(
    meta: MetaVariables,
    config: Config,
    arrival: &Arrival,
    executor: Executor,
) -> Exit {
    guarded(|| match open_restored(meta, config, arrival) {
        Ok(opened) => answer(opened, |_, _| Ok(executor)),
        Err(exit) => exit,
    })
}

/// Opens the exchange of a process that was restored from an image.
pub(super) fn open_restored(
    meta: MetaVariables,
    config: Config,
    arrival: &Arrival,
) -> Result<Opened, Exit> {
    let private = descriptors::take().map_err(without_pipes)?;
    last_resort::hold(&private);
    let incident = Incident::new(&meta);
    let is_nph = config::is_nph(&meta);
    let opened = open(meta, private, incident, is_nph, Ok(config), arrival)?;
    let surrounded = Executor::change_folder(&opened.config)
        .and_then(|()| python::set_length(&opened.request.meta));
    match surrounded {
        Ok(()) => Ok(opened),
        Err(error) => Err(opened.fail(&Failure::new(500, format!("{error:#}")))),
    }
}

/// Answers with an error page if this program panics.
fn guarded(answer: impl FnOnce() -> Exit) -> Exit {
    catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|_| {
        if last_resort::answer(last_resort::Answer::Error) {
            last_resort::drain();
        }
        Exit::Failure
    })
}

/// Answers with the executor that `executor` returns.
fn answer(
    opened: Opened,
    executor: impl FnOnce(&Config, &MetaVariables) -> Result<Executor>,
) -> Exit {
    match executor(&opened.config, &opened.request.meta) {
        Ok(executor) => executor.answer(
            &opened.config,
            &opened.request,
            opened.responder,
            opened.incident,
            opened.recorder,
        ),
        Err(error) => opened.fail(&Failure::new(500, format!("{error:#}"))),
    }
}

/// Begins the exchange for a script that runs a handler itself.
pub(super) fn begin(opened: Opened) -> RunningExchange {
    RunningExchange::begin(
        &opened.request,
        opened.responder,
        opened.incident,
        opened.recorder,
        Inspection::default(),
    )
}
