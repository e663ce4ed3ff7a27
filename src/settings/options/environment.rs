//! The options as variables, which a server's configuration sets. Apache puts REDIRECT_ before their
//! names where it has led a request elsewhere.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use anyhow::{Result, anyhow, bail};
use exchange::MetaVariables;

use super::table::{IMAGE, JSON_LOG, Kind, LOG, PREFIX, RECORD, Row, TABLE};
use super::values::Values;
use crate::did_you_mean;

/// Variables that are not options: the application, and the names that scripts may have behind an
/// `Action` (`script_names`).
const OTHERS: [&str; 2] = ["WSGI_CGI_APP", "WSGI_CGI_SCRIPTS"];

/// Set in a request that `doctor` makes: no image, no record, and no `--log`, whatever else is set.
pub const DOCTOR: &str = "WSGI_CGI_DOCTOR";

impl Values {
    /// The values that apply to this request.
    #[must_use]
    pub(crate) fn for_this_request(self, environment: &MetaVariables) -> Self {
        if environment.get(DOCTOR).is_none() {
            return self;
        }
        [&IMAGE, &LOG, &JSON_LOG, &RECORD]
            .into_iter()
            .fold(self, Self::without)
    }

    /// Those of the environment.
    ///
    /// # Errors
    /// For an unknown name, and for an invalid value.
    pub fn of_environment(environment: &MetaVariables) -> Result<Self> {
        refuse_unknown(environment)?;
        let mut values = Self::default();
        for row in TABLE {
            values.push_variable(row, environment)?;
        }
        Ok(values)
    }

    /// Those of the environment for some options; invalid ones are left out.
    #[must_use]
    pub fn of_variables(rows: &[&'static Row], environment: &MetaVariables) -> Self {
        let mut values = Self::default();
        for row in rows {
            _ = values.push_variable(row, environment);
        }
        values
    }

    /// Adds what the environment says for one option.
    fn push_variable(&mut self, row: &'static Row, environment: &MetaVariables) -> Result<()> {
        let variable = row.variable();
        let Some(said) = environment.get_redirected(&variable) else {
            return Ok(());
        };
        let said = OsStr::from_bytes(said);
        let parts = if row.kind == Kind::Words {
            let words = said.as_bytes().split(u8::is_ascii_whitespace);
            let words = words.filter(|word| !word.is_empty());
            words
                .map(|word| OsStr::from_bytes(word).to_owned())
                .collect()
        } else if row.is_list() {
            let parts = std::env::split_paths(said);
            parts.map(std::path::PathBuf::into_os_string).collect()
        } else {
            vec![said.to_owned()]
        };
        for part in parts {
            let value = row.understood(&part);
            let value =
                value.map_err(|expected| anyhow!("{variable}=`{}`: {expected}", said.display()))?;
            self.push(row, value);
        }
        Ok(())
    }
}

fn refuse_unknown(environment: &MetaVariables) -> Result<()> {
    let known = || {
        let rows = TABLE.iter().map(|row| row.variable());
        OTHERS.map(str::to_owned).into_iter().chain(rows)
    };
    for (name, _) in environment.iter() {
        let is_one = name.starts_with(PREFIX.as_bytes()) && name != DOCTOR.as_bytes();
        if is_one && !known().any(|known| known.as_bytes() == name) {
            let known: Vec<String> = known().collect();
            let name = name.escape_ascii().to_string();
            bail!(
                "unknown variable `{name}`: {}",
                did_you_mean::suggestion(&name, &known, PREFIX)
            );
        }
    }
    Ok(())
}
