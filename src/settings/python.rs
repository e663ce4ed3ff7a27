//! Which Python answers, and whose packages it has. Decided before any Python runs, from what was
//! named and from what lies beside the script.
//!
//! CPython accepts a broken environment without a word, even one whose executable is missing. So
//! what was named is checked here, with an error that says what is wrong. Paths are never
//! canonicalised: Python finds its environment by the path of `bin/python3`.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use rustix::fs::Access;

use crate::config::Config;
use crate::permissions::{closed_part, user};

/// Where systems and hosts keep their Python, in the order in which it is looked for.
const PLACES: [&str; 4] = [
    "/usr/bin/python3",
    "/usr/local/bin/python3",
    "/opt/bin/python3",
    "/opt/local/bin/python3",
];

/// A Python and where the application's packages come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packages {
    /// A virtual environment.
    Venv(Venv),
    /// Those that a Python has itself.
    Own {
        /// That Python.
        python: PathBuf,
        /// Where a virtual environment was looked for.
        looked_in: Vec<PathBuf>,
    },
}

/// A virtual environment that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Venv {
    /// Its folder.
    pub root: PathBuf,
    /// Its interpreter, as a path inside it.
    pub executable: PathBuf,
}

impl Packages {
    /// The Python that was named, else the environment that was named, else `VIRTUAL_ENV`, else
    /// `.venv` or `venv` beside the application or one folder above, else the environment that
    /// `program` is installed in, else the system's Python.
    ///
    /// # Errors
    /// Where the one that is named or found is broken, and where there is none at all.
    pub fn find(config: &Config, virtual_env: Option<&Path>, program: &Path) -> Result<Self> {
        if let Some(python) = &config.python {
            return named(python);
        }
        if let Some(root) = config.venv.as_deref().or(virtual_env) {
            return Venv::open(root).map(Self::Venv);
        }
        let mut looked_in = Vec::new();
        for place in beside(config) {
            match fs::metadata(place.join("pyvenv.cfg")) {
                Ok(file) if file.is_file() => return Venv::open(&place).map(Self::Venv),
                // A folder that exists but cannot be read must not be skipped without a word.
                Err(error) if error.kind() == ErrorKind::PermissionDenied && place.is_dir() => {
                    return Err(closed(&place, &place.join("pyvenv.cfg")));
                }
                _ => looked_in.push(place),
            }
        }
        if let Some(prefix) = prefix_of(program)
            && prefix.join("pyvenv.cfg").is_file()
        {
            return Venv::open(prefix).map(Self::Venv);
        }
        let own = program.with_file_name("python3");
        let places = || PLACES.iter().map(Path::new);
        let found = [own.as_path()].into_iter().chain(places());
        match found.into_iter().find(|python| python.is_file()) {
            Some(python) => Ok(Self::Own {
                python: python.to_owned(),
                looked_in,
            }),
            None => bail!(
                "no Python found: looked for `{}`, {}, and for a virtual environment at {}: install \
                 Python 3.9 or newer (Debian: `apt install python3`), or name one with --python or \
                 --venv",
                own.display(),
                shown(places()),
                shown(looked_in.iter().map(PathBuf::as_path))
            ),
        }
    }

    /// The interpreter to start.
    #[must_use]
    pub fn executable(&self) -> &Path {
        match self {
            Self::Venv(venv) => &venv.executable,
            Self::Own { python, .. } => python,
        }
    }

    /// The files that this choice depends on, whether they exist or not.
    #[must_use]
    pub fn deciding_files(&self, config: &Config) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = beside(config)
            .map(|place| place.join("pyvenv.cfg"))
            .collect();
        if let Self::Venv(venv) = self {
            let own = ["pyvenv.cfg", "bin/python3", "bin/python"];
            files.extend(own.iter().map(|name| venv.root.join(name)));
        }
        files.push(self.executable().to_owned());
        files
    }
}

/// Where an environment is looked for when none was named.
fn beside(config: &Config) -> impl Iterator<Item = PathBuf> {
    let folder = std::path::absolute(config.app.folder()).unwrap_or(config.app.folder());
    let above = folder.parent().map(Path::to_owned);
    [Some(folder), above]
        .into_iter()
        .flatten()
        .flat_map(|folder| [folder.join(".venv"), folder.join("venv")])
}

/// `PREFIX` of `PREFIX/bin/wsgi-cgi`. A program anywhere else belongs to no prefix: what lies above its
/// folder may be anybody's.
#[must_use]
pub fn prefix_of(program: &Path) -> Option<&Path> {
    let folder = program.parent()?;
    folder.parent().filter(|_| folder.ends_with("bin"))
}

/// The Python that was named with `--python`.
fn named(python: &Path) -> Result<Packages> {
    let shown = python.display();
    match fs::metadata(python) {
        Ok(about) if about.is_file() => {}
        Ok(_) => {
            bail!("`{shown}` (--python) is not a program: name a Python, such as /usr/bin/python3")
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("{} may not run `{shown}` (--python): {error}", user())
        }
        Err(error) => bail!("`{shown}` (--python): {error}"),
    }
    Ok(Packages::Own {
        python: python.to_owned(),
        looked_in: Vec::new(),
    })
}

fn shown<'a>(paths: impl Iterator<Item = &'a Path>) -> String {
    let paths: Vec<_> = paths.map(|path| format!("`{}`", path.display())).collect();
    paths.join(", ")
}

impl fmt::Display for Packages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Venv(venv) => write!(f, "the virtual environment `{}`", venv.root.display()),
            Self::Own { python, looked_in } if looked_in.is_empty() => {
                write!(f, "`{}`", python.display())
            }
            Self::Own { python, looked_in } => write!(
                f,
                "`{}`, because there is no virtual environment at {}",
                python.display(),
                shown(looked_in.iter().map(PathBuf::as_path))
            ),
        }
    }
}

impl Venv {
    /// Checks the environment in `root`.
    ///
    /// # Errors
    /// When it is not a virtual environment, has no interpreter, or may not be read.
    pub fn open(root: &Path) -> Result<Self> {
        let shown = root.display();
        let remedy = format!("make it with `python3 -m venv {shown}`");
        let settings = root.join("pyvenv.cfg");
        fs::File::open(&settings).map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => closed(root, &settings),
            _ => {
                anyhow!("`{shown}` is not a virtual environment (no readable pyvenv.cfg): {remedy}")
            }
        })?;
        let executables = ["bin/python3", "bin/python"].map(|name| root.join(name));
        let found = executables.iter().find(|path| path.exists()).cloned();
        let Some(executable) = found else {
            refuse_closed(root, &executables[0])?;
            bail!(
                "broken virtual environment `{shown}`: its bin/python3 is missing{}: recreate it with \
                 `python3 -m venv --clear {shown}`, and install its packages again",
                match fs::read_link(&executables[0]) {
                    Ok(target) => format!(" (`{}` does not exist)", target.display()),
                    Err(_) => String::new(),
                }
            );
        };
        refuse_closed(root, &root.join("lib"))?;
        for packages in packages_in(root) {
            refuse_closed(root, &packages)?;
        }
        Ok(Self {
            root: root.to_owned(),
            executable,
        })
    }
}

/// The folders of packages, one for each version of Python that the environment has been used with.
fn packages_in(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root.join("lib"));
    let names = entries.into_iter().flatten().flatten();
    names
        .map(|entry| entry.path().join("site-packages"))
        .collect()
}

/// The folders of packages of the application's environment, even if its Python is missing.
#[must_use]
pub fn packages_of_broken(config: &Config) -> Vec<PathBuf> {
    let roots = match &config.venv {
        Some(named) => vec![named.clone()],
        None => beside(config).collect(),
    };
    roots.iter().flat_map(|root| packages_in(root)).collect()
}

/// An error where this process may not read or reach a part of the environment.
fn refuse_closed(root: &Path, part: &Path) -> Result<()> {
    let wanted = if part.is_dir() {
        Access::READ_OK | Access::EXEC_OK
    } else {
        Access::EXISTS
    };
    match rustix::fs::access(part, wanted) {
        Err(rustix::io::Errno::ACCESS) => Err(closed(root, part)),
        _ => Ok(()),
    }
}

/// What to open so that a part of the environment can be read.
fn closed(root: &Path, part: &Path) -> anyhow::Error {
    // A link may lead out of it.
    let target = fs::read_link(part).unwrap_or_else(|_| part.to_owned());
    let part = part.with_file_name("").join(target);
    let first = closed_part(&part).unwrap_or(part);
    // Above the environment there may be a home: it is opened no further than needed.
    let how = if first.starts_with(root) {
        "-R go+rX"
    } else {
        "go+x"
    };
    let verb = if first.is_dir() { "enter" } else { "read" };
    anyhow!(
        "{} may not read the virtual environment `{}`, because that user may not {verb} `{}`: `chmod {how} {}`",
        user(),
        root.display(),
        first.display(),
        first.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn venv() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("bin")).expect("a folder");
        fs::write(root.path().join("bin/python3"), "").expect("a file");
        fs::write(root.path().join("pyvenv.cfg"), "").expect("a file");
        root
    }

    #[test]
    fn a_missing_interpreter_is_an_error() {
        let root = venv();
        fs::remove_file(root.path().join("bin/python3")).expect("removed");
        let error = Venv::open(root.path()).expect_err("broken").to_string();
        assert!(error.contains("bin/python3 is missing"), "{error}");
    }

    #[test]
    fn the_executable_stays_inside_the_environment() {
        let root = venv();
        let executable = Venv::open(root.path()).expect("fine").executable;
        assert_eq!(executable, root.path().join("bin/python3"));
    }
}
