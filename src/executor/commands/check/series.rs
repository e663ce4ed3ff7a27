//! Makes the series of requests in one forked process. If a request kills it or hangs, that is a
//! finding, and another process continues with the next request.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use rustix::process::WaitStatus;

use super::child::{Child, Seen};
use crate::python::Application;
use crate::python::check::{Plan, call_in_time, callable_place, place_in_traceback};
use checking::messages::Message;
use checking::{Answer, Finding, Findings, Rule, Severity, rules};
use process::signals;

/// How long after the timeout the process is killed.
const GRACE: Duration = Duration::from_millis(500);

/// After this many paths that hang, no further request is made.
const MOST_HANGS: usize = 3;

/// What came of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    pub(super) answer: Option<Answer>,
    /// Whether an error was found.
    pub(super) is_wrong: bool,
}

/// Makes all requests of the plan, and returns what came of each, in order.
pub(super) fn run(
    application: &Application,
    plan: &Plan,
    timeout: Duration,
    findings: &mut Findings,
) -> Result<Vec<Made>> {
    let mut made = Vec::new();
    // Each path may hang once: another request would take as long again, and show nothing new.
    let mut hung = Vec::new();
    while hung.len() < MOST_HANGS {
        let answers = answers_of(&made);
        let Some(next) = plan.next(&answers)? else {
            break;
        };
        if hung.contains(&next.path()) {
            made.push(Made::default());
            continue;
        }
        let before = made.len();
        let mut output = tempfile::tempfile()?;
        let mut frames = tempfile::tempfile()?;
        let mut child = Child::start(|pipe| {
            let calling = Calling {
                application,
                plan,
                timeout,
                hung: &hung,
                pipe: pipe.into(),
            };
            calling.make_requests(&output, &frames, answers);
        })?;
        let watching = Watching {
            timeout,
            findings,
            made: &mut made,
            begun: None,
            since: Instant::now(),
            found: Vec::new(),
            place: callable_place(application),
        };
        if watching.watch(&mut child, &mut frames)? {
            let answers = answers_of(&made);
            let last = plan.at(&answers, answers.len() - 1)?;
            hung.extend(last.map(|planned| planned.path()));
        }
        show(&mut output)?;
        if made.len() == before {
            return Err(anyhow!(
                "the process that should call the application ended before the call"
            ));
        }
    }
    Ok(made)
}

pub(super) fn answers_of(made: &[Made]) -> Vec<Option<Answer>> {
    made.iter().map(|made| made.answer.clone()).collect()
}

/// Copies what the application wrote to standard output to standard error.
fn show(output: &mut File) -> Result<()> {
    let mut text = Vec::new();
    output.rewind()?;
    output.read_to_end(&mut text)?;
    _ = std::io::stderr().write_all(&text);
    Ok(())
}

/// The process that calls the application.
struct Calling<'a> {
    application: &'a Application,
    plan: &'a Plan,
    timeout: Duration,
    hung: &'a [Vec<u8>],
    pipe: File,
}

impl Calling<'_> {
    /// Makes the requests that come after these answers.
    fn make_requests(mut self, output: &File, frames: &File, mut answers: Vec<Option<Answer>>) {
        _ = rustix::stdio::dup2_stdout(output);
        let mut before = None;
        while let Ok(Some(planned)) = self.plan.next(&answers) {
            if self.hung.contains(&planned.path()) {
                return;
            }
            self.tell(&Message::Begins(planned.line.clone()));
            let (before_it, time) = (before.as_ref(), self.timeout);
            let made = call_in_time(self.application, &planned, before_it, time, frames);
            let Ok(outcome) = made else { return };
            before = outcome.iterable;
            answers.push(Some(outcome.answer.clone()));
            let pairs = self.plan.of_pairs(&answers, &planned.line);
            for finding in outcome.found.into_iter().chain(pairs) {
                self.tell(&Message::Found(finding));
            }
            self.tell(&Message::Answered(outcome.answer));
            self.tell(&Message::Ends);
        }
    }

    fn tell(&mut self, told: &Message) {
        _ = self.pipe.write_all(&told.encode());
    }
}

/// The process that waits.
struct Watching<'a> {
    timeout: Duration,
    findings: &'a mut Findings,
    made: &'a mut Vec<Made>,
    /// The request under way.
    begun: Option<String>,
    /// When the last message came.
    since: Instant,
    found: Vec<Finding>,
    place: String,
}

impl Watching<'_> {
    /// Reads messages until the process ends. Returns true if a request hangs.
    fn watch(mut self, child: &mut Child, frames: &mut File) -> Result<bool> {
        let mut came = Vec::new();
        let mut answer = None;
        loop {
            let seen = child.look()?;
            match seen {
                Seen::Said(block) => {
                    came.extend(block);
                    while let Some((told, length)) = Message::decode(&came) {
                        came.drain(..length);
                        self.receive(told, &mut answer);
                    }
                }
                Seen::Ended(status) => {
                    if self.begun.is_some() {
                        self.fail(&rules::ENDS_PROCESS, &describe_end(status), None);
                    }
                    return Ok(false);
                }
                Seen::Nothing => {}
            }
            if self.since.elapsed() > self.timeout + GRACE {
                child.end();
                let seconds = self.timeout.as_secs_f64();
                let text = format!("timed out after {seconds} s without a complete answer");
                self.fail(&rules::HANGS, &text, place_of(frames));
                return Ok(true);
            }
        }
    }

    fn receive(&mut self, told: Message, answer: &mut Option<Answer>) {
        self.since = Instant::now();
        match told {
            Message::Begins(request) => self.begun = Some(request),
            Message::Found(finding) => self.found.push(finding),
            Message::Answered(answered) => *answer = Some(answered),
            Message::Ends => {
                self.begun = None;
                self.end(answer.take());
            }
        }
    }

    /// Records that the request under way has no answer.
    fn fail(&mut self, rule: &'static Rule, message: &str, place: Option<String>) {
        let request = self.begun.take().unwrap_or_default();
        self.found.push(Finding {
            rule,
            place: place.unwrap_or_else(|| self.place.clone()),
            request,
            message: message.to_owned(),
            times: 1,
        });
        self.end(None);
    }

    fn end(&mut self, answer: Option<Answer>) {
        let found = std::mem::take(&mut self.found);
        let is_error = |finding: &Finding| finding.rule.severity == Severity::Error;
        self.made.push(Made {
            answer,
            is_wrong: found.iter().any(is_error),
        });
        self.findings.add(found);
        self.findings.requests += 1;
    }
}

/// Where Python was when the timeout expired.
fn place_of(frames: &mut File) -> Option<String> {
    let mut text = String::new();
    frames.rewind().ok()?;
    frames.read_to_string(&mut text).ok()?;
    place_in_traceback(&text)
}

fn describe_end(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (_, Some(signal)) => format!("the process was killed by {}", signals::shown(signal)),
        (Some(code), _) => format!("the process exited with status {code}"),
        _ => "the process ended, and its exit status is unknown".into(),
    }
}
