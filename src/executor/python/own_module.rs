//! Explains import errors that the application's own files or folders cause: a file that hides a package, a
//! file whose name cannot be imported, a folder that is not on the search path.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::import_error::with_ending;
use settings::config::{App, Source};

/// Where the application's own modules are.
pub(super) struct Own {
    /// The application's file, if it was given as a file.
    file: Option<PathBuf>,
    /// The file's folder, the folder of its link target, and those of --python-path.
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

    /// A sentence, if one of these explains why the module `name` was not found, or why it does not contain the
    /// imported name.
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
                .or_else(|| self.is_application(top))
                .or_else(|| self.is_application_folder(top))
                .or_else(|| self.differs_in_case(top))
        })
    }

    /// A file of the application that is imported instead of a package.
    fn hides(&self, name: &str, top: &str, elsewhere: Option<&PathBuf>) -> Option<String> {
        let mut files = self
            .folders
            .iter()
            .map(|folder| with_ending(&folder.join(top)));
        let file = files.find(|file| file.is_file())?;
        let file = file.display();
        match elsewhere {
            Some(folder) => Some(format!(
                "`{file}` hides the `{top}` in `{}`, because the application's folder is searched first: \
                 rename the file",
                folder.display()
            )),
            None if name != top => Some(format!(
                "`{top}` is the application's own file `{file}`, not a package: import from `{top}`, or \
                 rename the file if you mean an installed package `{top}`"
            )),
            None => None,
        }
    }

    /// A package of the application that does not contain the module.
    fn is_incomplete(&self, name: &str, top: &str) -> Option<String> {
        let mut folders = self.folders.iter().map(|folder| folder.join(top));
        let mut place = folders.find(|folder| folder.is_dir())?;
        for part in name.split('.').skip(1) {
            let next = place.join(part);
            if !next.is_dir() {
                let place = place.display();
                return Some(format!(
                    "`{top}` is the application's own package, and `{place}` has neither `{part}.py` \
                     nor a folder `{part}`: put the file there, or correct the import"
                ));
            }
            place = next;
        }
        None
    }

    /// The application's file, if its name cannot be imported.
    fn is_application(&self, top: &str) -> Option<String> {
        let file = self.file.as_ref()?;
        let is_it =
            file.file_stem() == Some(OsStr::new(top)) && file.extension() != Some(OsStr::new("py"));
        is_it.then(|| {
            format!(
                "`{top}` is the application itself, `{}`, which cannot be imported because its name does \
                 not end in `.py`: move the imported code to a `.py` file",
                file.display()
            )
        })
    }

    /// The folder that the application is in.
    fn is_application_folder(&self, top: &str) -> Option<String> {
        let mut folders = self.folders.iter();
        let folder = folders.find(|folder| folder.file_name() == Some(OsStr::new(top)))?;
        let above = folder.parent()?;
        Some(format!(
            "`{top}` is the folder of the application; to import it, add the folder above it to the \
             search path: --python-path {}",
            above.display()
        ))
    }

    /// A file or folder whose name differs only in upper and lower case.
    fn differs_in_case(&self, top: &str) -> Option<String> {
        let names = [top.to_owned(), format!("{top}.py")];
        self.folders.iter().find_map(|folder| {
            let mut entries = fs::read_dir(folder).ok()?.flatten();
            let alike = entries.find_map(|entry| {
                let found = entry.file_name().into_string().ok()?;
                let is_alike = names.iter().any(|name| found.eq_ignore_ascii_case(name));
                is_alike.then_some(found)
            })?;
            Some(format!(
                "`{}` has `{alike}`, which differs from the imported name only in upper and lower case: rename it or \
                 correct the import",
                folder.display()
            ))
        })
    }
}

/// Whether this path is a package, or a module without its `.py`.
fn is_module(place: &Path) -> bool {
    place.is_dir() || with_ending(place).is_file()
}
