//! Help, manual pages and shell completions, all from the one definition of the command line.

use std::io::Write;

use anyhow::{Context, Result, anyhow};
use clap::CommandFactory;
use clap_complete::Shell;

use process::report::{self, Exit};
use settings::cli::{Completions, Help, Program};

/// Shows the help of the program or of one command.
pub(super) fn help(typed: &Help) -> Exit {
    end(show(typed))
}

/// Prints the completions for one shell.
pub(super) fn completions(typed: &Completions) -> Exit {
    let shell: Result<Shell, _> = typed.shell.parse();
    end(shell.map_err(anyhow::Error::msg).and_then(|shell| {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Program::command(), "wsgi-cgi", &mut text);
        print(&text)
    }))
}

fn show(typed: &Help) -> Result<()> {
    let mut program = Program::command();
    program.build();
    let command = match &typed.command {
        None => &mut program,
        Some(name) => program
            .find_subcommand_mut(name)
            .with_context(|| format!("no command `{name}`: `wsgi-cgi help` lists all"))?,
    };
    if !typed.man {
        return Ok(command.print_help()?);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    print(&page)
}

fn print(text: &[u8]) -> Result<()> {
    std::io::stdout()
        .write_all(text)
        .map_err(|error| anyhow!(error).context("cannot write to standard output"))
}

fn end(result: Result<()>) -> Exit {
    match result {
        Ok(()) => Exit::Success,
        Err(error) => {
            report::log_error(&error);
            Exit::Usage
        }
    }
}
