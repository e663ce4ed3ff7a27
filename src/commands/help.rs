//! The help of the program and of each command, on the terminal and as manual pages, both made from the clap
//! definition of the command line.

use std::io::Write;

use anyhow::{Context, Result, anyhow};
use clap::CommandFactory;

use super::manual;
use process::report::{self, Exit};
use settings::cli::{Help, Program};

/// Shows the help of the program or of one command.
pub(super) fn run(typed: &Help) -> Exit {
    end(show(typed))
}

fn show(typed: &Help) -> Result<()> {
    let mut program = Program::command();
    program.build();
    let command = match &typed.command {
        None => &mut program,
        Some(name) => program.find_subcommand_mut(name).with_context(|| {
            format!("`{name}` is not a command: `wsgi-cgi help` lists the commands")
        })?,
    };
    if typed.man {
        print(manual::page(command).as_bytes())
    } else {
        Ok(command.print_help()?)
    }
}

/// Writes the text to standard output.
pub(super) fn print(text: &[u8]) -> Result<()> {
    std::io::stdout()
        .write_all(text)
        .map_err(|error| anyhow!(error).context("cannot write to standard output"))
}

/// Logs an error, if there is one, and returns the exit status.
pub(super) fn end(result: Result<()>) -> Exit {
    match result {
        Ok(()) => Exit::Success,
        Err(error) => {
            report::log_error(&error);
            Exit::Usage
        }
    }
}
