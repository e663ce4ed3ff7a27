//! The options that make the content. Their order among each other counts, as what `-d` and
//! `--data-urlencode` give is joined in the order in which it was typed.

use std::ffi::OsString;

use clap::builder::OsStringValueParser;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, FromArgMatches, Id};

/// The pieces, in the order of the command line.
#[derive(Debug, Default)]
pub struct Pieces(pub Vec<Piece>);

/// One of these options.
#[derive(Debug)]
pub struct Piece {
    /// Which.
    pub kind: Kind,
    /// Its value.
    pub text: OsString,
}

/// What is done with the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sent; of a file without its line ends.
    Data,
    /// Sent, whatever it begins with.
    Raw,
    /// Sent; a file as it is.
    Binary,
    /// Encoded as a form's value.
    UrlEncode,
    /// JSON.
    Json,
    /// A part of a form with files.
    Form,
    /// A part of it that is text, whatever it begins with.
    FormString,
}

impl Kind {
    /// Whether it is a part of a form with files.
    #[must_use]
    pub fn is_part(self) -> bool {
        matches!(self, Self::Form | Self::FormString)
    }
}

/// The option's name, its letter, how the help calls the value, and the help.
type Row = (Kind, &'static str, Option<char>, &'static str, &'static str);

const ROWS: [Row; 7] = [
    (
        Kind::Data,
        "data",
        Some('d'),
        "DATA",
        "Send this, as a form does; of a file with @FILE, without its line ends, of standard input with @-",
    ),
    (
        Kind::Raw,
        "data-raw",
        None,
        "DATA",
        "The same, and an @ is no more than an @",
    ),
    (
        Kind::Binary,
        "data-binary",
        None,
        "DATA",
        "The same, and @FILE is sent as it is, line ends included",
    ),
    (
        Kind::UrlEncode,
        "data-urlencode",
        None,
        "DATA",
        "The same, encoded: TEXT, =TEXT, NAME=TEXT, @FILE or NAME@FILE",
    ),
    (
        Kind::Json,
        "json",
        None,
        "DATA",
        "Send this as JSON; also @FILE and @-",
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
        "The same, and an @ is no more than an @",
    ),
];

/// The group of all of them, for what cannot be typed beside one.
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
