//! The table of options: a row for each. Its name makes the flag (`--max-age`), the variable
//! (`WSGI_CGI_MAX_AGE`) and the key in the script's metadata (`max-age`); the help and the completions of
//! the shells come from here too.

#![allow(missing_docs, reason = "the help of a row says what it is")]

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// An option.
#[derive(Debug)]
pub struct Row {
    /// As it is typed, without its two hyphens.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// The name of the value in the help.
    pub value: &'static str,
    /// One line for the help.
    pub help: &'static str,
    /// Which commands have it.
    pub scope: Scope,
    /// The value where none is given.
    pub default: Option<&'static str>,
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On or off; as a flag on.
    Switch,
    /// Any text.
    Text,
    /// Any number of texts without spaces; a variable separates them by spaces.
    Words,
    /// A file or a folder, relative to the working directory, in the script to the script's folder.
    Path,
    /// Any number of them; a variable separates them by colons.
    Paths,
    /// A path that does not depend on the working directory: an image is looked for before that is known.
    AbsolutePath,
    /// Any number of them.
    AbsolutePaths,
    /// A whole number from this one on.
    Whole(u64),
    /// A time of more than 0 seconds.
    Seconds,
}

/// Which commands have an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All that run an application.
    Application,
    /// CGI requests.
    Cgi,
    /// CGI requests, and it is about images.
    Images,
}

const fn row(name: &'static str, kind: Kind, value: &'static str, help: &'static str) -> Row {
    Row {
        name,
        kind,
        value,
        help,
        scope: Scope::Application,
        default: None,
    }
}

impl Row {
    const fn of(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    const fn or(self, default: &'static str) -> Self {
        Self {
            default: Some(default),
            ..self
        }
    }
}

/// Every option, in the order of the help.
pub const TABLE: [&Row; 22] = [
    &PYTHON,
    &VENV,
    &PYTHON_PATH,
    &CHDIR,
    &SCRIPT_NAME,
    &TIMEOUT,
    &DEBUG,
    &LOG,
    &JSON_LOG,
    &ACCESS_LOG,
    &NPH,
    &RECORD,
    &RECORD_FILES,
    &RECORD_BYTES,
    &RECORD_SECRETS,
    &IMAGE,
    &CACHE_DIR,
    &MAX_AGE,
    &MAX_RESTORES,
    &WARM_UP,
    &WATCH,
    &GUARD,
];

pub const PYTHON: Row = row(
    "python",
    Kind::Path,
    "FILE",
    "Use this Python and its packages",
);
pub const VENV: Row = row(
    "venv",
    Kind::Path,
    "DIR",
    "Use the packages of this virtual environment",
);
pub const PYTHON_PATH: Row = row(
    "python-path",
    Kind::Paths,
    "DIR",
    "Look for modules here too, after the application's own folder (repeatable)",
);
pub const CHDIR: Row = row(
    "chdir",
    Kind::Path,
    "DIR",
    "Change to this folder before the application is loaded",
);
pub const SCRIPT_NAME: Row = row(
    "script-name",
    Kind::Text,
    "PATH",
    "Mount the application at this path (SCRIPT_NAME); auto: take it from the URL",
);
pub const TIMEOUT: Row = row(
    "timeout",
    Kind::Seconds,
    "SECONDS",
    "End a request that takes longer, and log where in the code it was",
);
pub const DEBUG: Row = row(
    "debug",
    Kind::Switch,
    "",
    "Show what failed in the error page, for developers only",
);
pub const LOG: Row = row(
    "log",
    Kind::Path,
    "FILE",
    "Write errors to the end of this file, not to the server's error log",
);
pub const JSON_LOG: Row = row(
    "json-log",
    Kind::Switch,
    "",
    "Write each entry of the error log as a JSON object, with `time` and `message`",
)
.of(Scope::Cgi);
pub const ACCESS_LOG: Row = row(
    "access-log",
    Kind::Path,
    "FILE",
    "Append a line for each request to this file: the request, the response and the time",
)
.of(Scope::Cgi);
pub const NPH: Row = row(
    "nph",
    Kind::Switch,
    "",
    "Write a whole HTTP response (non-parsed header script)",
)
.of(Scope::Cgi);
pub const RECORD: Row = row(
    "record",
    Kind::Path,
    "DIR",
    "Keep each request that ends in a 5xx in this folder, for `request --replay`",
)
.of(Scope::Cgi);
pub const RECORD_FILES: Row = row(
    "record-files",
    Kind::Whole(1),
    "N",
    "Keep only the newest N recorded requests",
)
.of(Scope::Cgi)
.or("20");
pub const RECORD_BYTES: Row = row(
    "record-bytes",
    Kind::Whole(0),
    "N",
    "Cut each recorded request at N bytes",
)
.of(Scope::Cgi)
.or("1048576");
pub const RECORD_SECRETS: Row = row(
    "record-secrets",
    Kind::Switch,
    "",
    "Keep passwords, cookies and other secrets of a request too",
)
.of(Scope::Cgi);
pub const IMAGE: Row = row(
    "image",
    Kind::Switch,
    "",
    "Answer from an image of the loaded application; make one if there is none",
)
.of(Scope::Images);
pub const CACHE_DIR: Row = row(
    "cache-dir",
    Kind::AbsolutePath,
    "DIR",
    "Keep images in this folder, which no other user may write to",
)
.of(Scope::Images);
/// A day: a new image has a new hash seed, and whatever else an image keeps fixed.
pub const MAX_AGE: Row = row(
    "max-age",
    Kind::Whole(0),
    "SECONDS",
    "Replace an image once it is this old",
)
.of(Scope::Images)
.or("86400");
pub const MAX_RESTORES: Row = row(
    "max-restores",
    Kind::Whole(1),
    "N",
    "Replace an image once it has answered N requests",
)
.of(Scope::Images);
pub const WARM_UP: Row = row(
    "warm-up",
    Kind::Words,
    "PATH",
    "Send a GET for this path through the application before an image is made (repeatable)",
)
.of(Scope::Images);
pub const WATCH: Row = row(
    "watch",
    Kind::AbsolutePaths,
    "FILE",
    "Also replace an image when this file changes (repeatable)",
)
.of(Scope::Images);
pub const GUARD: Row = row(
    "guard",
    Kind::Switch,
    "",
    "Keep a second process that answers 500 if the one restored from an image is killed",
)
.of(Scope::Images);

impl Row {
    /// The variable's name.
    #[must_use]
    pub fn variable(&self) -> String {
        format!(
            "{PREFIX}{}",
            self.name.to_ascii_uppercase().replace('-', "_")
        )
    }

    /// Whether it may be said more than once.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(self.kind, Kind::Words | Kind::Paths | Kind::AbsolutePaths)
    }

    /// Whether its value is a path, or several.
    #[must_use]
    pub fn is_path(&self) -> bool {
        matches!(
            self.kind,
            Kind::Path | Kind::Paths | Kind::AbsolutePath | Kind::AbsolutePaths
        )
    }

    /// A value as it is kept: a switch as `on` or `off`.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn understood(&self, value: &OsStr) -> Result<OsString, &'static str> {
        let text = value.to_str();
        match self.kind {
            Kind::Text | Kind::Words | Kind::Path | Kind::Paths => Ok(value.to_owned()),
            Kind::AbsolutePath | Kind::AbsolutePaths if Path::new(value).is_absolute() => {
                Ok(value.to_owned())
            }
            Kind::AbsolutePath | Kind::AbsolutePaths => Err("an absolute path is expected"),
            Kind::Switch => match text.and_then(is_on) {
                Some(true) => Ok(ON.into()),
                Some(false) => Ok(OFF.into()),
                None => Err("`on` or `off` is expected"),
            },
            Kind::Whole(least) => match text.and_then(|text| text.parse::<u64>().ok()) {
                Some(number) if number >= least => Ok(number.to_string().into()),
                _ if least == 0 => Err("a whole number is expected"),
                _ => Err("a whole number of 1 or more is expected"),
            },
            Kind::Seconds => match text.and_then(|text| text.parse::<f64>().ok()) {
                Some(seconds) if seconds > 0.0 && seconds <= 1e9 => Ok(value.to_owned()),
                _ => Err("a positive number of seconds, such as 30, is expected"),
            },
        }
    }
}

/// What every variable's name begins with.
pub(super) const PREFIX: &str = "WSGI_CGI_";

/// A switch that is on.
pub const ON: &str = "on";
const OFF: &str = "off";

fn is_on(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | ON => Some(true),
        "0" | "false" | "no" | OFF => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_understood_or_what_is_expected_is_said() {
        let understood = |row: &Row, value: &str| row.understood(value.as_ref());
        for (row, value, kept) in [
            (&DEBUG, "On", "on"),
            (&DEBUG, "0", "off"),
            (&RECORD_BYTES, "0", "0"),
            (&TIMEOUT, "0.5", "0.5"),
            (&WATCH, "/a", "/a"),
        ] {
            assert_eq!(understood(row, value), Ok(kept.into()), "{value}");
        }
        for (row, value) in [
            (&DEBUG, "maybe"),
            (&RECORD_FILES, "0"),
            (&RECORD_FILES, "many"),
            (&CACHE_DIR, "here"),
            (&TIMEOUT, "0"),
            (&TIMEOUT, "-1"),
            (&TIMEOUT, "NaN"),
            (&TIMEOUT, "inf"),
            (&TIMEOUT, "soon"),
            (&TIMEOUT, ""),
        ] {
            assert!(understood(row, value).is_err(), "{value}");
        }
    }

    #[test]
    fn no_two_rows_have_one_name_and_every_default_is_understood() {
        for (place, row) in TABLE.iter().enumerate() {
            assert!(
                TABLE[place + 1..]
                    .iter()
                    .all(|other| other.name != row.name)
            );
            assert!(
                row.default
                    .is_none_or(|default| row.understood(default.as_ref()).is_ok())
            );
        }
    }
}
