//! `wsgi-cgi check`: the application is loaded once, and called in forked processes, so that a crash or
//! a hang is seen from outside. `series` calls it, `via_gateway` compares its answers with what this
//! gateway sends, `child` waits for the processes, `loading` loads it within the timeout.

mod child;
mod loading;
mod series;
mod via_gateway;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::executor::{Executor, StartInfo};
use super::request::{recorded, script_of};
use crate::python::check::{Plan, Planned, read_document};
use crate::python::{Application, Inspection};
use checking::ignored::Ignored;
use checking::{Findings, Series, openapi};
use exchange::{AUTO, MetaVariables};
use process::descriptors;
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use settings::cli::Check;
use settings::config::{App, Config};

/// How long one request may take by default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What to do with the application.
struct Checking {
    plan: Plan,
    timeout: Duration,
    ignored: Ignored,
    is_json: bool,
    output: File,
}

/// Checks the application. The exit status says whether errors were found.
pub(super) fn run(typed: &Check, handed_on: &HandedOn, environment: &MetaVariables) -> Exit {
    check(typed, handed_on, environment).unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Usage
    })
}

fn check(typed: &Check, handed_on: &HandedOn, environment: &MetaVariables) -> Result<Exit> {
    let app = App::parse(typed.app.as_deref().unwrap_or_default())?;
    let config = Config::decide(typed.options.clone(), environment, app)?;
    let ignored = Ignored::parse(&typed.told.ignore).map_err(anyhow::Error::msg)?;
    let mut urls = typed.urls.clone();
    if urls.is_empty() {
        urls.push("/".into());
    }
    let mut plan = Plan {
        series: Series {
            urls,
            further: Vec::new(),
            is_safe: typed.asked.safe,
        },
        recorded: recorded_ones(&typed.asked.replay, environment, &config)?,
        environment: environment.clone(),
        mount: config.script_name.clone().filter(|path| path != AUTO),
        script: script_of(&config),
    };
    let private =
        descriptors::take_by_hand().context("cannot redirect standard input and output")?;
    let start_info = StartInfo::of(handed_on);
    let executor = Executor::ready(&config, environment, &start_info, Inspection::default())?;
    if let Some(file) = &typed.asked.openapi {
        let shown = file.display().to_string();
        let read =
            read_document(file).and_then(|document| openapi::requests(&document, typed.asked.safe));
        plan.series.further = read.map_err(|why| anyhow!(openapi::unreadable(&shown, &why)))?;
    }
    plan.check()?;
    let checking = Checking {
        plan,
        timeout: config.timeout.unwrap_or(TIMEOUT),
        ignored,
        is_json: typed.told.json,
        output: private.stdout.into(),
    };
    loading::load_and(executor, &config, checking)
}

impl Checking {
    /// Calls the application, and prints the findings.
    fn check(mut self, application: &Application) -> Result<Exit> {
        let mut findings = Findings::default();
        let made = series::run(application, &self.plan, self.timeout, &mut findings)?;
        via_gateway::compare(application, &self.plan, &made, self.timeout, &mut findings)?;
        findings.ignore(&self.ignored);
        findings.sort();
        let text = if self.is_json {
            findings.json()
        } else {
            findings.text()
        };
        self.output.write_all(text.as_bytes())?;
        Ok(if findings.is_any_wrong() {
            Exit::Failure
        } else {
            Exit::Success
        })
    }
}

/// The recorded requests in these files.
fn recorded_ones(
    files: &[impl AsRef<Path>],
    environment: &MetaVariables,
    config: &Config,
) -> Result<Vec<Planned>> {
    let mut list = Vec::new();
    for file in files {
        let file = file.as_ref();
        let (meta, source) = recorded(file, environment)?;
        let mut content = Vec::new();
        File::from(source)
            .read_to_end(&mut content)
            .with_context(|| format!("`{}`", file.display()))?;
        let text = |name| String::from_utf8_lossy(meta.get(name).unwrap_or_default()).into_owned();
        let line = format!(
            "{} {}{} (from {})",
            text("REQUEST_METHOD"),
            text("SCRIPT_NAME"),
            text("PATH_INFO"),
            file.display()
        );
        let mount = config.script_name.as_deref();
        list.push(Planned::new(line, meta, content, mount));
    }
    Ok(list)
}
