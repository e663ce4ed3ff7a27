//! The process beside the maker, which loads an application for an image. It has the variables of the
//! request, starts the maker with almost none of them, and observes which ones it asks for.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, anyhow};
use rustix::net::SendFlags;

use crate::becoming::Becoming;
use crate::commands::handed_on;
use crate::restoring::started::Started;
use exchange::MetaVariables;
use image::attempt::{self, Ended, Files};
use image::learned::Learned;
use image::observer::{self, Step};
use image::store::{LEARNED, UNWARMED};
use image::{cache_folder, freshness, learned, pace, place};
use process::environment::PRELOAD;
use process::report::Exit;
use process::{descriptors, signals};
use settings::cli::{ForPython, Loading, Make, Placement};
use settings::decided;
use settings::options::{CACHE_DIR, Early, WARM_UP};

/// Starts the process that loads, and ends as it does.
pub(crate) fn observe(typed: &Make, started: &Started) -> Result<Exit> {
    let order = &typed.order;
    let flags = &order.started_with;
    let folder = match typed.options.0.path(&CACHE_DIR) {
        Some(folder) => folder,
        None => folder_for(flags, &typed.script, &started.meta)?,
    };
    // The server's pipes must not stay open here.
    descriptors::close_others(None);
    signals::ignore_file_limit();
    let files = Files::new(&folder, flags, &typed.script)?;
    let Some(attempt) = attempt::begin(&files, order.unless_since, &started.meta)? else {
        return Ok(Exit::Success);
    };
    let list = files.at(LEARNED);
    let mut variables = freshness::outside(&started.meta);
    if let Some(interface) = &order.gateway_interface {
        variables.set("GATEWAY_INTERFACE", interface.as_bytes());
    }
    let mut order = Loading {
        script: typed.script.clone(),
        started_with: flags.clone(),
        flags: decided::first_line_flags(flags.clone(), &typed.script)?.0,
        // With other variables that process might find another folder.
        folder,
        warm_up: typed.options.0.words_of(&WARM_UP),
        unwarmed: false,
        observer: std::process::id(),
        attempt: attempt.number,
        by_hand: order.unless_since.is_none(),
        placement: Placement::Learned(list.clone()),
    };
    let by_hand = order.by_hand;
    let loading = |order: &Loading| loading(order, started, &variables);
    if learned::is_due(&list, pace::counted(&files.at("used")).times) {
        if by_hand {
            say("loading the application to learn which memory is written to by requests");
        }
        let order = Loading {
            placement: Placement::Learns,
            ..order.clone()
        };
        learn(loading(&order)?, &list, &variables);
    }
    let mut has_settled = false;
    loop {
        let ended = observer::observe(loading(&order)?, &variables, &mut |step| {
            if by_hand {
                say(match step {
                    Step::Loads => "loading the application",
                    Step::IsWritten => "writing the image and trying it",
                });
            }
        })?;
        match Ended::of(ended) {
            // Loading may create a file or folder once (a cache of its own): try again, now it exists.
            Some(Ended::Settles) if attempt.number == 1 && !has_settled => has_settled = true,
            Some(Ended::Unwarmed) if !order.unwarmed => order.unwarmed = true,
            // The warm-up may be what changes a file each time: try without.
            Some(Ended::Settles) if !order.unwarmed && files.at(UNWARMED).exists() => {
                order.unwarmed = true;
            }
            _ => std::process::exit(ended),
        }
    }
}

/// Where a request for the script would look, made if need be.
fn folder_for(flags: &[OsString], script: &Path, around: &MetaVariables) -> Result<PathBuf> {
    let named = Early::of(flags, around, Some(script)).cache_dir;
    let roots = place::ROOTS.map(|name| around.value(name));
    cache_folder::find(named, |name| std::env::var_os(name), &roots)
        .and_then(|found| found.make())
        .map_err(|why| anyhow!("cannot make an image: {why}"))
}

/// Loads the application once to learn which blocks of memory a request writes to. If that fails, or never ends, it is
/// not tried again at the next making.
fn learn(mut loading: Command, list: &Path, variables: &MetaVariables) {
    _ = learned::write(list, &Learned::nothing());
    // What goes wrong while the application is loaded is logged by the process that becomes the image.
    loading
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    _ = observer::observe(loading, variables, &mut |_| ());
}

/// Reports a step to the process at the other end of standard output, if there is one.
fn say(step: &str) {
    // Without NOSIGNAL a closed other end would end this process by SIGPIPE.
    let line = format!("{step}\n");
    _ = rustix::net::send(
        rustix::stdio::stdout(),
        line.as_bytes(),
        SendFlags::NOSIGNAL,
    );
}

/// The process that loads the application.
fn loading(order: &Loading, started: &Started, variables: &MetaVariables) -> Result<Command> {
    let command = ForPython::Load(order.clone().into());
    let handed_on = handed_on(started, &command);
    let around = freshness::outside(variables);
    let config = command.decide(&around)?;
    let python = Becoming::of(&config, &around, &handed_on.program)?;
    // Before a making that a request asks for, this Python has answered that request.
    if order.by_hand && !python.is_supported()? {
        std::process::exit(i32::from(Exit::NoGood.code()));
    }
    let given = variables
        .iter()
        .filter(|(name, _)| freshness::is_given_at_start(name));
    let mut command = python.command(&handed_on);
    command
        .env_clear()
        .envs(given.map(|(name, value)| (OsStr::from_bytes(name), OsStr::from_bytes(value))));
    python.preload(&mut command, variables.get(PRELOAD));
    if order.by_hand {
        // Standard output is where this process reports its steps: Python must not write there.
        command.stdout(Stdio::null());
    }
    Ok(command)
}
