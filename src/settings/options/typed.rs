//! The options as flags: their definitions for clap, and the values that clap found.

use std::ffi::OsString;
use std::marker::PhantomData;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint};

use super::table::{CACHE_DIR, Kind, ON, Row, Scope, TABLE, WARM_UP};
use super::values::Values;
use crate::passed_on::{PassedOn, Words};

/// The flags that were typed, of those that a command has.
#[derive(Clone, Debug, Default)]
pub struct Typed<R>(pub Values, PhantomData<R>);

/// Those of every command that runs an application.
pub type Options = Typed<OfApplications>;
/// Those of a CGI request.
pub type CgiOptions = Typed<OfRequests>;
/// Those of `serve`.
pub type ServeOptions = Typed<OfServing>;
/// Those of `image make`.
pub type MakeOptions = Typed<OfMaking>;
/// The only one of commands that list or remove images.
pub type FolderOption = Typed<OfFolders>;

/// Which options a command has.
pub trait Rows {
    /// Whether this one is among them.
    fn has(row: &Row) -> bool;
}

/// For `Options`.
#[derive(Clone, Debug, Default)]
pub struct OfApplications;
/// For `CgiOptions`.
#[derive(Clone, Debug, Default)]
pub struct OfRequests;
/// For `ServeOptions`.
#[derive(Clone, Debug, Default)]
pub struct OfServing;
/// For `MakeOptions`.
#[derive(Clone, Debug, Default)]
pub struct OfMaking;
/// For `FolderOption`.
#[derive(Clone, Debug, Default)]
pub struct OfFolders;

impl Rows for OfApplications {
    fn has(row: &Row) -> bool {
        row.scope == Scope::Application
    }
}

impl Rows for OfRequests {
    fn has(_: &Row) -> bool {
        true
    }
}

impl Rows for OfServing {
    fn has(row: &Row) -> bool {
        row.scope != Scope::Cgi
    }
}

impl Rows for OfMaking {
    fn has(row: &Row) -> bool {
        *row == WARM_UP || *row == CACHE_DIR
    }
}

impl Rows for OfFolders {
    fn has(row: &Row) -> bool {
        *row == CACHE_DIR
    }
}

fn rows<R: Rows>() -> impl Iterator<Item = &'static Row> {
    TABLE.into_iter().filter(|row| R::has(row))
}

impl<R: Clone> Typed<R> {
    /// The same with another value for an option.
    #[must_use]
    pub fn with(&self, row: &'static Row, value: impl Into<OsString>) -> Self {
        let mut values = self.0.clone().without(row);
        values.push(row, value.into());
        values.into()
    }
}

impl<R> From<Values> for Typed<R> {
    fn from(values: Values) -> Self {
        Self(values, PhantomData)
    }
}

impl From<Options> for CgiOptions {
    fn from(typed: Options) -> Self {
        typed.0.into()
    }
}

impl From<ServeOptions> for CgiOptions {
    fn from(typed: ServeOptions) -> Self {
        typed.0.into()
    }
}

impl<R: Rows> Args for Typed<R> {
    fn augment_args(command: Command) -> Command {
        command.args(rows::<R>().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<R: Rows> FromArgMatches for Typed<R> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(found(rows::<R>(), matches).into())
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0 = found(rows::<R>(), matches);
        Ok(())
    }
}

impl<R> PassedOn for Typed<R> {
    fn put(&self, words: &mut Vec<OsString>) {
        self.0.put(words);
    }

    fn take(words: &mut Words) -> Option<Self> {
        Values::take(words).map(Self::from)
    }
}

fn flag(row: &'static Row) -> Arg {
    let help = match row.default {
        Some(default) => format!("{} [default: {default}]", row.help),
        None => row.help.to_owned(),
    };
    let mut flag = Arg::new(row.name).long(row.name).help(help);
    if row.scope == Scope::Images {
        flag = flag.help_heading("Images");
    }
    if row.kind == Kind::Switch {
        return flag.action(ArgAction::SetTrue);
    }
    let action = if row.is_list() {
        ArgAction::Append
    } else {
        ArgAction::Set
    };
    let hint = match row.value {
        "DIR" => ValueHint::DirPath,
        "FILE" => ValueHint::FilePath,
        _ => ValueHint::Other,
    };
    let parser = OsStringValueParser::new().try_map(|value| row.understood(&value));
    flag.action(action)
        .value_name(row.value)
        .value_hint(hint)
        .value_parser(parser)
}

fn found(rows: impl Iterator<Item = &'static Row>, matches: &ArgMatches) -> Values {
    let mut values = Values::default();
    for row in rows {
        if row.kind == Kind::Switch {
            if matches.get_flag(row.name) {
                values.push(row, ON.into());
            }
            continue;
        }
        for value in matches.get_many(row.name).into_iter().flatten() {
            values.push(row, OsString::clone(value));
        }
    }
    values
}
