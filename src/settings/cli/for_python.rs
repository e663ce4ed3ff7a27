//! The commands that need Python: the program passes them to the executor, as words.

use std::ffi::{OsStr, OsString};

use anyhow::{Context, Result};

use super::{CgiOptions, Check, Loading, Precompile, Request, Serve};
use crate::config::{App, Config};
use crate::passed_on::{PassedOn, Words};
use exchange::MetaVariables;

/// A command for the executor.
#[derive(Debug)]
pub enum ForPython {
    /// `request`; with `--location` also what follows the program's name on the command line: the request after a
    /// redirect is made by the same command.
    Request(Box<Request>, Vec<OsString>),
    /// `check`
    Check(Box<Check>),
    /// `serve`, for the process that forks workers, or for a single connection
    Serve(Box<Serve>),
    /// `image make`, for the process that loads the application
    Load(Box<Loading>),
    /// `precompile`
    Precompile(Box<Precompile>),
}

impl ForPython {
    /// The settings of the application that the command is about.
    ///
    /// # Errors
    /// As [`Config::decide`], and where there is no such application.
    pub fn decide(&self, environment: &MetaVariables) -> Result<Config> {
        let of = |app: &OsStr, options: CgiOptions| {
            Config::decide(options, environment, App::parse(app)?)
        };
        match self {
            Self::Request(typed, _) => of(&typed.app, typed.options.clone().into()),
            Self::Check(typed) => of(
                typed.app.as_deref().unwrap_or_default(),
                typed.options.clone().into(),
            ),
            Self::Serve(typed) => typed.decide(environment),
            Self::Load(loading) => {
                let script = App::file(loading.script.clone());
                Config::decide(loading.flags.clone(), environment, script)
            }
            Self::Precompile(typed) => of(&typed.app, typed.options.clone()),
        }
    }

    /// As words for the executor.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let mut words = vec![self.name().into()];
        match self {
            Self::Request(typed, command_line) => {
                typed.put(&mut words);
                command_line.put(&mut words);
            }
            Self::Check(typed) => typed.put(&mut words),
            Self::Serve(typed) => typed.put(&mut words),
            Self::Load(loading) => loading.put(&mut words),
            Self::Precompile(typed) => typed.put(&mut words),
        }
        words
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Request(..) => "request",
            Self::Check(_) => "check",
            Self::Serve(_) => "serve",
            Self::Load(_) => "load",
            Self::Precompile(_) => "precompile",
        }
    }

    /// What those words say.
    ///
    /// # Errors
    /// For words of another version.
    pub fn from_words(words: Vec<OsString>) -> Result<Self> {
        let mut words = words.into_iter();
        let name = words.next().unwrap_or_default();
        let words = &mut words;
        let command = match name.to_str() {
            Some("request") => request(words),
            Some("check") => PassedOn::take(words).map(Self::Check),
            Some("serve") => PassedOn::take(words).map(Self::Serve),
            Some("load") => PassedOn::take(words).map(Self::Load),
            Some("precompile") => PassedOn::take(words).map(Self::Precompile),
            _ => None,
        };
        command.filter(|_| words.next().is_none()).with_context(|| {
            format!(
                "the executor (`_wsgi_cgi.abi3.so`) does not understand the command `{}` that the program wsgi-cgi \
                 passed to it: install both from the same source",
                name.display()
            )
        })
    }
}

fn request(words: &mut Words) -> Option<ForPython> {
    let typed = PassedOn::take(words)?;
    Some(ForPython::Request(typed, PassedOn::take(words)?))
}

#[cfg(test)]
mod tests;
