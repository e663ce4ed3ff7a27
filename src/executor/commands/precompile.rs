//! Fill the cache of compiled modules ahead of the first request.

use std::io::Write;

use anyhow::{Result, anyhow};

use super::executor::{Executor, StartInfo};
use crate::python::{self, Inspection};
use exchange::MetaVariables;
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use settings::cli::Precompile;
use settings::config::{App, Config};

/// Loads the application: Python compiles what is not compiled yet.
pub(super) fn run(typed: &Precompile, handed_on: &HandedOn, environment: &MetaVariables) -> Exit {
    precompile(typed, handed_on, environment).unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Failure
    })
}

fn precompile(
    typed: &Precompile,
    handed_on: &HandedOn,
    environment: &MetaVariables,
) -> Result<Exit> {
    let config = Config::decide(typed.options.clone(), environment, App::parse(&typed.app)?)?;
    let mut executor = Executor::ready(
        &config,
        environment,
        &StartInfo::of(handed_on),
        Inspection::default(),
    )?;
    executor
        .prepare(&config, true)
        .map_err(|failure| anyhow!("{}", failure.summary))?;
    let line = match python::kept_bytecode()? {
        Some((count, folder)) => {
            format!("compiled modules in `{}`: {count}", folder.display())
        }
        None => "every module has its compiled file beside its source".into(),
    };
    executor.end();
    writeln!(std::io::stdout(), "{line}")?;
    Ok(Exit::Success)
}
