//! What has to be known before anything else: whether requests are answered from images, and in
//! which folder those are. A restored request does not use clap, so the flags are looked up in the
//! table alone. Invalid options are ignored here: the error is reported when the request is
//! answered.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use exchange::MetaVariables;

use super::script::of_script;
use super::table::{CACHE_DIR, GUARD, IMAGE, Kind, ON, TABLE};
use super::values::Values;

/// The options about images.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Early {
    /// Whether requests are answered from them.
    pub image: bool,
    /// The folder that was named for them.
    pub cache_dir: Option<PathBuf>,
    /// Whether a second process waits beside a restored one.
    pub guard: bool,
}

impl Early {
    /// What the flags, the environment and the script say, in this order.
    #[must_use]
    pub fn of(flags: &[OsString], environment: &MetaVariables, script: Option<&Path>) -> Self {
        let variables = Values::of_variables(&[&IMAGE, &CACHE_DIR, &GUARD], environment);
        let said = typed(flags).or(variables);
        let script = script.and_then(|script| of_script(script).ok());
        let said = said.or(script.unwrap_or_default());
        let said = said.for_this_request(environment);
        Self {
            image: said.is_on(&IMAGE),
            cache_dir: said.path(&CACHE_DIR),
            guard: said.is_on(&GUARD),
        }
    }
}

/// The flags up to the first word that is not a flag.
fn typed(words: &[OsString]) -> Values {
    let mut values = Values::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(flag) = word.as_bytes().strip_prefix(b"--") else {
            break;
        };
        let equals = memchr::memchr(b'=', flag);
        let (name, value) = flag.split_at(equals.unwrap_or(flag.len()));
        let Some(row) = TABLE.into_iter().find(|row| row.name.as_bytes() == name) else {
            break;
        };
        let value = match (row.kind, value) {
            (Kind::Switch, _) => Some(OsStr::new(ON)),
            (_, [_, value @ ..]) => Some(OsStr::from_bytes(value)),
            (_, []) => words.next().map(OsString::as_os_str),
        };
        if let Some(Ok(value)) = value.map(|value| row.understood(value)) {
            values.push(row, value);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn early(flags: &[&str], variables: &[(&str, &str)]) -> Early {
        let flags: Vec<OsString> = flags.iter().map(OsString::from).collect();
        let pairs = variables.iter();
        let pairs =
            pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        Early::of(&flags, &MetaVariables::from_pairs(pairs), None)
    }

    #[test]
    fn a_flag_wins_over_a_variable() {
        let off = [("WSGI_CGI_IMAGE", "0"), ("WSGI_CGI_CACHE_DIR", "/variable")];
        let found = early(&["--debug", "--image", "--cache-dir=/flag"], &off);
        assert!(found.image);
        assert_eq!(found.cache_dir, Some("/flag".into()));
        let found = early(&["--cache-dir", "/flag"], &off);
        assert!(!found.image);
        assert_eq!(found.cache_dir, Some("/flag".into()));
        assert_eq!(early(&[], &off).cache_dir, Some("/variable".into()));
    }

    #[test]
    fn the_value_of_an_option_is_not_an_option() {
        assert!(!early(&["--warm-up", "--image"], &[]).image);
        assert!(early(&["--warm-up", "/", "--image"], &[]).image);
        assert!(!early(&["app.py", "--image"], &[]).image);
    }

    #[test]
    fn invalid_flags_are_ignored() {
        assert_eq!(early(&["--cache-dir", "here"], &[]), Early::default());
        assert_eq!(early(&[], &[("WSGI_CGI_IMAGE", "maybe")]), Early::default());
    }
}
