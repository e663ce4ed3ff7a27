//! What was typed: the command line as clap sees it. No I/O and no decisions.
//!
//! [`Cgi`] is what a server or a `#!` line may pass: in a CGI request there are no subcommands, and
//! only a script may follow the options. [`Program`] is what a person may type.

#![allow(
    missing_docs,
    reason = "a doc comment on a flattened field would become part of the help"
)]

mod check;
mod doctor;
mod env_file;
mod for_python;
mod image;
mod install;
mod loading;
mod network;
mod precompile;
mod request;
mod scgi;
mod serve;

use std::ffi::OsString;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

pub use crate::options::{CgiOptions, Options, ServeOptions};
pub use check::{Check, CheckAsked, CheckTold};
pub use doctor::Doctor;
pub use env_file::EnvOptions;
pub use for_python::ForPython;
pub use image::{Image, ImageCommand, Make, Order};
pub use install::{Install, InstallManner, InstallPlace, Server};
pub use loading::{Loading, Placement};
pub use network::Network;
pub use precompile::Precompile;
pub use request::CloserLook;
pub use request::{As, Asked, Kind, Piece, Request};
pub use scgi::ScgiPlace;
pub use serve::{LogFormat, Serve};

/// What a server or a `#!` line may pass.
#[derive(Debug, Parser)]
#[command(name = "wsgi-cgi")]
pub struct Cgi {
    #[command(flatten)]
    pub options: CgiOptions,

    /// The application: FILE[:CALLABLE], MODULE[:CALLABLE] or config:FILE.ini[#NAME]
    #[arg(value_name = "APP", value_hint = ValueHint::FilePath)]
    pub app: Option<OsString>,
}

const ABOUT: &str = "\
Answer a CGI request with a Python WSGI application

A web server starts this program for one request, usually through the first line
of a script, which may carry options too:

    #!/usr/local/bin/wsgi-cgi
    def application(environ, start_response): ...

By hand, `wsgi-cgi request APP` makes a request and shows the answer,
`wsgi-cgi serve APP` shows the application to a browser, and
`wsgi-cgi install SERVER APP` writes the script for a web server.";

/// What a person may type.
#[derive(Debug, Parser)]
#[command(
    name = "wsgi-cgi",
    about = ABOUT,
    long_about = None,
    version,
    max_term_width = 80,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Program {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub cgi: Cgi,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "a doc comment here would replace the help in the structures"
)]
pub enum Command {
    Request(Box<Request>),
    Check(Box<Check>),
    Serve(Box<Serve>),
    Image(Box<Image>),
    Precompile(Box<Precompile>),
    Doctor(Doctor),
    Install(Box<Install>),
    Help(Help),
    Completions(Completions),
}

/// The names of the commands, in the order of the help.
pub const COMMANDS: [&str; 9] = [
    "request",
    "check",
    "serve",
    "image",
    "precompile",
    "doctor",
    "install",
    "help",
    "completions",
];

/// Show the help of the program or of a command
#[derive(Debug, Args)]
pub struct Help {
    /// As a manual page: `wsgi-cgi help --man | man -l -`
    #[arg(long)]
    pub man: bool,

    /// The command, such as request
    #[arg(
        value_name = "COMMAND",
        value_parser = PossibleValuesParser::new(COMMANDS),
        hide_possible_values = true
    )]
    pub command: Option<String>,
}

/// Print completions for a shell: `source <(wsgi-cgi completions bash)`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell: bash, zsh or fish
    #[arg(value_enum, hide_possible_values = true)]
    pub shell: Shell,

    /// The words of a command line; the printed script asks how to complete the last one.
    #[arg(last = true, hide = true)]
    pub words: Vec<OsString>,
}

/// The shells that complete a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash, from 4.4 on
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_hold_together() {
        Cgi::command().debug_assert();
        Program::command().debug_assert();
        let program = Program::command();
        let names = program.get_subcommands().map(clap::Command::get_name);
        assert_eq!(names.collect::<Vec<_>>(), COMMANDS);
    }

    #[test]
    fn a_server_can_name_no_subcommand() {
        let cgi = Cgi::try_parse_from(["wsgi-cgi", "request"]).expect("a script of that name");
        assert_eq!(cgi.app, Some("request".into()));
        assert!(Cgi::try_parse_from(["wsgi-cgi", "request", "app.py"]).is_err());
    }

    #[test]
    fn every_help_fits_into_80_columns() {
        let mut program = Program::command().term_width(80);
        program.build();
        let names: Vec<String> = program
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        let mut texts = vec![
            program.render_help().to_string(),
            program.render_long_help().to_string(),
        ];
        for name in names {
            let command = program.find_subcommand_mut(&name).expect("named above");
            texts.push(command.render_help().to_string());
            texts.push(command.render_long_help().to_string());
        }
        for line in texts.iter().flat_map(|text| text.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
