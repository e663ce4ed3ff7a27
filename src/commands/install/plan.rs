//! A plan: all changes to files, decided before the first is made. `installation` and `removal` each make one.
//! The script's folder and name are decided here.

use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::{Result, bail};

use settings::cli::{Install, Server};
use settings::options::NPH;

use super::application::Application;
use super::change::Change;
use super::paths::clean_file;
use super::{name, target};

/// The changes, and the notes that are printed after them.
pub(super) struct Plan {
    pub(super) changes: Vec<Change>,
    pub(super) notes: String,
}

/// Where the script is, or will be.
pub(super) struct Script {
    pub(super) folder: PathBuf,
    pub(super) name: String,
    pub(super) path: PathBuf,
}

impl Script {
    /// From what was typed, and the application's name where that decides.
    pub(super) fn of(typed: &Install, application: Option<&Application>) -> Result<Self> {
        let folder = target::folder(typed)?;
        target::check(typed, &folder)?;
        let made = match application {
            // Servers take the index for the folder itself.
            _ if typed.place.root => Some("index".to_owned()),
            Some(application) => Some(name::made_of(&application.name)),
            None => None,
        };
        let given = typed
            .place
            .name
            .as_deref()
            .or(made.as_deref().map(OsStr::new));
        let Some(given) = given else {
            bail!("no script was named: add --name NAME, or name the script's application");
        };
        let may_be_nph = typed.manner.remove || typed.options.0.is_on(&NPH);
        let name = name::named(given, target::ending(typed.server), may_be_nph)?;
        let path = folder.join(&name);
        Ok(Self { folder, name, path })
    }

    /// The server's configuration file, if `install` writes to it.
    pub(super) fn configuration(&self, typed: &Install) -> Result<Option<PathBuf>> {
        match &typed.place.config {
            _ if typed.server == Server::Host => Ok(Some(self.folder.join(".htaccess"))),
            Some(file) => clean_file(file).map(Some),
            None => Ok(None),
        }
    }
}
