//! One request, answered by a process of its own, as a CGI request is.

use std::os::fd::AsFd;
use std::sync::Arc;

use anyhow::Result;

use super::super::executor::Executor;
use super::files::{self, Answer};
use doors::cgi;
use doors::incident::Incident;
use doors::open_exchange::{complete, start_time};
use doors::server::{Form, Handover, StaticFolder};
use exchange::Failure;
use exchange::{AUTO, BodyLength, MetaVariables, Responder};
use process::descriptors::Private;
use process::report::{self as log, Exit};
use process::{last_resort, stop_on_close};
use settings::config::Config;

/// What is the same for every worker.
pub(super) struct Worker<'a> {
    pub(super) config: &'a Config,
    pub(super) environment: &'a MetaVariables,
    pub(super) folders: &'a [StaticFolder],
    /// Never shows the developer's page.
    pub(super) is_discreet: bool,
}

impl Worker<'_> {
    /// Answers with the executor that `executor` returns, which gets only the variables of the request.
    /// Returns the exit status.
    pub(super) fn answer(
        &self,
        request: Handover,
        executor: impl FnOnce(&MetaVariables) -> Result<Executor>,
    ) -> Exit {
        let Handover {
            mut meta,
            form,
            is_local,
            opens_log,
            length,
            socket,
            content,
            report,
        } = request;
        let mut incident = Incident::new(&meta);
        incident.set_application(&self.config.app, &meta);
        incident.name_in_log();
        if opens_log && let Some(log) = &self.config.log {
            log::log_to(log);
        }
        if !self.is_discreet && (self.config.debug || is_local) {
            incident.show(&meta);
        }
        let method = incident.method.clone();
        let private = Private {
            stdin: content,
            stdout: socket,
        };
        let in_form = |head: &_| form.head(&method, head);
        last_resort::report_to(report.as_fd());
        if form == Form::Cgi
            && let Err(error) = stop_on_close::watch(&report)
        {
            log::log(&format!(
                "this request cannot be stopped when the web server closes the connection: {error}"
            ));
        }
        last_resort::arm(&private, incident.answers(in_form));
        // Held to the end: while it is open, the listener counts this request as running.
        let report = Arc::new(report);
        let told = Arc::clone(&report);
        let writer = form.writer(private.stdout, told, &method);
        let mut responder = Responder::new(writer, &method, last_resort::claim);

        if let Some(answer) = files::find(self.folders, &meta) {
            return answer.send(responder);
        }
        if let Some(mount) = &self.config.script_name
            && mount != AUTO
            && !meta.strip_mount(mount)
        {
            return Answer::not_found().send(responder);
        }
        let readied = start_time(self.config).and_then(|()| executor(&meta));
        meta.add_environment(self.environment);
        complete(&mut meta, Some(self.config));
        match readied {
            Ok(executor) => {
                let request = cgi::request(meta, private.stdin, BodyLength::Bytes(length));
                executor.answer(self.config, &request, responder, incident, None)
            }
            Err(error) => {
                let failure = Failure::new(500, format!("{error:#}"));
                incident.report(&failure, &mut responder);
                Exit::Failure
            }
        }
    }
}
