//! Checks this gateway: each safe request is made directly, then through the gateway as a CGI request,
//! then directly again, each in a process forked from the loaded application. What differs between the
//! direct calls is not counted against the gateway.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::Result;

use super::child::Child;
use super::series::{Made, answers_of};
use crate::python::check::{Manner, Plan, Planned, call};
use crate::python::{self, Application, Gateway, Inspection};
use checking::answer::KEPT;
use checking::gateway::{Sent, differences};
use checking::messages::Message;
use checking::{Answer, Finding, Findings, rules};
use doors::cgi::{self, CgiWriter};
use doors::incident::Incident;
use doors::wire::Form;
use exchange::{BodyLength, Responder};

/// Compares the answers that were complete and without errors.
pub(super) fn compare(
    application: &Application,
    plan: &Plan,
    made: &[Made],
    timeout: Duration,
    findings: &mut Findings,
) -> Result<()> {
    let answers = answers_of(made);
    for (place, made) in made.iter().enumerate() {
        let Some(planned) = plan.at(&answers, place)? else {
            break;
        };
        let is_kept = |answer: &Answer| answer.length <= KEPT as u64;
        let is_whole = made
            .answer
            .as_ref()
            .is_some_and(|answer| answer.is_whole && is_kept(answer));
        let is_fine = is_whole && !made.is_wrong;
        if is_fine && planned.can_be_compared() {
            let comparing = Comparing {
                application,
                planned: &planned,
                timeout,
            };
            findings.add(comparing.compare()?);
        }
    }
    Ok(())
}

struct Comparing<'a> {
    application: &'a Application,
    planned: &'a Planned,
    timeout: Duration,
}

impl Comparing<'_> {
    fn compare(&self) -> Result<Vec<Finding>> {
        let method = &self.planned.question.method;
        let (Some(before), Some(sent), Some(after)) =
            (self.direct()?, self.via_gateway()?, self.direct()?)
        else {
            // A process hung or died: if that can be repeated, the series has found it.
            return Ok(Vec::new());
        };
        let mut direct = vec![before, after];
        if direct.iter().any(|answer| !answer.is_whole) {
            return Ok(Vec::new());
        }
        let differs = |direct: &[Answer]| match Sent::parse(&sent) {
            Some(sent) => differences(method, direct, &sent),
            None => vec![(
                &rules::GATEWAY_DIFFERS,
                "the gateway sent no complete answer".to_owned(),
            )],
        };
        if !differs(&direct).is_empty() {
            // The application may alternate between two answers.
            direct.extend(self.direct()?);
        }
        let place = &direct[0].place;
        let seen = differs(&direct).into_iter();
        Ok(seen
            .map(|(rule, message)| Finding {
                rule,
                place: place.clone(),
                request: self.planned.line.clone(),
                message,
                times: 1,
            })
            .collect())
    }

    /// What the application answers when called directly.
    fn direct(&self) -> Result<Option<Answer>> {
        let child = Child::start(|pipe| {
            silence();
            let mut pipe = File::from(pipe);
            _ = python::set_environment(&self.planned.meta);
            let answer = call(
                self.application,
                self.planned,
                Manner::AsGateway,
                None,
                self.timeout,
            );
            if let Ok(outcome) = answer {
                _ = pipe.write_all(&Message::Answered(outcome.answer).encode());
            }
        })?;
        let said = child.read_to_end(self.timeout)?;
        let told = said.and_then(|said| Message::decode(&said));
        Ok(match told {
            Some((Message::Answered(answer), _)) => Some(answer),
            _ => None,
        })
    }

    /// What the gateway sends to a server.
    fn via_gateway(&self) -> Result<Option<Vec<u8>>> {
        let child = Child::start(|pipe| {
            silence();
            _ = python::set_environment(&self.planned.meta);
            _ = self.answer(pipe);
        })?;
        child.read_to_end(self.timeout)
    }

    fn answer(&self, pipe: OwnedFd) -> Result<()> {
        let mut content = tempfile::tempfile()?;
        content.write_all(&self.planned.content)?;
        content.rewind()?;
        let length = BodyLength::Bytes(self.planned.content.len() as u64);
        let request = cgi::request(self.planned.meta.clone(), content.into(), length);
        let incident = Incident::new(&request.meta);
        let writer = CgiWriter::new(pipe, request.body.clone(), Form::Cgi);
        let responder = Responder::new(Box::new(writer), &incident.method, || true);
        let gateway = Gateway::new(
            responder,
            &request,
            Inspection::default(),
            Box::new(incident),
        );
        gateway.answer_with(self.application, &request.meta);
        Ok(())
    }
}

/// Discards output, which was shown during the series already.
fn silence() {
    if let Ok(null) = File::options().write(true).open("/dev/null") {
        _ = rustix::stdio::dup2_stdout(&null);
        _ = rustix::stdio::dup2_stderr(&null);
    }
}
