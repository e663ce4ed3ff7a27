//! Fill the cache of compiled modules ahead of the first request.

use std::io::Write;

use anyhow::{Result, anyhow};

use super::executor::Executor;
use crate::cli::Precompile;
use crate::config::{App, Config};
use crate::exchange::MetaVariables;
use crate::python::{self, Inspection};
use crate::report::{self, Exit};

/// Loads the application, which compiles what is not compiled yet.
pub(super) fn run(typed: &Precompile, environment: &MetaVariables) -> Exit {
    precompile(typed, environment).unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Failure
    })
}

fn precompile(typed: &Precompile, environment: &MetaVariables) -> Result<Exit> {
    let config = Config::decide(typed.options.clone(), environment, App::parse(&typed.app)?)?;
    let mut executor = Executor::ready(&config, environment, Inspection::default())?;
    executor
        .prepare(&config, true)
        .map_err(|failure| anyhow!("{}", failure.summary))?;
    let line = match python::kept_bytecode()? {
        Some((count, folder)) => {
            format!("modules kept compiled in `{}`: {count}", folder.display())
        }
        None => "every module is kept compiled beside its source".into(),
    };
    executor.end();
    writeln!(std::io::stdout(), "{line}")?;
    Ok(Exit::Success)
}
