//! Prepares a CGI exchange for its application, or answers it with an error: from here on the
//! server always gets a whole answer.

use std::os::fd::AsFd;

use anyhow::{Context, Result};

use crate::cgi::{self, CgiWriter};
use crate::incident::Incident;
use crate::record::Recorder;
use crate::wire::{self, Form};
use exchange::{BodyLength, BodyLengthError, Failure, MetaVariables, Request, Responder};
use process::arrival::{Arrival, Way};
use process::descriptors::Private;
use process::report::{self, Exit};
use process::{
    access_log, descriptor_copies, environment, last_resort, log_time, signals, unread_body,
};
use settings::config::Config;
use settings::options::{DOCTOR, JSON_LOG, Values};

/// A request that is ready for its application.
pub struct Opened {
    /// The settings of the exchange.
    pub config: Config,
    /// What was asked.
    pub request: Request,
    /// What answers.
    pub responder: Responder,
    /// Reports a failure.
    pub incident: Incident,
    /// What keeps the request if it ends badly.
    pub recorder: Option<Recorder>,
}

impl Opened {
    /// Answers that the exchange has failed.
    pub fn fail(mut self, failure: &Failure) -> Exit {
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

/// Prepares the exchange; where that fails, the server has got an error page.
pub fn open(
    mut meta: MetaVariables,
    private: Private,
    mut incident: Incident,
    is_nph: bool,
    decided: Result<Config>,
    arrival: &Arrival,
) -> Result<Opened, Exit> {
    begin_logs(&meta, &mut incident, decided.as_ref().ok(), arrival);
    let form = if is_nph || decided.as_ref().is_ok_and(|config| config.nph) {
        Form::Nph
    } else {
        Form::Cgi
    };
    descriptor_copies::keep(private.stdout.as_fd());
    last_resort::arm(&private, incident.answers(|head| wire::head(head, form)));
    signals::install();

    let method = incident.method.clone();
    let length = BodyLength::of(&meta);
    // The variables as the server set them: they may be why the request failed.
    let recorder = decided
        .as_ref()
        .ok()
        .and_then(|config| Recorder::new(config, &meta, &incident));
    complete(&mut meta, decided.as_ref().ok());
    let body_length = length
        .as_ref()
        .ok()
        .copied()
        // The length is unknown: the server may write any amount before it reads the error page.
        .unwrap_or(BodyLength::UntilEnd);
    let mut request = cgi::request(meta, private.stdin, body_length);
    if let Ok(mut body) = request.body.lock() {
        body.count_in(&unread_body::LEFT);
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
    let mut writer = CgiWriter::new(private.stdout, request.body.clone(), form);
    if decided.as_ref().is_ok_and(|config| config.debug) {
        writer.add_times_since(arrival.began);
    }
    let mut responder = Responder::new(Box::new(writer), &method, last_resort::claim);

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

/// Completes what the server left out or got wrong. If the mount cannot be determined, the log says so.
pub fn complete(meta: &mut MetaVariables, config: Option<&Config>) {
    let script_name = config.and_then(|config| config.script_name.as_deref());
    if let Some(unclear) = meta.complete(script_name) {
        report::log(&report::one_line(&unclear));
    }
}

/// Opens the log (`--log`), has its entries name the request, and prepares the line of the access log. The first
/// entry says why no image is used, if that is not logged yet.
pub fn begin_logs(
    meta: &MetaVariables,
    incident: &mut Incident,
    config: Option<&Config>,
    arrival: &Arrival,
) {
    log_time::set_time_zone(meta);
    log_time::begin();
    if let Some(config) = config {
        incident.set_application(&config.app, meta);
    }
    incident.name_in_log();
    // The web server's setting holds even if the settings of the script could not be decided.
    let in_json = config.map_or_else(
        || Values::of_variables(&[&JSON_LOG], meta).is_on(&JSON_LOG) && meta.get(DOCTOR).is_none(),
        |config| config.json_log,
    );
    if in_json {
        report::write_json();
    }
    if let Some(config) = config {
        if let Some(log) = &config.log {
            report::log_to(log);
        }
        if let Some(log) = &config.access_log {
            access_log::begin(log, meta, arrival);
        }
    }
    if let Way::Without {
        why,
        is_known: false,
    } = &arrival.way
    {
        report::log(&report::one_line(&format!(
            "answered without an image: {why}"
        )));
    }
}

/// The checks before Python starts, and the start of the timeout.
fn begin(
    config: &Config,
    request: &mut Request,
    length: Result<BodyLength, BodyLengthError>,
) -> Result<(), Failure> {
    let method = request.meta.get("REQUEST_METHOD").unwrap_or_default();
    acceptable(method, length)?;
    start_time(config).map_err(|error| Failure::new(500, format!("{error:#}")))?;
    known(request)
}

/// Starts the timer of `--timeout`.
///
/// # Errors
/// Where the system has no timer.
pub fn start_time(config: &Config) -> Result<()> {
    match config.timeout {
        Some(timeout) => {
            signals::start_timeout(timeout).context("the timer for --timeout cannot be started")
        }
        None => Ok(()),
    }
}

/// Makes sure that the body has a known length.
pub fn known(request: &mut Request) -> Result<(), Failure> {
    let is_new = request.meta.get("CONTENT_LENGTH").is_none();
    let known = request.know_length(signals::stopping).map_err(|error| {
        Failure::new(
            500,
            format!(
                "the request's body has no CONTENT_LENGTH and cannot be stored in `{}`: {error}: \
                 set TMPDIR to a folder with more room",
                std::env::temp_dir().display()
            ),
        )
    });
    // Scripts that use the standard library read it from their environment.
    if let (true, Some(length)) = (is_new, request.meta.get("CONTENT_LENGTH")) {
        environment::set_length(length);
    }
    known
}

/// Refuses requests that no application could answer.
pub fn acceptable(
    method: &[u8],
    length: Result<BodyLength, BodyLengthError>,
) -> Result<(), Failure> {
    if method.is_empty() {
        return Err(Failure::new(
            500,
            "the server set no REQUEST_METHOD: with nginx, `include fastcgi_params`",
        ));
    }
    length.map(drop).map_err(|error| match error {
        BodyLengthError::Malformed(value) => Failure::new(
            400,
            format!("CONTENT_LENGTH=`{value}` is not a number of bytes"),
        ),
        BodyLengthError::LengthRequired(Some(coding)) => Failure::new(
            411,
            format!(
                "CONTENT_LENGTH is not set and HTTP_TRANSFER_ENCODING=`{coding}`: only Apache is \
                 known to decode such a body and to signal where it ends: use a server that sets \
                 CONTENT_LENGTH (nginx, lighttpd), or make the client send a Content-Length"
            ),
        ),
        BodyLengthError::Withheld(value) => Failure::new(
            501,
            format!(
                "CONTENT_LENGTH is not set and HTTP_CONTENT_LENGTH=`{value}`: busybox httpd passes on \
                 the whole content only for POST: make the client use POST, or use another server"
            ),
        ),
        BodyLengthError::LengthRequired(None) => Failure::new(
            411,
            "CONTENT_LENGTH is not set, and mini_httpd does not say whether content follows in \
             chunks: make the client send a Content-Length, of 0 if there is no content",
        ),
    })
}
