//! Modules that cannot be imported because of a file or a folder of the application's own: one that hides a
//! package, one that no import finds, one that lies elsewhere than it is looked for.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::import_error::with_ending;
use settings::config::{App, Source};

/// Where the application's own modules are.
pub(super) struct Own {
    /// The application's file, if it is in one.
    file: Option<PathBuf>,
    /// Its folder, that of a file which it is a link to, and those that were named.
    folders: Vec<PathBuf>,
}

impl Own {
    pub(super) fn of(app: &App, named: &[PathBuf]) -> Self {
        let file = match &app.source {
            Source::File(file) => std::path::absolute(file).ok(),
            Source::Module(_) | Source::PasteDeploy { .. } => None,
        };
        let real = file.as_ref().and_then(|file| file.canonicalize().ok());
        let folder = std::path::absolute(app.folder()).ok();
        let real = real.and_then(|real| real.parent().map(Path::to_owned));
        let mut folders: Vec<PathBuf> = folder.into_iter().chain(real).collect();
        folders.extend_from_slice(named);
        Self { file, folders }
    }

    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// A sentence, where one of these explains that `name` is not found, or that it has not what was to be
    /// imported from it.
    pub(super) fn explains(
        &self,
        name: &str,
        is_missing: bool,
        path: &[PathBuf],
    ) -> Option<String> {
        let top = name.split('.').next().unwrap_or(name);
        let elsewhere = path
            .iter()
            .filter(|folder| !self.folders.contains(folder))
            .find(|folder| is_module(&folder.join(top)));
        self.hides(name, top, elsewhere).or_else(|| {
            if !is_missing || elsewhere.is_some() {
                return None;
            }
            self.is_incomplete(name, top)
                .or_else(|| self.is_itself(top))
                .or_else(|| self.is_around(top))
                .or_else(|| self.is_written_otherwise(top))
        })
    }

    /// A file that is imported in the place of a package.
    fn hides(&self, name: &str, top: &str, elsewhere: Option<&PathBuf>) -> Option<String> {
        let mut files = self
            .folders
            .iter()
            .map(|folder| with_ending(&folder.join(top)));
        let file = files.find(|file| file.is_file())?;
        let file = file.display();
        match elsewhere {
            Some(folder) => Some(format!(
                "`{file}` hides the `{top}` that is in `{}`, as the application's folder comes first: \
                 rename the file",
                folder.display()
            )),
            None if name != top => Some(format!(
                "`{top}` is the application's own file `{file}`, which has no modules in it: import from \
                 `{top}`, or rename the file where a package `{top}` is meant"
            )),
            None => None,
        }
    }

    /// A package that has not this module.
    fn is_incomplete(&self, name: &str, top: &str) -> Option<String> {
        let mut folders = self.folders.iter().map(|folder| folder.join(top));
        let mut place = folders.find(|folder| folder.is_dir())?;
        for part in name.split('.').skip(1) {
            let next = place.join(part);
            if !next.is_dir() {
                let place = place.display();
                return Some(format!(
                    "`{top}` is a package of the application's own, and `{place}` has neither \
                     `{part}.py` nor a folder `{part}`: put the file there, or correct the import"
                ));
            }
            place = next;
        }
        None
    }

    /// The application's file, by a name that no import finds.
    fn is_itself(&self, top: &str) -> Option<String> {
        let file = self.file.as_ref()?;
        let is_it =
            file.file_stem() == Some(OsStr::new(top)) && file.extension() != Some(OsStr::new("py"));
        is_it.then(|| {
            format!(
                "`{top}` is the application itself, `{}`, which cannot be imported as its name does not \
                 end in `.py`: move what is imported into a file of its own",
                file.display()
            )
        })
    }

    /// The folder that the application is in.
    fn is_around(&self, top: &str) -> Option<String> {
        let mut folders = self.folders.iter();
        let folder = folders.find(|folder| folder.file_name() == Some(OsStr::new(top)))?;
        let above = folder.parent()?;
        Some(format!(
            "`{top}` is the folder that the application is in, and is looked for in the folder above it \
             only where that is named: --python-path {}",
            above.display()
        ))
    }

    /// The same name in other letters.
    fn is_written_otherwise(&self, top: &str) -> Option<String> {
        let names = [top.to_owned(), format!("{top}.py")];
        self.folders.iter().find_map(|folder| {
            let mut entries = fs::read_dir(folder).ok()?.flatten();
            let alike = entries.find_map(|entry| {
                let found = entry.file_name().into_string().ok()?;
                let is_alike = names.iter().any(|name| found.eq_ignore_ascii_case(name));
                is_alike.then_some(found)
            })?;
            Some(format!(
                "`{}` has `{alike}`, and upper and lower case make different names: rename it or correct \
                 the import",
                folder.display()
            ))
        })
    }
}

/// Whether something there is imported by that name.
fn is_module(place: &Path) -> bool {
    place.is_dir() || with_ending(place).is_file()
}
