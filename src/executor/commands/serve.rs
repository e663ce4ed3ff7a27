//! The processes of `serve` that have Python: the nursery, which has no request, and each of its workers,
//! which answers one request and ends; or, with `--inetd`, a process for one connection.

mod files;
mod inetd;
mod nursery;
mod worker;

use anyhow::Result;

use crate::python::Inspection;
use doors::http::Limits;
use doors::server::StaticFolder;
use exchange::MetaVariables;
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use settings::cli::{LogFormat, Serve as Typed};
use settings::config::Config;

/// Becomes the nursery or the process for one connection.
pub(super) fn run(typed: &Typed, handed_on: &HandedOn, environment: &MetaVariables) -> Exit {
    if typed.work.log_format == LogFormat::Json {
        report::write_json();
    }
    let served = match typed.work.nursery {
        Some(open_files) => nursery::run(typed, handed_on, environment, open_files),
        None => inetd::run(typed, handed_on, environment),
    };
    served.unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Usage
    })
}

fn decide(typed: &Typed, environment: &MetaVariables) -> Result<Config> {
    typed.decide(environment)
}

fn static_folders(typed: &Typed) -> Result<Vec<StaticFolder>> {
    let named = typed.work.static_folders.iter();
    named
        .map(|option| StaticFolder::new(&option.url, &option.folder))
        .collect()
}

fn inspection() -> Inspection {
    Inspection {
        hints_at_static_files: true,
        ..Inspection::default()
    }
}

fn limits_of(typed: &Typed) -> Limits {
    Limits {
        body: typed.work.max_body,
        ..Limits::default()
    }
}
