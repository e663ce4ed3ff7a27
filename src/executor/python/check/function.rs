//! `wsgi_cgi.check` for tests in Python: the same series in the process of the test, without the
//! comparison with this gateway. An application that hangs or ends the process does so here.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::exchange::{Manner, exchange};
use super::planned::Plan;
use super::{document, place};
use ::exchange::MetaVariables;
use checking::ignored::Ignored;
use checking::{Findings, Series, Severity, openapi, rules};

/// How long an endless iterable is read.
const TIME: Duration = Duration::from_secs(10);

/// A rule that the application breaks.
#[pyclass(frozen, eq, hash, module = "wsgi_cgi")]
#[derive(PartialEq, Eq, Hash)]
pub struct Finding {
    /// The name of the rule.
    #[pyo3(get)]
    rule: String,
    /// Where the rule is specified.
    #[pyo3(get)]
    section: String,
    /// `error`, `warning` or `note`.
    #[pyo3(get)]
    severity: String,
    /// The place in the application, `FILE:LINE`.
    #[pyo3(get, name = "where")]
    place: String,
    /// The first request at which it was found.
    #[pyo3(get)]
    request: String,
    /// What was found.
    #[pyo3(get)]
    message: String,
    /// The number of requests at which it was found.
    #[pyo3(get)]
    times: usize,
    line: String,
}

impl From<checking::Finding> for Finding {
    fn from(finding: checking::Finding) -> Self {
        Self {
            line: finding.to_string(),
            rule: finding.rule.name.into(),
            section: finding.rule.section.into(),
            severity: finding.rule.severity.word().into(),
            place: finding.place,
            request: finding.request,
            message: finding.message,
            times: finding.times,
        }
    }
}

#[pymethods]
impl Finding {
    fn __str__(&self) -> &str {
        &self.line
    }

    fn __repr__(&self) -> String {
        format!("<Finding {}>", self.line)
    }
}

/// Calls the application with a series of requests, and says which rules it breaks.
#[pyfunction]
#[pyo3(signature = (application, urls, ignore, environ, openapi, safe, notes))]
#[allow(
    clippy::too_many_arguments,
    clippy::needless_pass_by_value,
    reason = "the arguments of the Python function"
)]
pub fn check(
    application: &Bound<'_, PyAny>,
    urls: Vec<String>,
    ignore: Vec<String>,
    environ: Vec<(String, String)>,
    openapi: Option<PathBuf>,
    safe: bool,
    notes: bool,
) -> PyResult<Vec<Finding>> {
    let wrong = |text: String| PyValueError::new_err(text);
    let ignored = Ignored::parse(&ignore).map_err(wrong)?;
    let mut findings = Findings::default();
    if !application.is_callable() {
        findings.add(vec![checking::Finding {
            rule: &rules::NOT_CALLABLE,
            place: place::of_callable(application),
            request: "before any request".into(),
            message: "the application is not callable".into(),
            times: 1,
        }]);
        return Ok(findings.list.into_iter().map(Into::into).collect());
    }
    let mut series = Series {
        urls,
        is_safe: safe,
        ..Series::default()
    };
    if let Some(file) = openapi {
        let shown = file.display().to_string();
        let read = document::read(&file).and_then(|document| openapi::requests(&document, safe));
        series.further = read.map_err(|why| wrong(openapi::unreadable(&shown, &why)))?;
    }
    let environment = environ
        .into_iter()
        .map(|(name, value)| (name.into_bytes(), value.into_bytes()));
    let plan = Plan {
        series,
        environment: MetaVariables::from_pairs(environment),
        ..Plan::default()
    };
    plan.check().map_err(|error| wrong(format!("{error:#}")))?;
    run(application, &plan, &mut findings)?;
    findings.ignore(&ignored);
    findings.sort();
    let wanted = |finding: &checking::Finding| notes || finding.rule.severity != Severity::Note;
    let list = findings.list.into_iter().filter(wanted);
    Ok(list.map(Into::into).collect())
}

fn run(application: &Bound<'_, PyAny>, plan: &Plan, findings: &mut Findings) -> PyResult<()> {
    let py = application.py();
    let mut answers = Vec::new();
    let mut before = None;
    let wrong = |error: anyhow::Error| PyValueError::new_err(format!("{error:#}"));
    while let Some(planned) = plan.next(&answers).map_err(wrong)? {
        let outcome = exchange(
            py,
            application,
            &planned,
            Manner::Strict,
            before.as_ref(),
            TIME,
        )?;
        before = outcome.iterable;
        answers.push(Some(outcome.answer));
        let mut found = outcome.found;
        found.extend(plan.of_pairs(&answers, &planned.line));
        findings.add(found);
        findings.requests += 1;
    }
    Ok(())
}
