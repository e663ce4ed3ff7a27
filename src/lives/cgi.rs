//! A CGI request: it is answered from the image of its application where there is one that holds, which
//! this process then is; else it starts the Python that answers, and waits beside it (`waiting`). From the
//! first line on, every way out leaves the server with a whole answer.

use std::ffi::{OsStr, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::follower;
use super::panicking;
use super::waiting::{self, Ended};
use crate::becoming::Becoming;
use crate::doctor;
use crate::restoring::attempt::{self, Cold, Verdict, Wanted};
use crate::restoring::fallback;
use crate::restoring::started::Started;
use doors::incident::Incident;
use doors::open_exchange::{begin_logs, open};
use exchange::{Failure, MetaVariables};
use image::logged_reason::Note;
use image::place;
use image::store::SAID;
use process::arrival::{Arrival, Way};
use process::descriptors::{self, Private};
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use process::{access_log, claim, environment, last_resort, runtime_setup, signals, tally, times};
use settings::config::{self, Config};
use settings::decided::Decided;
use settings::invocation::Invocation;

/// Answers; the exit status.
pub(crate) fn run(started: &'static Started) -> c_int {
    panicking::install(started);
    // The doctor's page never has an image.
    if let Some(answered) = doctors_page(started) {
        return answered.code().into();
    }
    let (way, note) = without_image(started);
    // From here on this process runs as usual: it starts another process, and waits beside it.
    panicking::without_image();
    claim::take();
    claim::let_go();
    // The handlers of the early start would restart this process, which must now go on.
    runtime_setup::default_fatal_signals();
    answer(started, way, note)
}

/// Becomes a process restored from an image. If that is not possible, has an image made if that would help,
/// and returns the reason, with a note to be stored once it is logged.
fn without_image(started: &Started) -> (Way, Option<Note>) {
    if !started.is_given_up() {
        panicking::at("image");
    }
    let verdict = attempt::restored(started, &|| wait_beside_restored(started));
    let (reason, make) = match &verdict.why {
        Cold::Unasked => return (Way::Cold, None),
        Cold::Make(reason) => (reason, true),
        Cold::Stay(reason) | Cold::Lasting(reason) => (reason, false),
        Cold::Again(reason) => {
            started.try_again();
            // Where all tries fail in the same way it was not chance: that is counted.
            if let Some(wanted) = &verdict.wanted {
                wanted.count_failed_restore();
            }
            (reason, false)
        }
    };
    if let (Some(wanted), true) = (&verdict.wanted, make) {
        follower::start(wanted, started);
    }
    let is_lasting = matches!(verdict.why, Cold::Lasting(_));
    let note = is_lasting.then(|| note(verdict, &started.meta, reason));
    let is_known = note.as_ref().is_some_and(Note::is_known);
    let way = Way::Without {
        why: place::shown(reason.as_bytes()),
        is_known,
    };
    (way, note.filter(|_| !is_known))
}

/// The note of a lasting reason.
fn note(verdict: &Verdict, meta: &MetaVariables, reason: &str) -> Note {
    let name = verdict.wanted.as_ref().map_or_else(
        || {
            let app = meta.get_redirected("WSGI_CGI_APP");
            let app = app.or_else(|| meta.get("SCRIPT_FILENAME"));
            place::name(app.unwrap_or_default(), &[])
        },
        |wanted| wanted.name.clone(),
    );
    let beside = verdict.wanted.as_ref().and_then(Wanted::note);
    let named = meta
        .get("TMPDIR")
        .map(|named| Path::new(OsStr::from_bytes(named)));
    let folder = place::temporary(named.unwrap_or(Path::new("/tmp")));
    let roots = place::ROOTS.map(|name| meta.value(name));
    let is_safe = folder.is_absolute() && place::is_published(&folder, &roots).is_none();
    Note::new(
        beside,
        is_safe.then(|| folder.join(format!("{name}.{SAID}"))),
        reason,
    )
}

/// Starts the Python that answers, and answers in its place where that does not.
fn answer(started: &Started, way: Way, note: Option<Note>) -> c_int {
    let mut meta = started.meta.clone();
    let incident = Incident::new(&meta);
    incident.name_in_log();
    let private = match descriptors::take() {
        Ok(private) => private,
        Err(error) => {
            report::log_error(
                &anyhow!(error).context("cannot take over the server's stdin and stdout"),
            );
            fallback::give_up();
            return Exit::Failure.code().into();
        }
    };
    last_resort::hold(&private);
    panicking::at("answer");
    let arrival = Arrival {
        began: started.began,
        spent: 0,
        way,
    };
    // Decided by the names that the server passed: with an `Action` they are the program's.
    let is_nph = config::is_nph(&meta);
    let evidence = started.evidence();
    let mut handed_on = HandedOn {
        has_language: meta.get(environment::LANGUAGE).is_some(),
        program: evidence.program.clone(),
        executed: evidence.executed.clone(),
        ..HandedOn::default()
    };
    arrival.hand_on(&mut handed_on);
    let decided = Decided::of(&evidence, &mut meta).map(|decided| {
        handed_on.arguments = decided.words();
        decided.config
    });
    let found = decided
        .as_ref()
        .ok()
        .map(|config| Becoming::of(config, &meta, &handed_on.program));
    let mut unanswered = Unanswered {
        meta,
        incident,
        is_nph,
        private,
        arrival,
        note,
    };
    let python = match found {
        Some(Ok(python)) => python,
        Some(Err(error)) => {
            return unanswered.fail(decided, &format!("{error:#}"));
        }
        None => return unanswered.fail(decided, ""),
    };
    let note = unanswered.note.clone();
    let before_alone = || store(note.clone());
    let ended = waiting::beside_python(
        &mut unanswered.private,
        started,
        &python,
        handed_on,
        &before_alone,
    );
    if matches!(ended, Ended::Answered(_)) {
        // The process that answered has logged it. One that ended before may not have.
        unanswered.arrival.mark_logged();
        store(unanswered.note.take());
    }
    unanswered.conclude(&ended, decided, Some(&python))
}

/// Answers where the script is the page of `wsgi-cgi doctor`.
fn doctors_page(started: &Started) -> Option<Exit> {
    let meta = &started.meta;
    let script = match started.evidence().decide(meta) {
        Invocation::HashBang { script, .. } => script,
        Invocation::Interpreter { arguments } => PathBuf::from(arguments.last()?),
        // Called directly with an application named in the environment, the program serves that.
        Invocation::Direct if meta.get_redirected("WSGI_CGI_APP").is_some() => return None,
        Invocation::Direct => PathBuf::from(OsStr::from_bytes(meta.value(b"SCRIPT_FILENAME")?)),
    };
    if !doctor::is_asked_for(&script) {
        return None;
    }
    let script = std::path::absolute(script).ok()?;
    // What a child of this process prints is no part of the page.
    let private = descriptors::take().ok()?;
    last_resort::hold(&private);
    panicking::without_image();
    panicking::at("doctor");
    doctor::answer_page(&script, meta, &private);
    Some(Exit::Success)
}

/// Waits beside the process that is restored, in which this returns.
fn wait_beside_restored(started: &Started) {
    let Some((private, ended)) = waiting::beside_restored() else {
        panicking::at("restoring");
        return;
    };
    last_resort::hold(&private);
    panicking::at("beside");
    let mut meta = started.meta.clone();
    let unanswered = Unanswered {
        incident: Incident::new(&meta),
        is_nph: config::is_nph(&meta),
        private,
        meta: meta.clone(),
        arrival: Arrival {
            began: started.began,
            spent: 0,
            way: Way::Image,
        },
        note: None,
    };
    let decided = Decided::of(&started.evidence(), &mut meta).map(|decided| decided.config);
    unanswered.conclude(&ended, decided, None)
}

/// A request that has no answer yet.
struct Unanswered {
    meta: MetaVariables,
    incident: Incident,
    is_nph: bool,
    private: Private,
    arrival: Arrival,
    /// To be stored once the log says why no image answers.
    note: Option<Note>,
}

fn store(note: Option<Note>) {
    if let Some(note) = note {
        // A note that is too long for a limit of the host is no reason to die of.
        signals::ignore_file_limit();
        note.store();
    }
}

impl Unanswered {
    /// Answers if the other process did not, and ends as it did.
    fn conclude(mut self, ended: &Ended, decided: Result<Config>, python: Option<&Becoming>) -> ! {
        self.arrival.spent = times::processor_of_children();
        if let Some(sentence) = ended.sentence(python) {
            self.fail(decided, &sentence);
        } else if ended.was_cut_short() {
            let config = decided.as_ref().ok();
            begin_logs(&self.meta, &mut self.incident, config, &self.arrival);
            let sentence = "the process that was answering was killed by SIGKILL";
            self.incident.log(&Failure::new(500, sentence), true);
        } else if let Ok(config) = decided
            && let Some(log) = &config.access_log
            // The process called `os._exit`, or executed another program.
            && !tally::own().is_done_with_line()
        {
            access_log::begin(log, &self.meta, &self.arrival);
        }
        access_log::write_or_log();
        ended.end_as_it_did()
    }

    /// Answers with an error: an error in `decided` if there is one, or else `sentence`.
    fn fail(self, decided: Result<Config>, sentence: &str) -> c_int {
        let Self {
            meta,
            incident,
            is_nph,
            private,
            arrival,
            note,
        } = self;
        let opened = open(meta, private, incident, is_nph, decided, &arrival);
        store(note);
        let exit = match opened {
            Ok(opened) => opened.fail(&Failure::new(500, sentence)),
            Err(exit) => exit,
        };
        exit.code().into()
    }
}
