//! The options for the content. Their order matters: the values of `-d`, `--data-urlencode` and the others
//! are joined in the order in which they were typed.

use std::ffi::OsString;

use clap::builder::OsStringValueParser;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, FromArgMatches, Id};

use crate::passed_on::{PassedOn, Words, passed_on};

/// The pieces, in the order of the command line.
#[derive(Debug, Default)]
pub struct Pieces(pub Vec<Piece>);

/// One of these options.
#[derive(Debug)]
pub struct Piece {
    /// Which option.
    pub kind: Kind,
    /// Its value.
    pub text: OsString,
}

/// How the value is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sent unchanged; a file without its line ends.
    Data,
    /// Sent unchanged, even if it begins with `@`.
    Raw,
    /// Sent unchanged; a file with its line ends.
    Binary,
    /// Encoded as the value of a form.
    UrlEncode,
    /// JSON.
    Json,
    /// A part of a form with files.
    Form,
    /// A part of such a form that is text, even if it begins with `@` or `<`.
    FormString,
}

impl Kind {
    /// Whether it is a part of a form with files.
    #[must_use]
    pub fn is_part(self) -> bool {
        matches!(self, Self::Form | Self::FormString)
    }
}

/// The option's name, its letter, the name of its value, and its help.
type Row = (Kind, &'static str, Option<char>, &'static str, &'static str);

const ROWS: [Row; 7] = [
    (
        Kind::Data,
        "data",
        Some('d'),
        "DATA",
        "Send this as form data; @FILE sends a file without its line endings, @- standard input",
    ),
    (
        Kind::Raw,
        "data-raw",
        None,
        "DATA",
        "Like --data, but @ has no special meaning",
    ),
    (
        Kind::Binary,
        "data-binary",
        None,
        "DATA",
        "Like --data, but @FILE is sent with its line endings",
    ),
    (
        Kind::UrlEncode,
        "data-urlencode",
        None,
        "DATA",
        "Like --data, but encoded: TEXT, =TEXT, NAME=TEXT, @FILE or NAME@FILE",
    ),
    (
        Kind::Json,
        "json",
        None,
        "DATA",
        "Send this as JSON; @FILE sends a file, @- standard input",
    ),
    (
        Kind::Form,
        "form",
        Some('F'),
        "NAME=VALUE",
        "Send a form with files: NAME=TEXT, NAME=@FILE[;type=TYPE][;filename=NAME]",
    ),
    (
        Kind::FormString,
        "form-string",
        None,
        "NAME=TEXT",
        "Like --form, but @ has no special meaning",
    ),
];

/// The group of these options, for options that conflict with them.
pub(super) const CONTENT: &str = "content";

impl Args for Pieces {
    fn augment_args(command: Command) -> Command {
        let of_kind = |parts: bool| {
            let rows = ROWS.iter().filter(move |row| row.0.is_part() == parts);
            rows.map(|row| row.1)
        };
        let command = command.args(ROWS.iter().map(|&(kind, name, letter, value, help)| {
            let arg = Arg::new(name)
                .long(name)
                .help(help)
                .value_name(value)
                .value_parser(OsStringValueParser::new())
                .action(ArgAction::Append)
                .allow_hyphen_values(true)
                .conflicts_with_all(of_kind(!kind.is_part()));
            let arg = match letter {
                Some(letter) => arg.short(letter),
                None => arg,
            };
            if kind == Kind::Data {
                arg.alias("data-ascii")
            } else {
                arg
            }
        }));
        let names = ROWS.map(|row| row.1);
        command.group(ArgGroup::new(CONTENT).args(names).multiple(true))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }

    fn group_id() -> Option<Id> {
        Some(CONTENT.into())
    }
}

impl FromArgMatches for Pieces {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut placed = Vec::new();
        for (kind, name, ..) in ROWS {
            let indices = matches.indices_of(name).into_iter().flatten();
            let texts = matches.get_many::<OsString>(name).into_iter().flatten();
            placed.extend(indices.zip(texts.cloned().map(|text| Piece { kind, text })));
        }
        placed.sort_by_key(|(place, _)| *place);
        Ok(Self(placed.into_iter().map(|(_, piece)| piece).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl PassedOn for Pieces {
    fn put(&self, words: &mut Vec<OsString>) {
        self.0.put(words);
    }

    fn take(words: &mut Words) -> Option<Self> {
        PassedOn::take(words).map(Self)
    }
}

passed_on!(struct Piece { kind, text });

passed_on!(
    enum Kind {
        Data,
        Raw,
        Binary,
        UrlEncode,
        Json,
        Form,
        FormString,
    }
);
