//! Started by a person: runs one of the commands, or says what the program is for. Commands that need
//! Python are the executor's: this process becomes a Python with it.

mod check;
mod completions;
mod help;
mod install;
mod list;
mod make;
mod manual;
mod progress;
mod status;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::Parser;

use crate::becoming::Becoming;
use crate::doctor;
use crate::lives::{listener, observer};
use crate::restoring::started::{Started, exec};
use exchange::MetaVariables;
use image::cache_folder;
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use process::{environment, runtime_setup, times};
use settings::cli::{COMMANDS, Command, ForPython, ImageCommand, Program};
use settings::decided::first_line_options;
use settings::did_you_mean;
use settings::options::{CACHE_DIR, Early, Values};
use status::Wanted;

/// Does what was typed.
pub(crate) fn run(started: &Started) -> Exit {
    runtime_setup::prepare();
    let name = [OsString::from("wsgi-cgi")];
    let command_line = name.iter().chain(started.arguments.iter().skip(1));
    let program = match Program::try_parse_from(command_line) {
        Ok(program) => program,
        Err(answer) => {
            if let Some(error) = no_command(&started.arguments) {
                report::log_error(&error);
                return Exit::Usage;
            }
            _ = answer.print();
            return if answer.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
        }
    };
    let with_variables = match variables_of(program.command.as_ref()) {
        Ok(variables) => started.with_variables(variables),
        Err(error) => {
            report::log_error(&error);
            return Exit::Usage;
        }
    };
    let started = &with_variables;
    let done = match program.command {
        Some(Command::Request(typed)) => {
            let mut command_line = Vec::new();
            if typed.shown.location {
                command_line = started.evidence().arguments;
            }
            become_python(started, &ForPython::Request(typed, command_line))
        }
        Some(Command::Check(typed)) => check::run(started, typed),
        Some(Command::Precompile(typed)) => become_python(started, &ForPython::Precompile(typed)),
        Some(Command::Serve(typed)) if typed.work.nursery.is_some() || typed.place.inetd => {
            become_python(started, &ForPython::Serve(typed))
        }
        Some(Command::Serve(typed)) => listener::listen(&typed, started),
        Some(Command::Image(typed)) => return images(&typed.command, started),
        Some(Command::Doctor(typed)) => doctor::run(&typed, started),
        Some(Command::Install(typed)) => return install::run(&typed),
        Some(Command::Help(typed)) => return help::run(&typed),
        Some(Command::Completions(typed)) => return completions::run(&typed),
        None => Err(no_command(&started.arguments)
            .unwrap_or_else(|| nothing_to_do(program.cgi.app.as_deref()))),
    };
    done.unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Usage
    })
}

/// The variables in the files of --env-file.
fn variables_of(command: Option<&Command>) -> Result<Vec<(String, String)>> {
    match command {
        Some(Command::Request(typed)) => typed.env.variables(),
        Some(Command::Serve(typed)) => typed.env.variables(),
        _ => Ok(Vec::new()),
    }
}

/// An error if the first word is neither a command nor a file, but resembles a command.
fn no_command(arguments: &[OsString]) -> Option<anyhow::Error> {
    let word = arguments.get(1)?;
    if COMMANDS.iter().any(|name| word == name) || Path::new(word).exists() {
        return None;
    }
    let word = word.to_str().filter(|word| !word.starts_with('-'))?;
    let meant = did_you_mean::meant(word, COMMANDS)?;
    Some(anyhow!(
        "`{word}` is not a command: did you mean `{meant}`? `wsgi-cgi help` lists the commands"
    ))
}

fn nothing_to_do(app: Option<&OsStr>) -> anyhow::Error {
    let app = app.map_or("APP".into(), |app| app.display().to_string());
    anyhow!(
        "there is no request: a web server starts this program and describes the request in the environment \
         (GATEWAY_INTERFACE, REQUEST_METHOD). To see what `{app}` answers, run `wsgi-cgi request {app}`; \
         for more, `wsgi-cgi --help`"
    )
}

/// The executor runs the command; returns where there is none.
fn become_python(started: &Started, command: &ForPython) -> Result<Exit> {
    let mut environment = started.meta.clone();
    // Marks a request that follows a redirect; it is not for the application.
    environment.remove("WSGI_CGI_HOP");
    let config = command.decide(&environment)?;
    let handed_on = handed_on(started, command);
    let python = Becoming::of(&config, &environment, &handed_on.program)?;
    let (file, words) = python.c_words(&handed_on);
    let error = exec(&file, &words, &started.environment);
    let shown = python.python().display().to_string();
    Err(anyhow!(error).context(format!(
        "cannot start `{shown}`: name another Python with --python or --venv"
    )))
}

/// What the executor needs to know about this process, and the command.
pub(crate) fn handed_on(started: &Started, command: &ForPython) -> HandedOn {
    let evidence = started.evidence();
    HandedOn {
        began: times::now(),
        has_language: started.meta.get(environment::LANGUAGE).is_some(),
        program: evidence.program,
        executed: evidence.executed,
        arguments: command.words(),
        ..HandedOn::default()
    }
}

/// Makes, lists or removes images of loaded applications.
fn images(command: &ImageCommand, started: &Started) -> Exit {
    let environment = &started.meta;
    let done = match command {
        ImageCommand::Make(typed) if typed.order.here => observer::observe(typed, started),
        ImageCommand::Make(typed) => make::make(typed, environment),
        ImageCommand::Status {
            path,
            explain,
            json,
            folder,
        } => folder_of(&folder.0, path.as_deref(), environment).and_then(|folder| {
            let wanted = Wanted {
                path: path.as_deref(),
                explain: *explain,
                json: *json,
            };
            status::status(&folder, wanted)
        }),
        ImageCommand::Drop { script, folder } => {
            folder_of(&folder.0, script.as_deref(), environment)
                .and_then(|folder| list::remove(&folder, script.as_deref()))
        }
    };
    done.unwrap_or_else(|error| {
        report::log_error(&error);
        Exit::Failure
    })
}

/// The folder that was named, else the one in which a request for the script would look.
fn folder_of(
    typed: &Values,
    script: Option<&Path>,
    environment: &MetaVariables,
) -> Result<PathBuf> {
    let flags = script.map(first_line_options).and_then(Result::ok);
    let early = Early::of(&flags.unwrap_or_default(), environment, script);
    let named = typed.path(&CACHE_DIR).or(early.cache_dir);
    let found = cache_folder::find(named, |name| std::env::var_os(name), &[]);
    Ok(found.map_err(|why| anyhow!(why))?.folder)
}
