//! Where the options of a script were set, as a person who has to change one needs to know: in its first line, by
//! a variable of the server, or in its own block.

use std::ffi::{OsStr, OsString};

use crate::options::{Kind, Row, Values, block_line};

/// What was set in each place. The first one that has an option counts.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    pub(crate) first_line: Values,
    pub(crate) variables: Values,
    pub(crate) block: Values,
}

impl Origins {
    /// All values together.
    pub(crate) fn all(&self) -> Values {
        let others = self.variables.clone().or(self.block.clone());
        self.first_line.clone().or(others)
    }

    /// The place where an option was set, and how these values are written there. `None` where it was not set.
    #[must_use]
    pub fn set_to<T: AsRef<OsStr>>(&self, row: &Row, values: &[T]) -> Option<String> {
        self.beside(row, row, values)
    }

    /// The same for another option that is to be set where this one was.
    #[must_use]
    pub fn beside<T: AsRef<OsStr>>(&self, this: &Row, row: &Row, values: &[T]) -> Option<String> {
        let values = values.iter().map(AsRef::as_ref);
        let texts: Vec<String> = values
            .clone()
            .map(|value| value.display().to_string())
            .collect();
        if self.first_line.has(this) {
            let flag = |text: &String| match row.kind {
                Kind::Switch => format!("--{}", row.name),
                _ => format!("--{}={text}", row.name),
            };
            let flags: Vec<String> = texts.iter().map(flag).collect();
            return Some(format!("in the first line: {}", flags.join(" ")));
        }
        if self.variables.has(this) {
            let between = if row.kind == Kind::Words { " " } else { ":" };
            let (name, text) = (row.variable(), texts.join(between));
            return Some(format!("in the server's configuration: {name}={text}"));
        }
        let line = block_line(row, values).ok()??;
        self.block
            .has(this)
            .then(|| format!("in the script: {line}"))
    }

    /// The place where an option was set, and what is written there.
    #[must_use]
    pub fn set(&self, row: &Row) -> Option<String> {
        let all = self.all();
        let values: Vec<&OsString> = all.all(row).collect();
        self.set_to(row, &values)
    }
}
