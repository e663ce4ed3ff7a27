//! The values of options that were given, in one place or in several. The program passes them to
//! the executor as words: one encoder, one decoder.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::table::{Kind, ON, Row, TABLE};
use crate::passed_on::{PassedOn, Words};

/// The given values; each as [`Row::understood`] returns it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(Vec<(&'static Row, OsString)>);

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Row {}

impl Values {
    /// Adds a value.
    pub(super) fn push(&mut self, row: &'static Row, value: OsString) {
        self.0.push((row, value));
    }

    /// Whether something was said for an option.
    #[must_use]
    pub fn has(&self, row: &Row) -> bool {
        self.all(row).next().is_some()
    }

    /// These, and the values of `others` for options that have none here.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        let others = others.0.into_iter();
        let missing: Vec<_> = others.filter(|(row, _)| !self.has(row)).collect();
        self.0.extend(missing);
        self
    }

    /// With this value for an option that has none.
    #[must_use]
    pub fn or_value(mut self, row: &'static Row, value: impl Into<OsString>) -> Self {
        if !self.has(row) {
            self.push(row, value.into());
        }
        self
    }

    /// Without the values of an option.
    #[must_use]
    pub fn without(mut self, row: &Row) -> Self {
        self.0.retain(|(known, _)| *known != row);
        self
    }

    /// With paths that stay right when the working directory changes.
    #[must_use]
    pub fn absolute(mut self) -> Self {
        for (row, value) in &mut self.0 {
            if row.is_path()
                && let Ok(path) = std::path::absolute(&*value)
            {
                *value = path.into();
            }
        }
        self
    }

    /// All values, in order.
    pub(crate) fn all<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a OsString> {
        let of_row = self.0.iter().filter(move |(known, _)| *known == row);
        of_row.map(|(_, value)| value)
    }

    /// A text.
    #[must_use]
    pub fn text(&self, row: &Row) -> Option<OsString> {
        self.all(row).next().cloned()
    }

    /// All texts, in order; what is not UTF-8 is replaced.
    #[must_use]
    pub fn words_of(&self, row: &Row) -> Vec<String> {
        let words = self.all(row);
        words
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    /// A path.
    #[must_use]
    pub fn path(&self, row: &Row) -> Option<PathBuf> {
        self.text(row).map(PathBuf::from)
    }

    /// All paths, in order.
    #[must_use]
    pub fn paths(&self, row: &Row) -> Vec<PathBuf> {
        self.all(row).map(PathBuf::from).collect()
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, row: &Row) -> bool {
        self.all(row).next().is_some_and(|value| value == ON)
    }

    /// A whole number, or the default.
    #[must_use]
    pub fn whole(&self, row: &Row) -> Option<u64> {
        self.number(row)
    }

    /// Seconds.
    #[must_use]
    pub fn seconds(&self, row: &Row) -> Option<f64> {
        self.number(row)
    }

    fn number<T: std::str::FromStr>(&self, row: &Row) -> Option<T> {
        let said = self.all(row).next().map(OsString::as_os_str);
        let value = said.or(row.default.map(OsStr::new))?;
        value.to_str()?.parse().ok()
    }

    /// As words, `name=value`.
    pub fn words(&self) -> impl Iterator<Item = OsString> {
        self.0.iter().map(|(row, value)| {
            let mut word = OsString::from(row.name);
            word.push("=");
            word.push(value);
            word
        })
    }

    /// As flags, which a command line understands.
    pub fn flags(&self) -> impl Iterator<Item = OsString> {
        self.0.iter().map(|(row, value)| {
            let mut flag = OsString::from("--");
            flag.push(row.name);
            if row.kind != Kind::Switch {
                flag.push("=");
                flag.push(value);
            }
            flag
        })
    }

    /// What those words say.
    ///
    /// # Errors
    /// For words of another version.
    pub fn from_words(words: &[OsString]) -> Result<Self> {
        let mut values = Self::default();
        for word in words {
            let bytes = word.as_bytes();
            let equals = memchr::memchr(b'=', bytes).unwrap_or(bytes.len());
            let (name, value) = bytes.split_at(equals);
            let row = TABLE.iter().find(|row| row.name.as_bytes() == name);
            match (row, value) {
                (Some(row), [b'=', value @ ..]) => {
                    values.push(row, OsStr::from_bytes(value).to_owned());
                }
                _ => bail!(
                    "the executor (`_wsgi_cgi.abi3.so`) does not know `{}`, which the program wsgi-cgi passed to it: \
                     install both from the same source",
                    word.display()
                ),
            }
        }
        Ok(values)
    }
}

impl PassedOn for Values {
    fn put(&self, words: &mut Vec<OsString>) {
        self.words().collect::<Vec<_>>().put(words);
    }

    fn take(words: &mut Words) -> Option<Self> {
        let values: Vec<OsString> = PassedOn::take(words)?;
        Self::from_words(&values).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{DEBUG, PYTHON_PATH, RECORD_FILES, SCRIPT_NAME, VENV, WARM_UP};
    use super::*;

    fn values(said: &[(&'static Row, &str)]) -> Values {
        let said = said
            .iter()
            .map(|(row, value)| (*row, OsString::from(value)));
        Values(said.collect())
    }

    #[test]
    fn the_first_source_wins_for_each_option() {
        let both = values(&[(&VENV, "/flag"), (&PYTHON_PATH, "/a")]).or(values(&[
            (&PYTHON_PATH, "/b"),
            (&PYTHON_PATH, "/c"),
            (&DEBUG, "on"),
        ]));
        assert_eq!(both.path(&VENV), Some("/flag".into()));
        assert_eq!(both.paths(&PYTHON_PATH), [PathBuf::from("/a")]);
        assert!(both.is_on(&DEBUG));
        assert!(!both.without(&DEBUG).is_on(&DEBUG));
    }

    #[test]
    fn a_default_applies_where_no_value_is_given() {
        assert_eq!(values(&[]).whole(&RECORD_FILES), Some(20));
        assert_eq!(
            values(&[(&RECORD_FILES, "3")]).whole(&RECORD_FILES),
            Some(3)
        );
    }

    #[test]
    fn values_survive_encoding() {
        let all = values(&[
            (&SCRIPT_NAME, ""),
            (&VENV, "/srv/a=b"),
            (&PYTHON_PATH, "/one"),
            (&PYTHON_PATH, "/two"),
            (&WARM_UP, "/?a=b"),
        ]);
        let words: Vec<OsString> = all.words().collect();
        assert_eq!(Values::from_words(&words).expect("understood"), all);
        for bad in ["more=1", "venv", ""] {
            let error = Values::from_words(&[bad.into()]).expect_err("refused");
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
