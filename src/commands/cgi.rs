//! Answer the CGI request in the environment.
//!
//! From the first line on, every way out leaves the server with a whole answer: an error before
//! the application is a page, a panic is a page, a crash is a page made beforehand.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;

use super::executor::{Executor, Underway};
use super::incident::Incident;
use super::record::Recorder;
use crate::cli::{Cgi, CgiOptions};
use crate::config::{self, App, Config};
use crate::exchange::{BodyLength, BodyLengthError, MetaVariables, Request, Responder};
use crate::process::descriptors::Private;
use crate::process::{descriptors, environment, last_resort, signals, spare, unread};
use crate::python::{self, Failure, Inspection};
use crate::report::{self, Exit};
use crate::transport::cgi::{self, CgiWriter};
use crate::transport::invocation::{self, Evidence, Invocation};
use crate::transport::wire::{self, Form};
use crate::transport::{action, split};

/// Answers, and says how it went.
pub(super) fn run(arguments: Vec<OsString>, meta: MetaVariables) -> Exit {
    let private = match descriptors::take() {
        Ok(private) => private,
        Err(error) => {
            report::log_error(&anyhow!(error).context("the server's pipes cannot be taken"));
            return Exit::Failure;
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        report::log(&format!("a fault of wsgi-cgi: {panic}"));
    }));
    guarded(|| {
        let mut meta = meta;
        let incident = Incident::new(&meta);
        // By the names that the server gave: behind an `Action` they are the program's.
        let is_nph = config::is_nph(&meta);
        let decided = catch_unwind(AssertUnwindSafe(|| decide(&mut meta, arguments)))
            .unwrap_or_else(|_| Err(anyhow!("a fault of wsgi-cgi, described above")));
        say_why_cold(
            decided
                .as_ref()
                .ok()
                .and_then(|config| config.log.as_deref()),
        );
        match open(meta, private, incident, is_nph, decided) {
            Ok(opened) => {
                opened.answer(|config, meta| Executor::ready(config, meta, Inspection::default()))
            }
            Err(exit) => exit,
        }
    })
}

/// The launcher's line is for the log that this program knows.
fn say_why_cold(log: Option<&Path>) {
    let name = std::env::args_os().next();
    if let Some((_, line @ [_, ..])) = invocation::handed_on(name.as_deref()) {
        report::log_line(line, log);
    }
}

/// Answers with an executor that a process restored from an image has already.
pub(super) fn run_restored(meta: MetaVariables, config: Config, executor: Executor) -> Exit {
    guarded(|| match open_restored(meta, config) {
        Ok(opened) => opened.answer(|_, _| Ok(executor)),
        Err(exit) => exit,
    })
}

/// Opens the exchange of a process that was restored from an image.
pub(super) fn open_restored(meta: MetaVariables, config: Config) -> Result<Opened, Exit> {
    let private = descriptors::take().map_err(|error| {
        report::log_error(&anyhow!(error).context("the server's pipes cannot be taken"));
        Exit::Failure
    })?;
    last_resort::hold(&private);
    let incident = Incident::new(&meta);
    let is_nph = config::is_nph(&meta);
    let opened = open(meta, private, incident, is_nph, Ok(config))?;
    let surrounded =
        Executor::surround(&opened.config).and_then(|()| python::set_length(&opened.request.meta));
    match surrounded {
        Ok(()) => Ok(opened),
        Err(error) => Err(opened.fail(&Failure::new(500, format!("{error:#}")))),
    }
}

/// A fault of this program is a whole answer too.
fn guarded(answer: impl FnOnce() -> Exit) -> Exit {
    catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|_| {
        if last_resort::answer(last_resort::Answer::Error) {
            last_resort::drain();
        }
        Exit::Failure
    })
}

/// A request that is ready for its application.
pub(super) struct Opened {
    config: Config,
    request: Request,
    responder: Responder,
    incident: Incident,
    recorder: Option<Recorder>,
}

impl Opened {
    /// Answers it with that executor.
    fn answer(self, executor: impl FnOnce(&Config, &MetaVariables) -> Result<Executor>) -> Exit {
        match executor(&self.config, &self.request.meta) {
            Ok(executor) => executor.answer(
                &self.config,
                &self.request,
                self.responder,
                self.incident,
                self.recorder,
            ),
            Err(error) => self.fail(&Failure::new(500, format!("{error:#}"))),
        }
    }

    /// Begins its exchange, for a script that calls for it itself.
    pub(super) fn begin(self) -> Underway {
        let inspection = Inspection::default();
        let (responder, incident) = (self.responder, self.incident);
        Underway::begin(
            &self.request,
            responder,
            incident,
            self.recorder,
            inspection,
        )
    }

    fn fail(mut self, failure: &Failure) -> Exit {
        let (responder, recorder) = (&mut self.responder, self.recorder.as_ref());
        report_failure(&self.incident, failure, responder, recorder, &self.request)
    }
}

fn report_failure(
    incident: &Incident,
    failure: &Failure,
    responder: &mut Responder,
    recorder: Option<&Recorder>,
    request: &Request,
) -> Exit {
    incident.report(failure, responder);
    if let Some(recorder) = recorder {
        recorder.ended(Some(failure.code), true, &request.body);
    }
    Exit::Failure
}

/// Readies what the exchange takes; where that fails, the server has its answer.
fn open(
    mut meta: MetaVariables,
    private: Private,
    mut incident: Incident,
    is_nph: bool,
    decided: Result<Config>,
) -> Result<Opened, Exit> {
    let form = if is_nph || decided.as_ref().is_ok_and(|config| config.nph) {
        Form::Nph
    } else {
        Form::Cgi
    };
    spare::keep(private.stdout.as_fd());
    last_resort::arm(&private, incident.answers(|head| wire::head(head, form)));
    signals::install();

    let method = incident.method.clone();
    let length = BodyLength::of(&meta);
    // As the server gave them: its quirks may be why the request failed.
    let recorder = decided
        .as_ref()
        .ok()
        .and_then(|config| Recorder::new(config, &meta, incident.id()));
    meta.complete(
        decided
            .as_ref()
            .ok()
            .and_then(|config| config.script_name.as_deref()),
    );
    let body_length = length
        .as_ref()
        .ok()
        .copied()
        // Nobody knows how much the server will write before it reads the answer to that.
        .unwrap_or(BodyLength::UntilEnd);
    let mut request = cgi::request(meta, private.stdin, body_length);
    if let Ok(mut body) = request.body.lock() {
        body.count_in(&unread::LEFT);
    }
    let begun = decided
        .as_ref()
        .map_or(Ok(()), |config| begin(config, &mut request, length));
    if decided.as_ref().is_ok_and(|config| config.debug) {
        incident.show(&request.meta);
    }
    if let Some(recorder) = &recorder {
        recorder.keep(&request.body);
    }
    let writer = CgiWriter::new(private.stdout, request.body.clone(), form);
    let mut responder = Responder::new(Box::new(writer), &method);

    let ready = decided
        .map_err(|error| Failure::new(500, format!("{error:#}")))
        .and_then(|config| begun.map(|()| config));
    match ready {
        Ok(config) => Ok(Opened {
            config,
            request,
            responder,
            incident,
            recorder,
        }),
        Err(failure) => Err(report_failure(
            &incident,
            &failure,
            &mut responder,
            recorder.as_ref(),
            &request,
        )),
    }
}

/// What comes before any Python: from here on the time of the exchange runs.
fn begin(
    config: &Config,
    request: &mut Request,
    length: Result<BodyLength, BodyLengthError>,
) -> Result<(), Failure> {
    let method = request.meta.get("REQUEST_METHOD").unwrap_or_default();
    acceptable(method, length)?;
    Executor::start_time(config).map_err(|error| Failure::new(500, format!("{error:#}")))?;
    known(request)
}

/// A request whose body has a length.
pub(super) fn known(request: &mut Request) -> Result<(), Failure> {
    let is_new = request.meta.get("CONTENT_LENGTH").is_none();
    let known = request.know_length(signals::stopping).map_err(|error| {
        Failure::new(
            500,
            format!(
                "the body, which came without a length, cannot be set aside in `{}`: {error}: \
                 name a folder with more room in TMPDIR",
                std::env::temp_dir().display()
            ),
        )
    });
    // Scripts for the standard library look for it in their environment.
    if let (true, Some(length)) = (is_new, request.meta.get("CONTENT_LENGTH")) {
        environment::set_length(length);
    }
    known
}

/// Which application, with which settings.
fn decide(meta: &mut MetaVariables, arguments: Vec<OsString>) -> Result<Config> {
    let name = std::env::args_os().next();
    let executed = environment::executed();
    let evidence = Evidence::of_this_process(name.as_deref(), arguments, executed, meta);
    let (options, app) = match evidence.decide() {
        Invocation::HashBang { argument, script } => {
            let cli = parse(hash_bang_options(argument.as_deref(), &script)?)?;
            if let Some(word) = cli.app {
                bail!(
                    "`{}` in the `#!` line of `{}` is no option",
                    word.display(),
                    script.display()
                );
            }
            (cli.options, App::file(script))
        }
        Invocation::Interpreter { arguments } => {
            let last = arguments.last().cloned();
            let cli = parse(arguments)?;
            let app = match cli.app {
                Some(app) if last.as_ref() == Some(&app) => App::parse(&app)?,
                Some(app) => bail!(
                    "`{}` follows the script `{}`: options come before it, what comes after may \
                     be the client's",
                    last.unwrap_or_default().display(),
                    app.display()
                ),
                None => named_app(meta)?.context(NO_SCRIPT)?,
            };
            (cli.options, app)
        }
        Invocation::Direct => {
            let app = if let Some(app) = named_app(meta)? {
                app
            } else {
                let script = action::resolve(meta)?.context(NO_SCRIPT)?;
                // A script for the standard library looks for its request there.
                environment::replace(meta);
                App::file(script)
            };
            (CgiOptions::default(), app)
        }
    };
    Config::decide(options, meta, app)
}

const NO_SCRIPT: &str = "the server named no script: write `#!/path/to/wsgi-cgi` into the first \
     line of one, make this program the server's interpreter or `Action` for it, or set \
     WSGI_CGI_APP";

fn named_app(meta: &MetaVariables) -> Result<Option<App>> {
    let name = meta.get_redirected("WSGI_CGI_APP").map(OsStr::from_bytes);
    name.map(|name| App::parse(name).context("WSGI_CGI_APP"))
        .transpose()
}

pub(super) fn hash_bang_options(argument: Option<&OsStr>, script: &Path) -> Result<Vec<OsString>> {
    let Some(argument) = argument else {
        return Ok(Vec::new());
    };
    if argument.as_bytes().ends_with(b"\r") {
        bail!(
            "the `#!` line of `{}` ends in CR LF, as Windows writes it: mend the file with \
             `sed -i 's/\\r$//' {}`",
            script.display(),
            script.display()
        );
    }
    split::split(argument, |name| std::env::var_os(name))
        .with_context(|| format!("the `#!` line of `{}`", script.display()))
}

pub(super) fn parse(arguments: Vec<OsString>) -> Result<Cgi> {
    let command_line = [OsString::from("wsgi-cgi")].into_iter().chain(arguments);
    Cgi::try_parse_from(command_line).map_err(|error| {
        let text = error.to_string();
        let first = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        if error.use_stderr() {
            anyhow!("the options that the server or the `#!` line gives: {first}")
        } else {
            anyhow!("--help and --version have no place in a request")
        }
    })
}

/// What no application is asked about.
pub(super) fn acceptable(
    method: &[u8],
    length: Result<BodyLength, BodyLengthError>,
) -> Result<(), Failure> {
    if method.is_empty() {
        return Err(Failure::new(
            500,
            "the server gave no REQUEST_METHOD: with nginx, `include fastcgi_params`",
        ));
    }
    length.map(drop).map_err(|error| match error {
        BodyLengthError::Malformed(value) => Failure::new(
            400,
            format!("CONTENT_LENGTH=`{value}` is no number of bytes"),
        ),
        BodyLengthError::LengthRequired(Some(coding)) => Failure::new(
            411,
            format!(
                "CONTENT_LENGTH is not set and HTTP_TRANSFER_ENCODING=`{coding}`: of all servers \
                 only Apache is known to decode such a body and to end it: use a server that \
                 gives CONTENT_LENGTH (nginx, lighttpd), or have the client send a Content-Length"
            ),
        ),
        BodyLengthError::Withheld(value) => Failure::new(
            501,
            format!(
                "CONTENT_LENGTH is not set and HTTP_CONTENT_LENGTH=`{value}`: busybox httpd hands on \
                 the whole content of a POST alone: have the client send a POST, or use another server"
            ),
        ),
        BodyLengthError::LengthRequired(None) => Failure::new(
            411,
            "CONTENT_LENGTH is not set, and mini_httpd does not tell whether content follows in \
             chunks, which it would not end: have the client send a Content-Length, of 0 if there \
             is no content",
        ),
    })
}
